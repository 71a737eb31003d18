//! `pushward quickstart`: from nothing to a first push, with TLS and tokens.

mod files;
mod paste;

use self::files::Plan;
use super::Surroundings;
use super::Trouble;
use super::args::Quickstart;
use super::new_file;
use super::new_file::Audience;
use super::serve;
use std::path::Path;
use std::process::ExitCode;

pub(super) fn run(args: &Quickstart, around: &mut Surroundings<'_>) -> Result<ExitCode, Trouble> {
    let dir = &args.dir;
    let made = |name: &&&str| dir.join(name).symlink_metadata().is_ok();
    let there: Vec<_> = files::NAMES.iter().filter(made).copied().collect();
    if there.is_empty() {
        let plan = Plan::new(args, around.clock.now())?;
        plan.make(dir)?;
        writeln!(around.out, "Made {}: configuration, certificates and tokens.", dir.display())?;
    } else if there.len() == files::NAMES.len() {
        writeln!(around.out, "{} is there already, so it is served as it is.", dir.display())?;
        if args.address.is_some() || !args.host.is_empty() || args.expose {
            let hint = "--address, --host and --expose are for a new directory and change nothing here";
            writeln!(around.err, "pushward: warning: {hint}")?;
        }
    } else {
        return Err(half_made(dir, &there));
    }
    new_file::directory(&dir.join("data"), Audience::Owner)?;
    let beginning = serve::load(&dir.join(files::CONFIG), around)?;
    paste::write(dir, &beginning.reading.config, around.out)?;
    serve::serve(beginning, around)
}

/// Some of the files are there: whose they are is not known, so nothing is written over or beside them.
fn half_made(dir: &Path, there: &[&str]) -> Trouble {
    let missing: Vec<_> = files::NAMES.iter().filter(|name| !there.contains(name)).copied().collect();
    let (dir, missing, there) = (dir.display(), missing.join(", "), there.join(", "));
    Trouble::Usage(format!(
        "{dir} is half made: {missing} missing, {there} there; move what is there away or take another --dir"
    ))
}
