//! From a body's frames to its bytes, decompressed, and never more of them than allowed.

use super::ApiError;
use super::turns::Turns;
use crate::listener::BodyTooSlow;
use axum::body::Body;
use axum::body::Bytes;
use flate2::write::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::FrameDecoderError;
use ruzstd::decoding::errors::ReadFrameHeaderError;
use std::io;
use std::io::Read;
use std::io::Write;

/// The first allocation for a body; it grows with what really arrives.
const FIRST_BYTES: usize = 4096;
/// By this much, and a 512th for what deflate adds to what it cannot compress, a gzip body may be longer than what it
/// holds. Without a bound, members that hold nothing would come for as long as the deadline lets them.
const GZIP_OVERHEAD_MAX: u64 = 64 << 10;

/// What is decompressed before it is counted.
const PIECE_BYTES: usize = 16 << 10;

const ZSTD_WINDOW_MAX: u64 = 8 << 20;

/// Reads a body to its end. Stops at the first byte over `limit`, counted decompressed.
pub(super) async fn body_of(headers: &HeaderMap, body: Body, limit: u64, turns: &Turns) -> Result<Bytes, ApiError> {
    match encoding_of(headers)? {
        Encoding::Identity => plain(body, limit).await,
        Encoding::Gzip => gunzipped(body, limit).await,
        Encoding::Snappy => in_turn(unsnapped, compressed(body, limit).await?, limit, turns).await,
        Encoding::Zstd => in_turn(unzstd, compressed(body, limit).await?, limit, turns).await,
    }
}

enum Encoding {
    Identity,
    Gzip,
    /// Of frames, with checksums: not the raw blocks of remote write.
    Snappy,
    Zstd,
}

fn encoding_of(headers: &HeaderMap) -> Result<Encoding, ApiError> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    let Some(value) = values.next() else {
        return Ok(Encoding::Identity);
    };
    let name = value.to_str().unwrap_or_default().trim();
    match name.to_ascii_lowercase().as_str() {
        "gzip" if values.next().is_none() => Ok(Encoding::Gzip),
        "snappy" if values.next().is_none() => Ok(Encoding::Snappy),
        "zstd" if values.next().is_none() => Ok(Encoding::Zstd),
        "identity" | "" if values.next().is_none() => Ok(Encoding::Identity),
        _ => Err(ApiError::Encoding(name.chars().take(32).collect())),
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

/// A body that is decompressed once it is whole. What cannot be compressed grows by a little, and may.
async fn compressed(body: Body, limit: u64) -> Result<Bytes, ApiError> {
    let with_overhead = limit.saturating_add(limit / 32).saturating_add(1024);
    plain(body, with_overhead).await.map_err(|error| match error {
        ApiError::BodyTooLarge { .. } => ApiError::BodyTooLarge { limit },
        other => other,
    })
}

/// Decompresses: frames may hold nothing and still take time, by the million.
async fn in_turn(
    decompress: fn(&[u8], u64) -> Result<Bytes, ApiError>,
    body: Bytes,
    limit: u64,
    turns: &Turns,
) -> Result<Bytes, ApiError> {
    let done = turns.take(body.len(), move || decompress(&body, limit)).await;
    done.unwrap_or_else(|| Err(ApiError::Encoded("no decoder reads it".into())))
}

fn unsnapped(body: &[u8], limit: u64) -> Result<Bytes, ApiError> {
    let mut whole = Capped::new(limit);
    pour(&mut snap::read::FrameDecoder::new(body), &mut whole)?;
    Ok(whole.bytes.into())
}

/// Frames one behind the other, as the `zstd` tool makes them of several files. None may ask for a larger window than
/// RFC 9659 allows over HTTP.
fn unzstd(mut body: &[u8], limit: u64) -> Result<Bytes, ApiError> {
    let mut whole = Capped::new(limit);
    while !body.is_empty() {
        let malformed = |error: &dyn std::fmt::Display| ApiError::Encoded(error.to_string());
        let opened = StreamingDecoder::new_with_max_window_size(&mut body, ZSTD_WINDOW_MAX);
        let mut decoder = match opened {
            Ok(decoder) => decoder,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                body = body.get(length as usize..).ok_or_else(|| malformed(&"EOF"))?;
                continue;
            }
            Err(error) => return Err(malformed(&error)),
        };
        pour(&mut decoder, &mut whole)?;
        let decoder = decoder.into_frame_decoder();
        let sent = decoder.get_checksum_from_data();
        if sent.is_some() && sent != decoder.get_calculated_checksum() {
            return Err(malformed(&"invalid checksum"));
        }
    }
    Ok(whole.bytes.into())
}

