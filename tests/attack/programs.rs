//! The attackers that everybody has: Debian's slowhttptest and h2load.

use crate::attack::Attack;
use crate::attack::attacks;
use crate::force::Force;
use crate::force::Tally;
use crate::target::Target;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

/// Their own connections, each of which they open again when it is closed.
const PROGRAM: Attack =
    Attack { time: Duration::from_secs(3), memory_mib: 48, cpu_millis_each: 10, lines: [100, 250], ..Attack::COMMON };

attacks! {
    slowhttptests_slowloris_harms_nobody:
        Attack { name: "slowhttptest -H, slow headers", run: |t, f| slowhttptest(t, f, &["-H"]), ..PROGRAM };
    slowhttptests_slow_body_harms_nobody:
        Attack { name: "slowhttptest -B, slow body", run: |t, f| slowhttptest(t, f, &["-B"]), ..PROGRAM };
    slowhttptests_slow_read_harms_nobody:
        Attack { name: "slowhttptest -X, slow read", run: |t, f| slowhttptest(t, f, &["-X", "-k", "3"]), ..PROGRAM };
    h2loads_requests_harm_nobody: Attack { name: "h2load -m 100 without credentials", run: h2load, ..PROGRAM };
}

fn slowhttptest(target: &Target, force: Force, manner: &[&str]) -> Tally {
    let (lines, seconds) = (force.lines.to_string(), force.time.as_secs().to_string());
    let mut command = Command::new("slowhttptest");
    command.args(manner).args(["-c", &lines, "-r", &lines, "-i", "1", "-l", &seconds, "-p", "1", "-v", "0"]);
    run(command.args(["-u", &format!("https://127.0.0.1:{}/metrics", target.port)]));
    Tally { tries: force.lines as u64, ..Tally::default() }
}

/// A warm-up that is asked for makes it count by time, and a duration is what bounds it.
fn h2load(target: &Target, force: Force) -> Tally {
    let seconds = force.time.as_secs().to_string();
    let mut command = Command::new("h2load");
    command.args(["-c", "10", "-m", "100", "-D", &seconds, "-T", "5"]);
    let said = run(command.arg(format!("https://127.0.0.1:{}/metrics", target.port)));
    let count = |before: &str| said.split_once(before)?.0.rsplit(' ').next()?.parse().ok();
    let refused: u64 = count(" 4xx").unwrap_or_else(|| panic!("{said}"));
    let other: u64 = [" 2xx", " 3xx", " 5xx"].into_iter().filter_map(count).sum();
    assert_eq!(other, 0, "{said}");
    Tally { tries: refused, ..Tally::default() }
}

fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}; run ./tests/run"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
