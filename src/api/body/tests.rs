use super::Encoding;
use super::Taken;
use super::Terms;
use crate::api::ApiError;
use crate::api::turns::Turns;
use crate::config::GatewayLimits;
use crate::limits::Ceilings;
use crate::limits::LimitsError;
use crate::limits::Meter;
use crate::model::OverBound;
use crate::model::PushBound;
use crate::model::PushBounds;
use crate::model::SystemClock;
use crate::model::TenantId;
use crate::rejection::Rejection;
use axum::body::Body;
use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderMap;
use http_body::Frame;
use std::convert::Infallible;
use std::io::Write;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;

async fn taken(headers: &HeaderMap, body: Body, terms: Terms<'_>) -> Result<Taken, Rejection> {
    super::body_of(Encoding::of(headers)?, body, terms).await
}

async fn within(headers: &HeaderMap, body: Body, bounds: PushBounds, turns: &Turns) -> Result<Bytes, ApiError> {
    let meter = Meter::default();
    let (ceilings, tenant) = (Ceilings::default(), TenantId::parse("red").unwrap());
    let terms = Terms { bounds: &bounds, meter: &meter, account: &|| ceilings.body(&tenant), turns };
    match taken(headers, body, terms).await {
        Ok(taken) => Ok(taken.bytes),
        Err(Rejection::Api(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

/// Held to a length alone.
async fn read(headers: &HeaderMap, body: Body, limit: u64, turns: &Turns) -> Result<Bytes, ApiError> {
    let bounds = PushBounds { body_bytes_max: limit, decompression_ratio_max: u64::MAX, ..PushBounds::default() };
    within(headers, body, bounds, turns).await
}

async fn body_of(headers: &HeaderMap, body: Body, limit: u64) -> Result<Bytes, ApiError> {
    read(headers, body, limit, &Turns::of(1)).await
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
    assert_eq!(error.to_string(), "the compressed body is malformed: it holds next to nothing");
    let incompressible = noise(1 << 20);
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

/// What cannot be compressed.
fn noise(bytes: usize) -> Vec<u8> {
    let mut noise = 1_u64;
    let mut next = || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        noise.to_be_bytes()[0]
    };
    (0..bytes).map(|_| next()).collect()
}

type Compress = fn(&[u8]) -> Vec<u8>;

const COMPRESSED: [(&str, Compress); 2] = [("snappy", snappy), ("ZSTD", zstd)];

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
    for (encoding, compress) in COMPRESSED {
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
    let noise = noise(200_000);
    for (encoding, compress) in COMPRESSED {
        let (headers, none) = (headers(encoding), Turns::of(0));
        let small = Body::from(compress(b"a 1\n"));
        assert_eq!(read(&headers, small, 1 << 20, &none).await.unwrap(), "a 1\n");
        let large = || Body::from(compress(&noise));
        let mut waiting = std::pin::pin!(read(&headers, large(), 1 << 20, &none));
        let first = std::future::poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_ready())).await;
        assert!(!first, "{encoding} did not wait for a turn");
        assert_eq!(body_of(&headers, large(), 1 << 20).await.unwrap(), noise);
    }
}

#[tokio::test]
async fn what_becomes_large_is_decompressed_in_its_turn_however_small_it_came() {
    let no_members = gzip(b"").repeat(3000);
    assert!(no_members.len() < 64 << 10);
    let bombs = |compress: Compress| compress(&vec![b'a'; 1 << 20]);
    let large = [("gzip", bombs(gzip)), ("snappy", bombs(snappy)), ("zstd", bombs(zstd)), ("gzip", no_members)];
    for (encoding, large) in large {
        let (headers, none) = (headers(encoding), Turns::of(0));
        let mut waiting = std::pin::pin!(read(&headers, Body::from(large), 2 << 20, &none));
        for _ in 0..100 {
            let done = std::future::poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_ready())).await;
            assert!(!done, "{encoding} did not wait for a turn");
        }
    }
    for (encoding, compress) in [("gzip", gzip as Compress), ("snappy", snappy), ("zstd", zstd)] {
        let small = Body::from(compress(&vec![b'a'; 16 << 10]));
        let read = read(&headers(encoding), small, 1 << 20, &Turns::of(0)).await.unwrap();
        assert_eq!(read.len(), 16 << 10, "{encoding}");
    }
}

