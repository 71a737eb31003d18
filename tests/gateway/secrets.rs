//! No secret comes out anywhere.

use parking_lot::Mutex;
use pushward::testkit::GatewayBuilder;
use std::io::Write;
use std::sync::Arc;
use tracing_subscriber::fmt::MakeWriter;

#[derive(Clone, Default)]
pub(super) struct Caught(pub(super) Arc<Mutex<Vec<u8>>>);

impl Write for Caught {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Caught {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_token_sent_everywhere_comes_out_nowhere() {
    let caught = Caught::default();
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(caught.clone()).finish();
    let guard = tracing::subscriber::set_default(log);
    let builder = GatewayBuilder::new().tenant("red").token("red", "cron", &[pushward::model::Verb::Push], |token| {
        token.expires = Some(pushward::model::Timestamp::from_unix_seconds(1));
        token.networks = Some(vec!["192.0.2.0/24".parse().unwrap()]);
    });
    let debug = format!("{:?}", builder.config);
    let gateway = builder.start();
    let secrets: Vec<String> = ["red", "cron"].map(|name| gateway.token(name).to_owned()).into();
    let mut seen = debug;
    for secret in &secrets {
        for header in
            [format!("Bearer {secret}"), format!("Bearer {secret}x"), format!("Digest {secret}"), secret.clone()]
        {
            let client = gateway.stranger().with("authorization", &header);
            for (method, path) in [
                ("GET", "/metrics".to_owned()),
                ("PUT", "/metrics/job/a".to_owned()),
                ("PUT", "/metrics/job/a/b".to_owned()),
                ("DELETE", "/metrics/job/a".to_owned()),
                ("GET", "/nothing".to_owned()),
            ] {
                let answer = client.send(method, &path, "m 1\nm 1\n").await;
                seen.push_str(&format!("{:?}{:?}{}", answer.headers, answer.reason, answer.text()));
            }
        }
    }
    seen.push_str(&gateway.at_ops(&gateway.stranger()).get("/metrics").await.text());
    drop(guard);
    seen.push_str(&String::from_utf8_lossy(&caught.0.lock()));
    assert!(seen.contains("refused"), "nothing was logged, so nothing was shown");
    for secret in secrets {
        // The id between the underscores is no secret; what follows it is.
        let secret = secret.rsplit_once('_').unwrap().1;
        assert!(!seen.contains(secret) && !seen.contains(&secret[..12]), "a secret came out");
    }
}
