//! The command line, as types. Secrets come from files, so no flag takes one.

use clap::Args;
use clap::Parser;
use clap::Subcommand;
use std::path::PathBuf;

/// A secured, multi-tenant push gateway for Prometheus.
#[derive(Debug, Parser)]
#[command(
    name = "pushward",
    version,
    after_help = "Exit codes: 0 clean stop, 1 runtime failure (check: a fault), 2 bad usage or configuration."
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a directory with configuration, certificates and tokens to try things, and serve it.
    Quickstart(Quickstart),
    /// Serve.
    Serve(WithConfig),
    /// Say what is wrong with a configuration; exit 1 if anything is.
    Check(WithConfig),
    /// Say who a token or certificate is, which rule says so, and what it may do; exit 1 if that is nothing.
    Explain(Explain),
    /// API tokens.
    #[command(subcommand)]
    Token(Token),
    /// Passwords.
    #[command(subcommand)]
    Password(Password),
    /// Certificates for development.
    #[command(subcommand)]
    Certs(Certs),
}

#[derive(Args, Debug)]
pub(super) struct Quickstart {
    /// Where to make it. With what is there already it only serves.
    #[arg(long, default_value = "pushward-quickstart")]
    pub(super) dir: PathBuf,
    /// IP address and port to listen on; :9091 is both families [default: 127.0.0.1:9091]
    #[arg(long)]
    pub(super) address: Option<String>,
    /// A further name or address for the server's certificate.
    #[arg(long, value_name = "NAME")]
    pub(super) host: Vec<String>,
    /// Let the tokens push.token and read.token be used from other machines.
    #[arg(long)]
    pub(super) expose: bool,
}

#[derive(Args, Debug)]
pub(super) struct WithConfig {
    /// The configuration file.
    #[arg(long)]
    pub(super) config: PathBuf,
}

#[derive(Args, Debug)]
pub(super) struct Explain {
    /// The configuration file.
    #[arg(long)]
    pub(super) config: PathBuf,
    /// A file with an API token and nothing else.
    #[arg(long, required_unless_present_any = ["certificate", "jwt_file"])]
    pub(super) token_file: Option<PathBuf>,
    /// A file with a JWT and nothing else. Keys are fetched from nowhere: with those of a file its signature is checked.
    #[arg(long, conflicts_with = "token_file")]
    pub(super) jwt_file: Option<PathBuf>,
    /// A client's certificate in PEM, leaf first, what leads to the CA behind it. Beside a token or JWT: what both may do.
    #[arg(long)]
    pub(super) certificate: Option<PathBuf>,
    /// A job that it is to touch.
    #[arg(long)]
    pub(super) job: Option<String>,
    /// What it is to do: PUT, POST, DELETE or GET.
    #[arg(long, default_value = "PUT")]
    pub(super) method: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Make a token: prints it, an empty line, and its entry for the configuration.
    New(NewToken),
}

#[derive(Args, Debug)]
pub(super) struct NewToken {
    /// The tenant it is for.
    #[arg(long, required_unless_present = "operator", conflicts_with = "operator")]
    pub(super) tenant: Option<String>,
    /// The operator it is for, instead of a tenant.
    #[arg(long)]
    pub(super) operator: Option<String>,
    /// What it may do: push, delete, read, admin; an operator's fleet:read, fleet:admin, ops:read. Repeatable.
    #[arg(long, required = true)]
    pub(super) scope: Vec<String>,
    /// A job it may touch; * stands for any run of characters. Repeatable. Default: all.
    #[arg(long, conflicts_with = "operator")]
    pub(super) job: Vec<String>,
    /// How long it lasts, such as 90d, or never.
    #[arg(long, default_value = "365d")]
    pub(super) expires: String,
    /// Write the token to this new file (mode 0600) and not to stdout.
    #[arg(long)]
    pub(super) token_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Password {
    /// Hash a password for the configuration: asks for it twice, or reads the first line of a pipe.
    Hash,
}

#[derive(Debug, Subcommand)]
pub(super) enum Certs {
    /// Make a throw-away CA with a server's certificate, and one with two clients' and a revocation list.
    Dev(DevCerts),
}

#[derive(Args, Debug)]
pub(super) struct DevCerts {
    /// Where to make them; files that are there already are kept, and an error.
    #[arg(long, default_value = "certs")]
    pub(super) dir: PathBuf,
    /// A further name or address for the server's certificate.
    #[arg(long, value_name = "NAME")]
    pub(super) host: Vec<String>,
}
