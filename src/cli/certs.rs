//! `pushward certs dev`.

use super::Surroundings;
use super::Trouble;
use super::args::DevCerts;
use super::authority::Authority;
use super::authority::DEV;
use super::new_file;
use super::new_file::Audience;
use std::process::ExitCode;

/// The DNS name in the client's certificate. `.invalid` is nobody's, by RFC 6761.
const CLIENT: &str = "client.pushward.invalid";

pub(super) fn run(args: &DevCerts, around: &mut Surroundings<'_>) -> Result<ExitCode, Trouble> {
    let authority = Authority::new(DEV, around.clock.now())?;
    let (server, client) = (authority.server(&args.host)?, authority.client(CLIENT)?);
    let ca = authority.pem();
    let files = [
        ("ca.pem", &*ca, Audience::Everybody),
        ("server.pem", &server.certificate, Audience::Everybody),
        ("server-key.pem", &server.key, Audience::Owner),
        ("client.pem", &client.certificate, Audience::Everybody),
        ("client-key.pem", &client.key, Audience::Owner),
    ];
    // Asked before anything is made, so that no new server's certificate comes to lie beside an old CA.
    let there: Vec<_> = files.iter().map(|(name, ..)| *name).filter(|name| args.dir.join(name).exists()).collect();
    if !there.is_empty() {
        let (dir, there) = (args.dir.display(), there.join(", "));
        return Err(Trouble::Usage(format!("{dir} has {there} already; remove them or take another --dir")));
    }
    new_file::directory(&args.dir)?;
    for (name, content, audience) in files {
        let path = args.dir.join(name);
        new_file::create(&path, content, audience)?;
        writeln!(around.out, "{}", path.display())?;
    }
    writeln!(
        around.out,
        "They last 30 days, for development only. The CA's key is not written, so it signs nothing more."
    )?;
    Ok(ExitCode::SUCCESS)
}
