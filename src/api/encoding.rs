//! Whether an answer goes out as gzip.

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// Whether the client asks for gzip, and for nothing that it likes better and gets: the answer as it is. What is no
/// encoding, or no weight, says nothing. Whoever compresses other answers on their way out agrees with it in all that is well
/// formed, and leaves alone what is compressed.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut identity, mut any) = (None, None, None);
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    for clause in values.flat_map(|value| value.split(',')) {
        let mut parts = clause.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let place = match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => &mut gzip,
            "identity" => &mut identity,
            "*" => &mut any,
            _ => continue,
        };
        if let Some(weight) = parts.next().map_or(Some(1.0), weight) {
            *place = Some(place.unwrap_or(0.0_f32).max(weight));
        }
    }
    let gzip: f32 = gzip.or(any).unwrap_or(0.0);
    gzip > 0.0 && identity.is_none_or(|identity| gzip >= identity)
}

fn weight(text: &str) -> Option<f32> {
    let weight = text.strip_prefix(['q', 'Q'])?.trim_start().strip_prefix('=')?.trim();
    let digits = weight.len() <= 5 && weight.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    weight.parse().ok().filter(|weight| digits && (0.0..=1.0).contains(weight))
}

#[cfg(test)]
mod tests {
    use super::takes_gzip;
    use http::HeaderMap;
    use http::header::ACCEPT_ENCODING;

    #[test]
    fn gzip_is_for_whoever_asks_for_it_and_likes_nothing_better() {
        for (accept, gzip) in [
            ("gzip", true),
            ("GZip;Q=0.001", true),
            ("deflate, x-gzip;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.000, *", false),
            ("*", true),
            ("*;q=0", false),
            ("br", false),
            ("", false),
            ("identity", false),
            ("gzip;q=0.5, identity", false),
            ("gzip, identity;q=0.5", true),
            ("gzip, identity;q=0", true),
            ("gzip;q=2", false),
            ("gzip;q=-0", false),
            ("gzip;q=NaN", false),
            (";;,=,q", false),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, accept.parse().unwrap())]);
            assert_eq!(takes_gzip(&headers), gzip, "{accept}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
