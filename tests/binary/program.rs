//! The program as a child process whose words are kept.

use parking_lot::Mutex;
use pushward::model::SystemClock;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::process::ChildStdin;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_pushward");

/// Chosen: a loaded machine is slow, and a run that needs this long has failed.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
/// Chosen: how often what is waited for is looked at.
const POLL: Duration = Duration::from_millis(5);

/// A process that serves. Killed when it is dropped.
pub(crate) struct Program {
    child: Child,
    said: Arc<Mutex<Vec<u8>>>,
    readers: Vec<JoinHandle<()>>,
}

/// Runs a subcommand that ends by itself.
pub(crate) fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().unwrap()
}

/// Asks again and again until there is an answer; `what` says what was waited for in vain.
#[track_caller]
pub(crate) fn wait_for<T>(what: impl Fn() -> String, mut ask: impl FnMut() -> Option<T>) -> T {
    let clock = SystemClock::shared();
    let began = clock.tick();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(clock.tick().since(began) < DEADLINE, "not within {DEADLINE:?}: {}", what());
        std::thread::sleep(POLL);
    }
}

impl Program {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::spawn(Command::new(PROGRAM).args(arguments))
    }

    /// With so much memory of its own and no more (`RLIMIT_DATA`): an allocation beyond it ends the process.
    pub(crate) fn limited(kib: u64, arguments: &[&str]) -> Self {
        let limited = format!("ulimit -d {kib} && exec \"$0\" \"$@\"");
        Self::spawn(Command::new("sh").args(["-c", &limited, PROGRAM]).args(arguments))
    }

    /// With a pipe into it, for [`Self::write`].
    pub(crate) fn with_stdin(arguments: &[&str]) -> Self {
        Self::spawn(Command::new(PROGRAM).args(arguments).stdin(Stdio::piped()))
    }

    /// With an open socket, in the way of systemd: as descriptor 3, named in its environment.
    pub(crate) fn with_socket(socket: &TcpListener, arguments: &[&str]) -> Self {
        const PASSED: &str = r#"exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@""#;
        let socket = OwnedFd::from(socket.try_clone().unwrap());
        Self::spawn(Command::new("sh").args(["-c", PASSED, PROGRAM]).args(arguments).stdin(socket))
    }

    /// Writes into its stdin, which stays open until what is returned is dropped.
    pub(crate) fn write(&mut self, text: &str) -> ChildStdin {
        let mut stdin = self.child.stdin.take().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        stdin
    }

    /// As a command that is more than the program and its arguments, such as one that says on which core it runs.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let readers = vec![keep(child.stdout.take().unwrap(), &said), keep(child.stderr.take().unwrap(), &said)];
        Self { child, said, readers }
    }

    /// Everything on stdout and stderr until now.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&self.said.lock()).into_owned()
    }

    /// The line that has `words` in it.
    #[track_caller]
    pub(crate) fn line_with(&self, words: &str) -> String {
        // Only whole lines: the last one may still be under way.
        let found = || {
            let said = self.said();
            said.split_inclusive('\n').find(|line| line.ends_with('\n') && line.contains(words)).map(str::to_owned)
        };
        wait_for(|| format!("{words:?} in {}", self.said()), found)
    }

    /// The port of the main listener, when it serves.
    #[track_caller]
    pub(crate) fn port(&self) -> u16 {
        self.port_behind("addresses=")
    }

    /// The port of the operator's listener, when it serves.
    #[track_caller]
    pub(crate) fn ops_port(&self) -> u16 {
        self.port_behind("ops=")
    }

    #[track_caller]
    fn port_behind(&self, field: &str) -> u16 {
        let line = self.line_with("message=serving");
        let (_, rest) = line.split_once(field).unwrap();
        let digits = rest.split_once("127.0.0.1:").unwrap().1.split(|c: char| !c.is_ascii_digit()).next().unwrap();
        digits.parse().unwrap()
    }

    /// Its id: not reaped, so nobody else's.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, `TERM` or `INT`. The child is not yet reaped, so its id is nobody else's.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success(), "{kill}");
    }

    /// As `kill -9`: the process has no say in it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Whether it has ended.
    pub(crate) fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// The exit code, when it has ended and all it said was read; `None` if a signal ended it.
    #[track_caller]
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        let status = wait_for(|| "the end of the process".into(), || self.child.try_wait().unwrap());
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        status.code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may be over by now, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keep(mut stream: impl Read + Send + 'static, said: &Arc<Mutex<Vec<u8>>>) -> JoinHandle<()> {
    let said = said.clone();
    std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut chunk) {
            said.lock().extend_from_slice(&chunk[..read]);
        }
    })
}