/// Reads to the end, or to the first byte that is too much.
fn pour(from: &mut impl Read, to: &mut Capped) -> Result<(), ApiError> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => to.push(piece.get(..read).unwrap_or_default())?,
            Err(error) => return Err(ApiError::Encoded(error.to_string())),
        }
    }
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
    use super::Turns;
    use axum::body::Body;
    use axum::body::Bytes;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use http::HeaderMap;
    use std::io::Write;

    async fn body_of(headers: &HeaderMap, body: Body, limit: u64) -> Result<Bytes, ApiError> {
        super::body_of(headers, body, limit, &Turns::of(1)).await
    }

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

    fn snappy(data: &[u8]) -> Vec<u8> {
        let mut encoder = snap::write::FrameEncoder::new(Vec::new());
        encoder.write_all(data).unwrap();
        encoder.into_inner().unwrap()
    }

    fn zstd(data: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest)
    }

    #[tokio::test]
    async fn snappy_frames_and_zstd_are_read_as_far_as_the_limit() {
        for (encoding, compress) in [("snappy", snappy as fn(&[u8]) -> Vec<u8>), ("ZSTD", zstd)] {
            let small = [compress(b"a 1\n"), compress(b"b 2\n")].concat();
            let read = body_of(&headers(encoding), Body::from(small), 8).await.unwrap();
            assert_eq!(&read[..], b"a 1\nb 2\n");
            let bomb = compress(&vec![b'a'; 50 << 20]);
            assert!(bomb.len() < 4 << 20);
            for limit in [7, 1 << 20, 40 << 20] {
                let error = body_of(&headers(encoding), Body::from(bomb.clone()), limit).await.unwrap_err();
                assert!(matches!(error, ApiError::BodyTooLarge { limit: told } if told == limit), "{error}");
            }
            let good = compress(&(0..5000).flat_map(u32::to_le_bytes).collect::<Vec<_>>());
            let mut changed = good.clone();
            changed[good.len() / 2] ^= 0x10;
            for bad in [&b"junk"[..], &good[..good.len() - 1], &changed, &[1, 2, 3, 4, 5, 6, 7, 8]] {
                let error = body_of(&headers(encoding), Body::from(bad.to_vec()), 1 << 20).await.unwrap_err();
                assert!(matches!(error, ApiError::Encoded(_)), "{encoding} {error}");
            }
            assert!(body_of(&headers(encoding), Body::empty(), 10).await.unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn a_raw_snappy_block_is_no_snappy_stream_and_a_window_over_8_mib_is_refused() {
        let raw = snap::raw::Encoder::new().compress_vec(b"a 1\n").unwrap();
        assert!(matches!(body_of(&headers("snappy"), Body::from(raw), 100).await, Err(ApiError::Encoded(_))));
        // A frame that asks for 16 MiB to say nothing, and one that may be skipped.
        let wide = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 14 << 3, 0x01, 0x00, 0x00];
        assert!(matches!(body_of(&headers("zstd"), Body::from(wide.to_vec()), 100).await, Err(ApiError::Encoded(_))));
        let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9][..], &zstd(b"a 1\n")].concat();
        assert_eq!(&body_of(&headers("zstd"), Body::from(skipped), 100).await.unwrap()[..], b"a 1\n");
    }

    #[tokio::test]
    async fn what_is_large_while_compressed_is_decompressed_in_its_turn() {
        // A frame that holds nothing, over and over.
        let nothing = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0];
        for (encoding, frame) in [("zstd", &nothing[..]), ("snappy", b"\xff\x06\0\0sNaPpY")] {
            let (headers, none) = (headers(encoding), Turns::of(0));
            let small = Body::from(frame.repeat(100));
            assert!(super::body_of(&headers, small, 1 << 20, &none).await.unwrap().is_empty());
            let large = || Body::from(frame.repeat(10_000));
            let mut waiting = std::pin::pin!(super::body_of(&headers, large(), 1 << 20, &none));
            let first = std::future::poll_fn(|cx| std::task::Poll::Ready(waiting.as_mut().poll(cx).is_ready())).await;
            assert!(!first, "{encoding} did not wait for a turn");
            assert!(body_of(&headers, large(), 1 << 20).await.unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn other_encodings_are_unsupported() {
        for encoding in ["deflate", "br", "gzip, gzip", "gzip,identity", "zstd, zstd"] {
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
