//! Where a request leads, before the table of routes is asked: cleaned as Pushgateway cleans a path, and normalised once.
//!
//! What is not a route's own path passes the same guards as everything else: a stranger is told 401 there and nothing of
//! redirects, everybody else is redirected or told 404.
//!
//! A `Location` is a path and nothing more. It begins with exactly one slash and holds no backslash, which browsers take
//! for one: `//evil.example` and `/\evil.example` would be other hosts.

use axum::body::Body;
use axum::response::Response;
use http::HeaderValue;
use http::Method;
use http::StatusCode;
use http::Uri;
use http::header::LOCATION;
use http::uri::PathAndQuery;
use std::borrow::Cow;
use std::sync::Arc;

/// The paths of one listener.
#[derive(Clone, Debug)]
pub struct Paths {
    /// Empty or `/pg`: what every path begins with, and what the table knows nothing of.
    prefix: Arc<str>,
    /// Those without a variable part: with a slash behind them they lead back to themselves.
    exact: Arc<[&'static str]>,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Course {
    /// The table decides, on the path as it is.
    Straight,
    /// The table decides, on this path.
    As(String),
    Moved(Moved),
    /// There is no such path.
    Nowhere,
}

/// Where a request leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leads {
    /// To the table, by its path as it is now.
    Within,
    /// To another path.
    Away(Moved),
    Nowhere,
}

/// Another path is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    status: StatusCode,
    location: String,
}

impl Moved {
    /// The answer that says so.
    pub fn answer(&self) -> Option<Response> {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = self.status;
        answer.headers_mut().insert(LOCATION, HeaderValue::from_str(&self.location).ok()?);
        Some(answer)
    }
}

impl Paths {
    pub fn new(prefix: &str, exact: Vec<&'static str>) -> Self {
        Self { prefix: prefix.into(), exact: exact.into() }
    }

    /// Where a request leads. Its address becomes what the table knows: without the prefix, and normalised.
    pub fn lead(&self, method: &Method, uri: &mut Uri) -> Leads {
        match self.course(method, uri) {
            Course::Straight => Leads::Within,
            Course::As(path) => match with_path(uri, &path) {
                Some(led) => {
                    *uri = led;
                    Leads::Within
                }
                None => Leads::Nowhere,
            },
            Course::Moved(moved) => Leads::Away(moved),
            Course::Nowhere => Leads::Nowhere,
        }
    }

    fn course(&self, method: &Method, uri: &Uri) -> Course {
        let path = uri.path();
        let moved = |status, path: &str| Course::Moved(Moved { status, location: location(path, uri.query()) });
        if let Some(cleaned) = cleaned(path) {
            return moved(StatusCode::TEMPORARY_REDIRECT, &cleaned);
        }
        let normal = normalised(path);
        let Some(inner) = normal.strip_prefix(&*self.prefix).filter(|inner| inner.starts_with('/')) else {
            return Course::Nowhere;
        };
        if let Some(twin) = inner.strip_suffix('/').filter(|twin| self.exact.contains(twin)) {
            let reads = matches!(*method, Method::GET | Method::HEAD);
            // Of the others a 301 would make GETs in many a client.
            let status = if reads { StatusCode::MOVED_PERMANENTLY } else { StatusCode::TEMPORARY_REDIRECT };
            return moved(status, &format!("{}{twin}", self.prefix));
        }
        if inner == path { Course::Straight } else { Course::As(inner.to_owned()) }
    }
}

fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let text = uri.query().map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(text).ok()?);
    Uri::from_parts(parts).ok()
}

/// The path without `//`, `/./` and `/../`, if that is another one; a slash at its end stays. As Go's ServeMux does it:
/// on the path as it was sent, so that what is percent-encoded is none of these.
fn cleaned(path: &str) -> Option<String> {
    if !path.starts_with('/') || !(path.contains("//") || path.contains("/.")) {
        return None;
    }
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let mut clean = String::with_capacity(path.len());
    for segment in &kept {
        clean.push('/');
        clean.push_str(segment);
    }
    if kept.is_empty() || path.ends_with('/') {
        clean.push('/');
    }
    (clean != path).then_some(clean)
}

