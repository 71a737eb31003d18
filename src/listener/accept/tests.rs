use super::Accepting;
use super::Arrival;
use super::Connection;
use super::Door;
use crate::listener::CloseReason;
use crate::listener::ListenerEvents;
use crate::testkit::MockClock;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;
use tower::service_fn;

/// Fails as often as it is told to, and then opens.
struct Broken {
    errors: Mutex<VecDeque<io::Error>>,
    port: TcpListener,
}

impl Door for Broken {
    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let error = self.errors.lock().pop_front();
        match error {
            Some(error) => Err(error),
            None => self.port.accept().await,
        }
    }
}

#[derive(Default)]
struct Failures(AtomicUsize);

impl ListenerEvents for Failures {
    fn accept_failed(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn no_accept_error_ends_the_loop() {
    /// Linux' EMFILE.
    const TOO_MANY_FILES: i32 = 24;
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let _client = TcpStream::connect(port.local_addr().unwrap()).await.unwrap();
    let errors = Mutex::new(VecDeque::from([
        io::ErrorKind::ConnectionAborted.into(),
        io::Error::from_raw_os_error(TOO_MANY_FILES),
        io::Error::from_raw_os_error(TOO_MANY_FILES),
        io::ErrorKind::Other.into(),
    ]));
    let events = Arc::new(Failures::default());
    let clock = MockClock::new();
    let (arrived, mut arrivals) = tokio::sync::mpsc::channel(1);
    let stack = service_fn(move |arrival: Arrival| -> Connection {
        let arrived = arrived.clone();
        Box::pin(async move {
            arrived.send(arrival).await.unwrap();
            Ok(CloseReason::Done)
        })
    });
    let accepting = Accepting {
        door: Broken { errors, port },
        stack,
        tracker: TaskTracker::new(),
        clock: Arc::new(clock.clone()),
        events: events.clone(),
    };
    let time = async {
        loop {
            tokio::task::yield_now().await;
            clock.advance(Duration::from_millis(10));
        }
    };
    tokio::select! {
        () = accepting.run() => unreachable!("the loop ended"),
        () = time => unreachable!("time ended"),
        arrival = arrivals.recv() => assert!(arrival.is_some()),
    }
    assert_eq!(events.0.load(Ordering::SeqCst), 4);
}
