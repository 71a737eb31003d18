//! `pushward token new`.

use super::Surroundings;
use super::Trouble;
use super::args::NewToken;
use super::entry::Entry;
use super::new_file;
use super::new_file::Audience;
use crate::config::QUICKSTART_ID_PREFIX;
use crate::config::parse_duration;
use crate::model::OperatorScope;
use crate::model::Pattern;
use crate::model::PlainToken;
use crate::model::TenantId;
use crate::model::Timestamp;
use crate::model::Verb;
use std::process::ExitCode;
use std::time::Duration;

/// Longer is `never`, and the calendar of [`Timestamp`] ends in 2262.
const EXPIRES_MAX: Duration = Duration::from_secs(36_500 * 86_400);

pub(super) fn run(args: &NewToken, around: &mut Surroundings<'_>) -> Result<ExitCode, Trouble> {
    let (whose, known): (_, Vec<_>) = match (&args.tenant, &args.operator) {
        (Some(tenant), _) => (("tenants", tenant), Verb::ALL.map(Verb::name).into()),
        (None, operator) => {
            let operator = operator.as_ref().ok_or_else(|| usage("expected --tenant or --operator"))?;
            (("operators", operator), OperatorScope::ALL.map(OperatorScope::name).into())
        }
    };
    let (section, name) = whose;
    TenantId::parse(name).map_err(|error| usage(format!("{name:?} is no name for `{section}`: {error}")))?;
    let mut entry = Entry { expires: expires(&args.expires, around.clock.now())?, ..Entry::default() };
    for scope in &args.scope {
        if !known.contains(&scope.as_str()) {
            let known = known.join(", ");
            return Err(usage(format!("--scope {scope:?} is none for `{section}`, expected {known}")));
        }
        if !entry.scopes.contains(&scope.as_str()) {
            entry.scopes.push(scope);
        }
    }
    for job in &args.job {
        Pattern::parse(job).ok_or_else(|| usage("--job is empty, expected a job or a pattern such as 'backup-*'"))?;
        entry.jobs.push(job);
    }
    let token = new_token()?;
    match &args.token_file {
        Some(path) => new_file::create(path, token.reveal(), Audience::Owner)?,
        None => writeln!(around.out, "{}\n", token.reveal())?,
    }
    // As deep as `tokens:` stands in a file that indents by two, so that it can be pasted as it is.
    let entry = entry.yaml(&token, "      ");
    write!(around.out, "# {section}: {name}: tokens:\n{entry}")?;
    Ok(ExitCode::SUCCESS)
}

/// A token whose id is not by chance one that looks like quickstart's.
fn new_token() -> Result<PlainToken, Trouble> {
    loop {
        let token = PlainToken::generate("").map_err(|error| Trouble::Failure(error.to_string()))?;
        if !token.id().as_str().starts_with(QUICKSTART_ID_PREFIX) {
            return Ok(token);
        }
    }
}

fn expires(text: &str, now: Timestamp) -> Result<Option<Timestamp>, Trouble> {
    if text == "never" {
        return Ok(None);
    }
    parse_duration(text)
        .filter(|duration| (Duration::from_secs(1)..=EXPIRES_MAX).contains(duration))
        .map(|duration| Some(now.saturating_add(duration)))
        .ok_or_else(|| usage(format!("--expires {text:?} is no time, expected one such as 90d or 12h, or never")))
}

fn usage(text: impl Into<String>) -> Trouble {
    Trouble::Usage(text.into())
}
