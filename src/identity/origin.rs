//! Browsers send what they were told to remember, for whichever page asks. This gateway is not for pages.

use super::IdentityError;
use http::HeaderMap;
use http::HeaderName;
use http::Method;
use http::header::HOST;
use http::header::ORIGIN;
use http::request::Parts;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses a changing request that a browser sends on behalf of another site's page.
pub(super) fn refuse_foreign_origins(head: &Parts) -> Result<(), IdentityError> {
    let safe = matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let host = head.uri.authority().map(|authority| authority.as_str());
    if !safe && is_foreign(&head.headers, host) {
        return Err(IdentityError::ForeignOrigin);
    }
    Ok(())
}

/// `host` is HTTP/2's `:authority`; on HTTP/1.1 the header `Host` stands for it.
fn is_foreign(headers: &HeaderMap, host: Option<&str>) -> bool {
    // One look at each header, of which there are five or ten: clients that are no browsers send neither.
    if !headers.keys().any(|name| *name == ORIGIN || *name == SEC_FETCH_SITE) {
        return false;
    }
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let cross_site = |site: &http::HeaderValue| site.as_bytes().eq_ignore_ascii_case(b"cross-site");
    if headers.get_all(SEC_FETCH_SITE).iter().any(cross_site) {
        return true;
    }
    let Some(origin) = text(ORIGIN) else { return false };
    let own = host.or(text(HOST)).unwrap_or_default();
    origin.split_once("://").map(|(_, host)| host) != Some(own)
}

#[cfg(test)]
mod tests {
    use super::is_foreign;
    use http::HeaderMap;

    fn foreign(headers: &[(&'static str, &'static str)]) -> bool {
        let map: HeaderMap = headers.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect();
        is_foreign(&map, None)
    }

    #[test]
    fn another_sites_page_is_foreign_and_a_client_without_origin_is_not() {
        assert!(!foreign(&[]));
        assert!(!foreign(&[("host", "push.example.org")]));
        assert!(!foreign(&[("host", "push.example.org"), ("origin", "https://push.example.org")]));
        assert!(foreign(&[("host", "push.example.org"), ("origin", "https://evil.example.org")]));
        assert!(foreign(&[("host", "push.example.org"), ("origin", "https://push.example.org:8443")]));
        assert!(foreign(&[("host", "push.example.org"), ("origin", "null")]));
        assert!(foreign(&[("host", "a"), ("sec-fetch-site", "cross-site")]));
        assert!(foreign(&[("host", "a"), ("sec-fetch-site", "Cross-Site")]));
        assert!(!foreign(&[("host", "a"), ("sec-fetch-site", "same-origin")]));
    }
}
