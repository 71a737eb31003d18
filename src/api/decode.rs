//! From a body's frames to its bytes, decompressed, and never more of them than allowed.

use super::ApiError;
use crate::listener::BodyTooSlow;
use axum::body::Body;
use axum::body::Bytes;
use flate2::write::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use http::header::CONTENT_TYPE;
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use std::io;
use std::io::Write;

/// The first allocation for a body; it grows with what really arrives.
const FIRST_BYTES: usize = 4096;
/// By this much, and a 512th for what deflate adds to what it cannot compress, a gzip body may be longer than what it
/// holds. Without a bound, members that hold nothing would come for as long as the deadline lets them.
const GZIP_OVERHEAD_MAX: u64 = 64 << 10;

/// Reads a body to its end. Stops at the first byte over `limit`, counted decompressed.
pub(super) async fn body_of(headers: &HeaderMap, body: Body, limit: u64) -> Result<Bytes, ApiError> {
    refuse_protobuf(headers)?;
    match encoding_of(headers)? {
        Encoding::Identity => plain(body, limit).await,
        Encoding::Gzip => gunzipped(body, limit).await,
    }
}

enum Encoding {
    Identity,
    Gzip,
}

fn encoding_of(headers: &HeaderMap) -> Result<Encoding, ApiError> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    let Some(value) = values.next() else {
        return Ok(Encoding::Identity);
    };
    let name = value.to_str().unwrap_or_default().trim();
    match name.to_ascii_lowercase().as_str() {
        "gzip" if values.next().is_none() => Ok(Encoding::Gzip),
        "identity" | "" if values.next().is_none() => Ok(Encoding::Identity),
        _ => Err(ApiError::Encoding(name.chars().take(32).collect())),
    }
}

/// Any content type is read as text, as upstream does, but the one that upstream reads as protobuf.
fn refuse_protobuf(headers: &HeaderMap) -> Result<(), ApiError> {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = value.split(';').map(str::trim);
    let is_protobuf = parts.next().unwrap_or_default().eq_ignore_ascii_case("application/vnd.google.protobuf");
    let parameters: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
    let has = |name: &str, value: &str| {
        parameters.iter().any(|(n, v)| n.eq_ignore_ascii_case(name) && v.trim_matches('"') == value)
    };
    match is_protobuf && has("encoding", "delimited") && has("proto", "io.prometheus.client.MetricFamily") {
        true => Err(ApiError::Protobuf),
        false => Ok(()),
    }
}

async fn plain(mut body: Body, limit: u64) -> Result<Bytes, ApiError> {
    if body.size_hint().lower() > limit {
        return Err(ApiError::BodyTooLarge { limit });
    }
    let first = next_data(&mut body).await?.unwrap_or_default();
    let mut rest = next_data(&mut body).await?;
    if rest.is_none() && first.len() as u64 <= limit {
        // A body of one frame, as nearly every push is, is not copied.
        return Ok(first);
    }
    let mut whole = Capped::new(limit);
    whole.push(&first)?;
    while let Some(data) = rest {
        whole.push(&data)?;
        rest = next_data(&mut body).await?;
    }
    Ok(whole.bytes.into())
}

async fn gunzipped(mut body: Body, limit: u64) -> Result<Bytes, ApiError> {
    let mut decoder = MultiGzDecoder::new(Capped::new(limit));
    let fault = |decoder: &MultiGzDecoder<Capped>, error: io::Error| match decoder.get_ref().full {
        true => ApiError::BodyTooLarge { limit },
        false => ApiError::Encoded(error.kind().to_string()),
    };
    let compressed_max = limit.saturating_add(limit / 512).saturating_add(GZIP_OVERHEAD_MAX);
    let mut received = 0_u64;
    while let Some(data) = next_data(&mut body).await? {
        received = received.saturating_add(data.len() as u64);
        if received > compressed_max {
            return Err(ApiError::BodyTooLarge { limit });
        }
        decoder.write_all(&data).map_err(|error| fault(&decoder, error))?;
    }
    if received == 0 {
        return Err(ApiError::Encoded("EOF".into()));
    }
    decoder.try_finish().map_err(|error| fault(&decoder, error))?;
    Ok(std::mem::take(&mut decoder.get_mut().bytes).into())
}

