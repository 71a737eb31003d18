//! What quickstart prints: lines to paste, and no secret in them.

use crate::config::Config;
use crate::config::Listener;
use std::io;
use std::io::Write;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::path::Path;

/// How this machine itself reaches the listener, as `host:port`: over loopback, which is where the tokens are for.
pub(super) fn reached_at(addresses: &[SocketAddr]) -> String {
    let near = addresses.iter().filter_map(|address| {
        let ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let near = SocketAddr::new(ip, address.port());
        ip.to_canonical().is_loopback().then_some(near)
    });
    let nearest = near.min_by_key(SocketAddr::is_ipv6).or_else(|| addresses.first().copied());
    nearest.map(|address| address.to_string()).unwrap_or_default()
}

/// Writes what to paste into another terminal.
pub(super) fn write(dir: &Path, config: &Config, out: &mut dyn Write) -> io::Result<()> {
    let file = |name: &str| shell(&dir.join(name).display().to_string());
    let ca = file("ca.pem");
    let url = config.listeners.first().map(metrics_url).unwrap_or_default();
    // `@` belongs to the argument, so it is quoted with the path.
    let header = shell(&format!("@{}", dir.join("push.header").display()));
    writeln!(
        out,
        r#"
To push:
  printf 'backup_success 1\nbackup_last_timestamp %s\n' "$(date +%s)" | curl --cacert {ca} -H {header} --data-binary @- {url}/job/backup
To scrape what the tenant pushed (its token goes through a pipe: a command line can be seen by others):
  printf 'Authorization: Bearer %s' "$(cat {read})" | curl --cacert {ca} -H @- {url}
To scrape it all with Prometheus, with two alerts:
  prometheus --config.file={prometheus}

What was pushed is kept in {data}.
Ctrl-C stops. Serving {dir}"#,
        read = file("read.token"),
        prometheus = file("prometheus.yml"),
        data = file("data"),
        dir = shell(&dir.display().to_string()),
    )?;
    if let Some(address) = config.listeners.iter().find_map(Listener::beyond_loopback) {
        let others = "from other machines, copy ca.pem and push.header there; started with --expose, push.token and read.token work from there";
        writeln!(out, "It listens on {address} too: {others}.")?;
    }
    Ok(())
}

fn metrics_url(listener: &Listener) -> String {
    let scheme = listener.tls.as_ref().map_or("http", |_| "https");
    format!("{scheme}://{}{}/metrics", reached_at(&listener.addresses), listener.route_prefix)
}

/// `text` as one word of a shell.
fn shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-@+:,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::reached_at;
    use super::shell;

    #[test]
    fn a_path_is_one_word_of_the_shell() {
        assert_eq!(shell("a/b-c.d"), "a/b-c.d");
        assert_eq!(shell("a b"), "'a b'");
        assert_eq!(shell("it's $x"), r"'it'\''s $x'");
        assert_eq!(shell(""), "''");
    }

    #[test]
    fn the_machine_itself_comes_over_loopback() {
        for (addresses, expected) in [
            (&["127.0.0.1:9091"][..], "127.0.0.1:9091"),
            (&["0.0.0.0:80", "[::]:80"], "127.0.0.1:80"),
            (&["[::]:80"], "[::1]:80"),
            (&["10.0.0.1:80", "127.0.0.1:80"], "127.0.0.1:80"),
            (&["10.0.0.1:80"], "10.0.0.1:80"),
        ] {
            let addresses: Vec<_> = addresses.iter().map(|text| text.parse().unwrap()).collect();
            assert_eq!(reached_at(&addresses), expected);
        }
    }
}
