//! X.509-SVIDs: what the SPIFFE standard asks of a leaf, beside what every certificate is asked.
//!
//! The identity is the one URI and nothing else, so that rules of other kinds match nothing where a CA has a trust domain.

use super::shown::Leaf;

/// The standard's own bound on an identifier.
const ID_BYTES_MAX: usize = 2048;

/// The error says which demand is not met, and nothing of the certificate.
pub(super) fn check(leaf: &Leaf, trust_domain: &str) -> Result<(), &'static str> {
    let [id] = leaf.uris.as_slice() else {
        return Err("an X.509-SVID has exactly one name of type URI");
    };
    check_id(id, trust_domain)?;
    if leaf.is_ca {
        return Err("an X.509-SVID of a client is no CA");
    }
    let usage = leaf.key_usage.filter(|usage| usage.critical);
    let usage = usage.ok_or("an X.509-SVID has a critical extension keyUsage")?;
    if !usage.digital_signature || usage.signs_for_a_ca {
        return Err("the key of an X.509-SVID signs digitally, and neither certificates nor revocation lists");
    }
    Ok(())
}

/// Stricter than the standard in one thing: what it allows in capitals is wanted as everybody writes it.
fn check_id(id: &str, trust_domain: &str) -> Result<(), &'static str> {
    if id.len() > ID_BYTES_MAX {
        return Err("its SPIFFE ID is longer than 2048 bytes");
    }
    let behind = id.strip_prefix("spiffe://").ok_or("its URI is no SPIFFE ID")?;
    let (domain, path) = behind.split_once('/').ok_or("its SPIFFE ID has no path")?;
    if domain != trust_domain {
        return Err("its SPIFFE ID is of another trust domain");
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let good = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(allowed);
    if path.split('/').all(good) { Ok(()) } else { Err("the path of its SPIFFE ID is malformed") }
}

#[cfg(test)]
mod tests {
    use super::check;
    use super::check_id;
    use crate::identity::certificate::shown::KeyUsage;
    use crate::identity::certificate::shown::Leaf;

    #[test]
    fn an_id_is_of_the_trust_domain_and_has_a_path_of_plain_segments() {
        let good = |id: &str| check_id(id, "edge.example.org").is_ok();
        assert!(good("spiffe://edge.example.org/payments/laptop-7"));
        assert!(good("spiffe://edge.example.org/A_b.c/..."));
        for bad in [
            "spiffe://edge.example.org",
            "spiffe://edge.example.org/",
            "spiffe://edge.example.org//a",
            "spiffe://edge.example.org/a/",
            "spiffe://edge.example.org/a/../b",
            "spiffe://edge.example.org/./b",
            "spiffe://edge.example.org/a%2Fb",
            "spiffe://edge.example.org/a?q",
            "spiffe://edge.example.org/a#f",
            "spiffe://edge.example.org/a b",
            "spiffe://edge.example.org/\u{e4}",
            "spiffe://edge.example.org:443/a",
            "spiffe://me@edge.example.org/a",
            "spiffe://Edge.example.org/a",
            "spiffe://edge.example.org.evil/a",
            "spiffe://evil/edge.example.org/a",
            "SPIFFE://edge.example.org/a",
            "https://edge.example.org/a",
            "spiffe:/edge.example.org/a",
            "",
        ] {
            assert!(!good(bad), "{bad}");
        }
        assert!(!good(&format!("spiffe://edge.example.org/{}", "a".repeat(2048))));
    }

    #[test]
    fn a_leaf_has_one_uri_and_a_key_that_signs_for_nobody_else() {
        let usage = KeyUsage { critical: true, digital_signature: true, signs_for_a_ca: false };
        let leaf = |key_usage, is_ca, uris: &[&str]| Leaf {
            uris: uris.iter().map(|uri| (*uri).to_owned()).collect(),
            is_ca,
            key_usage,
            ..Leaf::default()
        };
        let id = ["spiffe://a/b"];
        assert!(check(&leaf(Some(usage), false, &id), "a").is_ok());
        assert!(check(&leaf(Some(usage), true, &id), "a").is_err());
        assert!(check(&leaf(Some(usage), false, &[]), "a").is_err());
        assert!(check(&leaf(Some(usage), false, &["spiffe://a/b", "spiffe://a/c"]), "a").is_err());
        assert!(check(&leaf(Some(usage), false, &["spiffe://a/b", "https://x/"]), "a").is_err());
        assert!(check(&leaf(None, false, &id), "a").is_err());
        assert!(check(&leaf(Some(KeyUsage { critical: false, ..usage }), false, &id), "a").is_err());
        assert!(check(&leaf(Some(KeyUsage { digital_signature: false, ..usage }), false, &id), "a").is_err());
        assert!(check(&leaf(Some(KeyUsage { signs_for_a_ca: true, ..usage }), false, &id), "a").is_err());
    }
}