/// The path with those characters decoded that need no encoding (RFC 3986 §2.3), and `@`: `job%40base64` is
/// `job@base64`. Nothing that separates or escapes is touched, so what a group's path means stays what it was. A malformed
/// path stays as it is: decoded in part, `%%300` would become `%00`.
fn normalised(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut normal = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((plain, tail)) = rest.split_once('%') {
        normal.push_str(plain);
        let digits = tail.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let (Some(digits), Some(byte)) = (digits, byte) else {
            // Malformed as a whole: decoded in part it could come to mean something, `%%30A` a line feed.
            return Cow::Borrowed(path);
        };
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            normal.push(char::from(byte));
        } else {
            normal.push('%');
            normal.push_str(digits);
        }
        rest = tail.get(2..).unwrap_or_default();
    }
    normal.push_str(rest);
    if normal == path { Cow::Borrowed(path) } else { Cow::Owned(normal) }
}

/// A `Location` of this path, which begins with one slash, and this query.
fn location(path: &str, query: Option<&str>) -> String {
    let mut location = String::with_capacity(path.len());
    let text = [Some(path), query.map(|_| "?"), query];
    for byte in text.into_iter().flatten().flat_map(str::bytes) {
        // RFC 3986 §3.3 and §3.4: what a path and a query may hold as it is.
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte) {
            location.push(char::from(byte));
        } else {
            location.push_str(&format!("%{byte:02X}"));
        }
    }
    location
}

#[cfg(test)]
mod tests {
    use super::Course;
    use super::Moved;
    use super::Paths;
    use super::cleaned;
    use super::location;
    use super::normalised;
    use http::Method;
    use http::StatusCode;
    use http::Uri;
    use proptest::prelude::*;

    fn course(method: Method, path: &str) -> Course {
        let paths = Paths::new("", vec!["/metrics", "/metrics/job"]);
        paths.course(&method, &path.parse::<Uri>().unwrap())
    }

    fn moved(status: StatusCode, location: &str) -> Course {
        Course::Moved(Moved { status, location: location.to_owned() })
    }

    #[test]
    fn a_path_is_cleaned_as_it_was_sent() {
        for (path, clean) in [
            ("//metrics", "/metrics"),
            ("/metrics//job/x", "/metrics/job/x"),
            ("/metrics/./job/x", "/metrics/job/x"),
            ("/metrics/job/x/a//b/c", "/metrics/job/x/a/b/c"),
            ("/metrics/job/..", "/metrics"),
            ("/metrics/job/../", "/metrics/"),
            ("/../..", "/"),
            ("/.", "/"),
            ("//", "/"),
            ("//evil.example", "/evil.example"),
            ("///evil.example/..//x", "/x"),
            ("/a%2F//b", "/a%2F/b"),
        ] {
            assert_eq!(cleaned(path).as_deref(), Some(clean), "{path}");
            assert_eq!(course(Method::POST, path), moved(StatusCode::TEMPORARY_REDIRECT, clean), "{path}");
        }
        for path in ["/", "/metrics", "/metrics/", "/.well-known/x", "/a/..b/c.", "/a/%2E%2E/b", "/a%2F%2Fb", "/..."] {
            assert_eq!(cleaned(path), None, "{path}");
        }
    }

    #[test]
    fn a_slash_too_many_leads_back_and_keeps_the_method_of_a_change() {
        let (permanent, temporary) = (StatusCode::MOVED_PERMANENTLY, StatusCode::TEMPORARY_REDIRECT);
        assert_eq!(course(Method::GET, "/metrics/"), moved(permanent, "/metrics"));
        assert_eq!(course(Method::HEAD, "/metrics/?a=b"), moved(permanent, "/metrics?a=b"));
        assert_eq!(course(Method::PUT, "/metrics/job/?x"), moved(temporary, "/metrics/job?x"));
        assert_eq!(course(Method::GET, "/other/"), Course::Straight);
        assert_eq!(course(Method::PUT, "/metrics/job/x/"), Course::Straight);
    }

