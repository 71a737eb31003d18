//! The client libraries people use, over TLS with quickstart's token: push, add and delete, what becomes of a grouping
//! value, and how much of a refusal they show.

use crate::quickstart::Quickstart;
use std::process::Command;

/// A program that makes one call of a library: URL, file of the token, verb, name, value, and a grouping value.
struct Client {
    name: &'static str,
    command: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
    /// What the library says besides: the protocol it spoke.
    speaks: &'static str,
    /// The value it was given and the one that is stored; `None` where the library cannot write it in a path.
    values: &'static [(&'static str, Option<&'static str>)],
    /// What it shows of an unknown token, and of one without the scope.
    shows: [&'static str; 2],
}

const UNAUTHENTICATED: &str = "credentials are missing, unknown or wrong [unauthenticated]";
const WITHOUT_THE_SCOPE: &str = "this credential has not the scope push [scope_refused]";
const ALL_OF_IT: [&str; 2] = [UNAUTHENTICATED, WITHOUT_THE_SCOPE];

const PYTHON: Client = Client {
    name: "python",
    command: &["python3", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/clients/python.py")],
    environment: &[],
    speaks: "",
    values: &[
        ("a/b", Some("a/b")),
        ("", Some("")),
        // Older releases send a plus.
        ("a b", Some("a b")),
        ("a+b", Some("a+b")),
        ("東京 é", Some("東京 é")),
    ],
    // The reason phrase is all that it shows.
    shows: ["HTTP Error 401: unauthenticated", "HTTP Error 403: scope_refused"],
};

const NODE: Client = Client {
    name: "node",
    command: &["node", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/clients/node.cjs")],
    environment: &[],
    speaks: "",
    values: &[
        // Written as %2F, which is a slash.
        ("a/b", None),
        ("", Some("")),
        ("a b", Some("a b")),
        ("a+b", Some("a+b")),
        ("東京 é", Some("東京 é")),
    ],
    shows: ALL_OF_IT,
};

const GO: Client = Client {
    name: "go",
    command: &["go-client"],
    environment: &[],
    speaks: "HTTP/2.0\n",
    values: &[
        ("a/b", Some("a/b")),
        ("", Some("")),
        // A space is sent as a plus, which is a plus in a path: with Pushgateway, too.
        ("a b", Some("a+b")),
        ("a+b", Some("a+b")),
        ("東京é", Some("東京é")),
    ],
    shows: ALL_OF_IT,
};

const CPP: Client = Client {
    name: "cpp",
    command: &["cpp-client"],
    environment: &[],
    speaks: "",
    // It writes a value into the path as it is.
    values: &[
        ("a/b", None),
        ("", Some("")),
        ("a b", None),
        ("a+b", Some("a+b")),
        ("a%20%2Bb", Some("a +b")),
        ("東京é", Some("東京é")),
    ],
    shows: ALL_OF_IT,
};

/// One call: whether it succeeded, and what it wrote.
fn call(client: &Client, files: &Quickstart, token: &str, verb: &str, name: &str, grouped: &str) -> (bool, String) {
    let ca = files.file("ca.pem");
    let mut command = Command::new(client.command[0]);
    command.args(&client.command[1..]).env("SSL_CERT_FILE", &ca).env("NODE_EXTRA_CA_CERTS", &ca);
    command.envs(client.environment.iter().copied());
    command.arg(files.url("")).arg(files.file(token)).args([verb, name, "1", grouped]);
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; run ./tests/run"));
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// The names and the grouping values that the tenant sees.
fn seen(files: &Quickstart) -> Vec<(String, String)> {
    let scrape = files.scrape();
    let lines = scrape.lines().filter(|line| !line.starts_with('#') && !line.starts_with("push_"));
    let seen = lines.map(|line| {
        let rest = line.split_once("{grouped=\"").unwrap_or_else(|| panic!("not grouped: {line}"));
        let (value, rest) = rest.1.split_once("\",").expect("further labels");
        assert_eq!(rest, "instance=\"\",job=\"library\"} 1");
        (line.split('{').next().unwrap_or_default().to_owned(), value.to_owned())
    });
    seen.collect()
}

fn works(client: &Client) {
    let files = Quickstart::start();
    let succeeds = |verb: &str, name: &str, grouped: &str| {
        let (good, text) = call(client, &files, "push.token", verb, name, grouped);
        assert!(good && text == client.speaks, "{} {verb} {grouped:?}: {text}", client.name);
    };
    let named = |names: &[&str], value: &str| -> Vec<(String, String)> {
        names.iter().map(|name| ((*name).to_owned(), value.to_owned())).collect()
    };
    for (given, stored) in client.values {
        let Some(stored) = stored else {
            let (good, text) = call(client, &files, "push.token", "push", "first", given);
            assert!(!good, "{} {given:?}: {text}", client.name);
            assert_eq!(seen(&files), []);
            continue;
        };
        for (verb, name, names) in
            [("add", "first", &["first"][..]), ("add", "second", &["first", "second"]), ("push", "third", &["third"])]
        {
            succeeds(verb, name, given);
            assert_eq!(seen(&files), named(names, stored), "{} {verb} {given:?}", client.name);
        }
        succeeds("delete", "nothing", given);
        assert_eq!(seen(&files), [], "{} delete {given:?}", client.name);
    }
    std::fs::write(files.file("unknown.token"), "unknown\n").expect("the directory is ours");
    for (token, shown) in ["unknown.token", "read.token"].into_iter().zip(client.shows) {
        for verb in ["push", "add"] {
            let (good, text) = call(client, &files, token, verb, "first", "x");
            assert!(!good && text.contains(shown), "{} {verb} with {token}: {text}", client.name);
        }
    }
}

#[test]
#[ignore = "needs Python's prometheus_client: ./tests/run"]
fn python_pushes_adds_and_deletes_and_shows_why_it_was_refused() {
    works(&PYTHON);
}

#[test]
#[ignore = "needs node and prom-client: ./tests/run"]
fn node_pushes_adds_and_deletes_and_shows_why_it_was_refused() {
    works(&NODE);
}

#[test]
#[ignore = "needs go-client: ./tests/run"]
fn go_pushes_adds_and_deletes_protobuf_over_http2_and_shows_why_it_was_refused() {
    works(&GO);
}

#[test]
#[ignore = "needs go-client: ./tests/run"]
fn go_pushes_adds_and_deletes_protobuf_over_http1_and_shows_why_it_was_refused() {
    works(&Client { environment: &[("HTTP", "1")], speaks: "HTTP/1.1\n", ..GO });
}

#[test]
#[ignore = "needs go-client: ./tests/run"]
fn go_pushes_adds_and_deletes_text_over_http2_and_shows_why_it_was_refused() {
    works(&Client { environment: &[("FORMAT", "text")], ..GO });
}

#[test]
#[ignore = "needs go-client: ./tests/run"]
fn go_pushes_adds_and_deletes_text_over_http1_and_shows_why_it_was_refused() {
    works(&Client { environment: &[("FORMAT", "text"), ("HTTP", "1")], speaks: "HTTP/1.1\n", ..GO });
}

#[test]
#[ignore = "needs cpp-client: ./tests/run"]
fn cpp_pushes_adds_and_deletes_and_shows_why_it_was_refused() {
    works(&CPP);
}

/// As the README has it: the value in URL-safe base64 where a path cannot hold it.
#[test]
#[ignore = "needs curl: ./tests/run"]
fn curl_pushes_adds_and_deletes_and_shows_why_it_was_refused() {
    let files = Quickstart::start();
    let body = files.file("body");
    let curl = |version: &str, method: &str, header: &str, path: &str| {
        let data = format!("@{}", body.display());
        let url = files.url(&format!("/metrics/job/library/{path}"));
        let mut arguments = vec!["--silent", "--show-error", "--path-as-is", "--write-out", "%{http_code}", version];
        arguments.extend(["--request", method, "--header", header, &url]);
        if method != "DELETE" {
            arguments.extend(["--data-binary", &data]);
        }
        files.curl(&arguments)
    };
    let header = format!("@{}", files.file("push.header").display());
    for version in ["--http1.1", "--http2"] {
        for (path, stored) in [
            ("grouped@base64/YS9i", "a/b"),
            ("grouped@base64/=", ""),
            ("grouped/", ""),
            ("grouped/a%20b", "a b"),
            ("grouped/a+b", "a+b"),
            ("grouped/%E6%9D%B1%E4%BA%AC%20%C3%A9", "東京 é"),
            ("grouped/東京", "東京"),
        ] {
            for (method, name, names) in
                [("POST", "first", "first"), ("POST", "second", "first second"), ("PUT", "third", "third")]
            {
                std::fs::write(&body, format!("{name} 1\n")).expect("the directory is ours");
                assert_eq!(curl(version, method, &header, path), "200", "{version} {method} {path}");
                let expected: Vec<_> = names.split(' ').map(|name| (name.to_owned(), stored.to_owned())).collect();
                assert_eq!(seen(&files), expected, "{version} {method} {path}");
            }
            assert_eq!(curl(version, "DELETE", &header, path), "202", "{version} {path}");
            assert_eq!(seen(&files), [], "{version} DELETE {path}");
        }
        let wrong = ["Authorization: Bearer unknown".to_owned(), files.bearer("read.token")];
        for (header, shown) in wrong.iter().zip(ALL_OF_IT) {
            let text = curl(version, "PUT", header, "grouped/x");
            assert!(text.starts_with(shown), "{version}: {text}");
        }
    }
}