async fn next_data(body: &mut Body) -> Result<Option<Bytes>, ApiError> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Some(Err(error)) if BodyTooSlow::caused(&error) => return Err(ApiError::BodyTooSlow),
            Some(Err(_)) => return Err(ApiError::BodyBroken),
        }
    }
}

/// Bytes up to a limit.
struct Capped {
    bytes: Vec<u8>,
    limit: u64,
    full: bool,
}

impl Capped {
    fn new(limit: u64) -> Self {
        Self { bytes: Vec::with_capacity(FIRST_BYTES), limit, full: false }
    }

    fn push(&mut self, data: &[u8]) -> Result<(), ApiError> {
        if (self.bytes.len() + data.len()) as u64 > self.limit {
            self.full = true;
            return Err(ApiError::BodyTooLarge { limit: self.limit });
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }
}

impl Write for Capped {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.push(data).map_err(|_| io::Error::other("over the limit"))?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::ApiError;
    use super::body_of;
    use axum::body::Body;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderMap;
    use std::io::Write;

    fn headers(encoding: &str) -> HeaderMap {
        HeaderMap::from_iter([(http::header::CONTENT_ENCODING, encoding.parse().unwrap())])
    }

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[tokio::test]
    async fn a_gzip_body_is_read_across_members_and_in_any_case() {
        let mut body = gzip(b"a 1\n");
        body.extend(gzip(b"b 2\n"));
        let read = body_of(&headers("GZip"), Body::from(body), 100).await.unwrap();
        assert_eq!(&read[..], b"a 1\nb 2\n");
    }

    #[tokio::test]
    async fn a_bomb_is_stopped_at_the_limit() {
        let bomb = gzip(&vec![b'a'; 50 << 20]);
        assert!(bomb.len() < 100_000);
        let error = body_of(&headers("gzip"), Body::from(bomb), 1 << 20).await.unwrap_err();
        assert!(matches!(error, ApiError::BodyTooLarge { limit: 1_048_576 }), "{error}");
    }

    #[tokio::test]
    async fn members_that_hold_nothing_are_stopped_at_the_limit() {
        let members = gzip(b"").repeat(10_000);
        assert!(members.len() > 150_000);
        let error = body_of(&headers("gzip"), Body::from(members), 1 << 10).await.unwrap_err();
        assert!(matches!(error, ApiError::BodyTooLarge { limit: 1024 }), "{error}");
        let mut noise = 1_u64;
        let bytes = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            noise.to_be_bytes()[0]
        });
        let incompressible: Vec<u8> = bytes.take(1 << 20).collect();
        let read = body_of(&headers("gzip"), Body::from(gzip(&incompressible)), 1 << 20).await.unwrap();
        assert_eq!(read.len(), 1 << 20);
    }

    #[tokio::test]
    async fn a_broken_gzip_body_is_malformed() {
        let good = gzip(b"a 1\n");
        let mut bad_sum = good.clone();
        let at = bad_sum.len() - 6;
        bad_sum[at] ^= 1;
        for bad in [&b""[..], b"junk", &good[..good.len() - 1], &good[..12], &bad_sum] {
            let error = body_of(&headers("gzip"), Body::from(bad.to_vec()), 100).await.unwrap_err();
            assert!(matches!(error, ApiError::Encoded(_)), "{error} for {bad:?}");
        }
    }

    #[tokio::test]
    async fn other_encodings_are_unsupported() {
        for encoding in ["deflate", "snappy", "zstd", "gzip, gzip", "gzip,identity"] {
            let error = body_of(&headers(encoding), Body::empty(), 100).await.unwrap_err();
            assert!(matches!(error, ApiError::Encoding(_)), "{error}");
        }
        assert!(body_of(&headers("identity"), Body::from("a 1\n"), 100).await.is_ok());
    }

    #[tokio::test]
    async fn a_plain_body_may_be_as_long_as_the_limit_and_no_longer() {
        let none = HeaderMap::new();
        assert!(body_of(&none, Body::from("12345"), 5).await.is_ok());
        let error = body_of(&none, Body::from("123456"), 5).await.unwrap_err();
        assert!(matches!(error, ApiError::BodyTooLarge { limit: 5 }));
    }
}