#[tokio::test]
async fn a_bomb_does_not_fill_the_window_it_asks_for() {
    // A window of 8 MiB, and 64 blocks that say "128 KiB of this byte".
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 13 << 3];
    for block in 1..=64_u32 {
        let run = (128 << 10) << 3 | 1 << 1 | u32::from(block == 64);
        bomb.extend(&run.to_le_bytes()[..3]);
        bomb.push(b'\n');
    }
    let limits = GatewayLimits { bodies_in_flight_bytes_max: 4 << 20, ..GatewayLimits::default() };
    let (meter, turns, bounds) = (Meter::default(), Turns::of(1), PushBounds::default());
    let (ceilings, tenant) = (Ceilings::new(&limits, 1, &SystemClock::shared()), TenantId::parse("red").unwrap());
    let terms = Terms { bounds: &bounds, meter: &meter, account: &|| ceilings.body(&tenant), turns: &turns };
    let refused = taken(&headers("zstd"), Body::from(bomb.clone()), terms).await;
    let over = match refused {
        Err(Rejection::Api(ApiError::OverBound { over, .. })) => over,
        other => panic!("{other:?}"),
    };
    assert_eq!(over.bound, PushBound::DecompressionRatio);
    assert_eq!(body_of(&headers("zstd"), Body::from(bomb), 16 << 20).await.unwrap().len(), 8 << 20);
}

#[tokio::test]
async fn frames_that_hold_nothing_are_not_read_for_long() {
    // A frame that holds nothing, over and over.
    let nothing = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0];
    for (encoding, frame) in [("zstd", &nothing[..]), ("snappy", b"\xff\x06\0\0sNaPpY"), ("gzip", &gzip(b""))] {
        let headers = headers(encoding);
        assert!(body_of(&headers, Body::from(frame.repeat(1000)), 1 << 20).await.unwrap().is_empty(), "{encoding}");
        let error = body_of(&headers, Body::from(frame.repeat(20_000)), 1 << 20).await.unwrap_err();
        assert!(matches!(error, ApiError::Encoded(_)), "{encoding} {error}");
    }
}

#[tokio::test]
async fn a_body_may_become_so_many_times_what_was_sent_and_no_more() {
    let text = b"some_metric_name{label=\"value\"} 1\n".repeat(6_000);
    for (encoding, compress) in [("gzip", gzip as Compress), ("snappy", snappy), ("zstd", zstd)] {
        let sent = compress(&text);
        let times = (text.len() as u64).div_ceil(sent.len() as u64);
        assert!(times > 2, "{encoding}");
        let read = |ratio: u64, text: &[u8]| {
            let bounds = PushBounds { decompression_ratio_max: ratio, ..PushBounds::default() };
            let (headers, body) = (headers(encoding), Body::from(compress(text)));
            async move { within(&headers, body, bounds, &Turns::of(1)).await }
        };
        // What a decoder has read lags behind what it will have read, by a block at most.
        assert_eq!(read(times * 2, &text).await.unwrap(), text, "{encoding}");
        match read(times / 2, &text).await.unwrap_err() {
            ApiError::OverBound { over: OverBound { bound, limit, found }, .. } => {
                assert_eq!((bound, limit), (PushBound::DecompressionRatio, times / 2));
                assert!(found > limit && found <= times * 2, "{encoding} {found}");
            }
            other => panic!("{encoding} {other}"),
        }
        // What stays below 64 KiB may be as dense as it is.
        assert!(read(1, &text[..65_536]).await.is_ok(), "{encoding}");
        assert!(read(1, &text[..65_537]).await.is_err(), "{encoding}");
    }
}

/// A body of one frame, without an end, that tells how often it was asked for more.
struct Endless {
    frame: Bytes,
    asked: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(self.frame.clone()))))
    }
}

#[tokio::test]
async fn nothing_is_read_behind_the_first_byte_that_is_too_much() {
    for (encoding, frame, frames_max) in [
        ("identity", vec![b'a'; 1000], 66),
        // The first frame alone becomes too much.
        ("gzip", gzip(&vec![b'a'; 1 << 20]), 1),
        ("snappy", vec![b'a'; 1000], 140),
        ("zstd", vec![b'a'; 1000], 140),
    ] {
        let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let body = Body::new(Endless { frame: frame.into(), asked: asked.clone() });
        let error = body_of(&headers(encoding), body, 1 << 16).await.unwrap_err();
        assert!(matches!(error, ApiError::BodyTooLarge { limit: 65_536 }), "{encoding} {error}");
        let asked = asked.load(std::sync::atomic::Ordering::Relaxed);
        assert!(asked <= frames_max, "{encoding} asked {asked} times");
    }
}

#[tokio::test]
async fn no_frame_however_dense_keeps_others_from_their_turn() {
    let bomb = Bytes::from(gzip(&vec![b'a'; 8 << 20]));
    let headers = headers("gzip");
    let mut reading = std::pin::pin!(body_of(&headers, Body::from(bomb), 16 << 20));
    let mut polls = 0;
    let whole = std::future::poll_fn(|cx| {
        polls += 1;
        reading.as_mut().poll(cx)
    });
    assert_eq!(whole.await.unwrap().len(), 8 << 20);
    // 64 KiB in each, and what one call of the decoder may be over it.
    assert!(polls >= (8 << 20) / (112 << 10), "{polls}");
}