    #[test]
    fn what_needs_no_encoding_is_decoded_and_nothing_else() {
        for (path, normal) in [
            ("/metrics/job%40base64/eA", "/metrics/job@base64/eA"),
            ("/%6detrics/j%6Fb/x", "/metrics/job/x"),
            ("/a%2Fb%25%41%7E", "/a%2Fb%25A~"),
            ("/a%2", "/a%2"),
            ("/a%%41%zz", "/a%%41%zz"),
            ("/a%41%zz", "/a%41%zz"),
            ("/%%300", "/%%300"),
            ("/%%30A", "/%%30A"),
            ("/%2E%2E/x", "/../x"),
        ] {
            assert_eq!(normalised(path), normal, "{path}");
        }
    }

    #[test]
    fn a_prefix_is_taken_away_and_stands_in_every_location() {
        let paths = Paths::new("/pg", vec!["/metrics"]);
        let course = |path: &str| paths.course(&Method::GET, &path.parse::<Uri>().unwrap());
        assert_eq!(course("/pg/metrics"), Course::As("/metrics".to_owned()));
        assert_eq!(course("/%70g/metrics"), Course::As("/metrics".to_owned()));
        assert_eq!(course("/pg/pg/metrics"), Course::As("/pg/metrics".to_owned()));
        assert_eq!(course("/pg/"), Course::As("/".to_owned()));
        for outside in ["/metrics", "/", "/pg", "/pgx/metrics", "/PG/metrics", "/pg%2Fmetrics"] {
            assert_eq!(course(outside), Course::Nowhere, "{outside}");
        }
        assert_eq!(course("/pg//metrics?x"), moved(StatusCode::TEMPORARY_REDIRECT, "/pg/metrics?x"));
        assert_eq!(course("/pg/metrics/?x"), moved(StatusCode::MOVED_PERMANENTLY, "/pg/metrics?x"));
        assert_eq!(course("/pg/../metrics"), moved(StatusCode::TEMPORARY_REDIRECT, "/metrics"));
    }

    proptest! {
        #[test]
        fn a_location_is_a_path_on_this_host_and_settles_at_once(path in "[/.\\\\a-z%@?:\"{}|]{0,24}") {
            let Ok(uri) = format!("/{path}").parse::<Uri>() else { return Ok(()) };
            if let Course::Moved(Moved { location, .. }) = course_of(&uri) {
                prop_assert!(location.starts_with('/') && !location.starts_with("//"), "{}", location);
                prop_assert!(!location.contains('\\') && location.is_ascii());
                prop_assert!(cleaned(location.split('?').next().unwrap()).is_none());
            }
        }

        #[test]
        fn decoding_once_more_means_the_same(path in "/[a-z%0-9A-F/@]{0,24}") {
            let decoded = |text: &str| crate_decode(text);
            prop_assert_eq!(decoded(&normalised(&path)), decoded(&path));
        }
    }

    fn course_of(uri: &Uri) -> Course {
        Paths::new("/a", vec!["/metrics"]).course(&Method::GET, uri)
    }

    /// Percent-decoding in full, or nothing for what is malformed.
    fn crate_decode(text: &str) -> Option<Vec<u8>> {
        let mut bytes = text.bytes();
        let mut decoded = Vec::new();
        while let Some(byte) = bytes.next() {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            decoded.push(match byte {
                b'%' => u8::try_from(digit(bytes.next())? * 16 + digit(bytes.next())?).unwrap(),
                byte => byte,
            });
        }
        Some(decoded)
    }

    #[test]
    fn a_location_is_encoded_where_a_path_must_be() {
        assert_eq!(location("/\\evil.example", Some("a=\"b\"")), "/%5Cevil.example?a=%22b%22");
        assert_eq!(location("/a%20b", None), "/a%20b");
    }
}