#[tokio::test]
async fn a_body_has_exactly_one_encoding() {
    for encodings in [
        &["deflate"][..],
        &["br"],
        &["gzip, gzip"],
        &["gzip,identity"],
        &["zstd, zstd"],
        &["gzip", "gzip"],
        &["identity", "gzip"],
        &["gzip", ""],
        &["identity", "identity"],
    ] {
        let encodings = encodings.iter().map(|name| (http::header::CONTENT_ENCODING, name.parse().unwrap()));
        let error = body_of(&HeaderMap::from_iter(encodings), Body::empty(), 100).await.unwrap_err();
        assert!(matches!(error, ApiError::Encoding(_)), "{error}");
    }
    let no_text = http::HeaderValue::from_bytes(b"\xff").unwrap();
    let error = body_of(&HeaderMap::from_iter([(http::header::CONTENT_ENCODING, no_text)]), Body::empty(), 100).await;
    assert!(matches!(error, Err(ApiError::Encoding(_))));
    assert!(body_of(&headers("identity"), Body::from("a 1\n"), 100).await.is_ok());
    assert!(body_of(&headers(""), Body::from("a 1\n"), 100).await.is_ok());
}

#[tokio::test]
async fn a_plain_body_may_be_as_long_as_the_limit_and_no_longer() {
    let none = HeaderMap::new();
    assert!(body_of(&none, Body::from("12345"), 5).await.is_ok());
    let error = body_of(&none, Body::from("123456"), 5).await.unwrap_err();
    assert!(matches!(error, ApiError::BodyTooLarge { limit: 5 }));
}

#[tokio::test]
async fn what_a_decoder_takes_is_accounted_for() {
    let limits = GatewayLimits { bodies_in_flight_bytes_max: 64 << 10, ..GatewayLimits::default() };
    let (meter, turns, bounds) = (Meter::default(), Turns::of(1), PushBounds::default());
    let (ceilings, tenant) = (Ceilings::new(&limits, 1, &SystemClock::shared()), TenantId::parse("red").unwrap());
    let terms = Terms { bounds: &bounds, meter: &meter, account: &|| ceilings.body(&tenant), turns: &turns };
    taken(&HeaderMap::new(), Body::from("a 1\n"), terms).await.unwrap();
    let refused = taken(&headers("gzip"), Body::from(gzip(b"a 1\n")), terms).await;
    assert!(matches!(refused, Err(Rejection::Limits(LimitsError::GatewayFull { .. }))), "{refused:?}");
    assert_eq!(ceilings.usage().0, 0);
}

/// A body of frames of so many bytes each.
struct Crumbs {
    bytes: Bytes,
    frame: usize,
}

impl http_body::Body for Crumbs {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = self.frame.min(self.bytes.len());
        let crumb = self.bytes.split_to(frame);
        Poll::Ready((!crumb.is_empty()).then(|| Ok(Frame::data(crumb))))
    }
}

#[tokio::test]
async fn a_turn_is_taken_for_much_of_a_body_in_however_small_frames_it_comes() {
    let noise = noise(1 << 20);
    for (encoding, compress) in [("gzip", gzip as Compress), ("snappy", snappy), ("zstd", zstd)] {
        let compressed = Bytes::from(compress(&noise));
        for frame in [1, 9, 10_000, 100_000, 4 << 20] {
            let (headers, turns) = (headers(encoding), Turns::of(1));
            let body = Body::new(Crumbs { bytes: compressed.clone(), frame });
            assert_eq!(read(&headers, body, 1 << 20, &turns).await.unwrap(), noise, "{encoding} {frame}");
            let taken = turns.taken();
            assert!((10..=80).contains(&taken), "{encoding} in frames of {frame}: {taken} turns");
        }
    }
}

#[tokio::test]
async fn a_turn_is_taken_for_many_frames_of_an_encoding_however_little_each_holds() {
    let noise = noise(1 << 20);
    for (encoding, compress) in [("gzip", gzip as Compress), ("snappy", snappy), ("zstd", zstd)] {
        let frames: Vec<u8> = noise.chunks(1000).flat_map(compress).collect();
        let turns = Turns::of(1);
        let body = read(&headers(encoding), Body::from(frames), 1 << 20, &turns).await.unwrap();
        assert_eq!(body, noise, "{encoding}");
        let taken = turns.taken();
        assert!((10..=100).contains(&taken), "{encoding}: {taken} turns for 1,049 frames");
    }
}
