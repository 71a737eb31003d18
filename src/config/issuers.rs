//! `issuers`: whose JWTs are believed, and by which keys.

use super::fault::Faults;
use super::field::Field;
use super::field::Keys;
use super::field::Section;
use super::field::one_of;
use super::tenants::Names;
use super::tenants::narrowed_to;
use crate::model::TenantId;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const ISSUER: Keys = Keys {
    known: &[
        "preset",
        "issuer",
        "audiences",
        "algorithms",
        "jwks_file",
        "jwks_url",
        "jwks_ca_file",
        "jwks_token_file",
        "jwks_max_age",
        "leeway",
        "tenants",
    ],
    later: &[],
};

/// Keys are fetched more often than the least; the most is how long an issuer that is gone is believed.
const MAX_AGE: RangeInclusive<Duration> = Duration::from_secs(300)..=Duration::from_secs(30 * 86_400);
const MAX_AGE_DEFAULT: Duration = Duration::from_secs(86_400);
/// Clocks that are kept are closer than a second; RFC 7519 speaks of a few minutes at most.
const LEEWAY: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(60);
const LEEWAY_DEFAULT: Duration = Duration::from_secs(30);

/// One issuer of JWTs. Everything in it was checked: at least one audience, algorithm and tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// What rules, metrics and the audit call it.
    pub name: String,
    pub preset: Option<Preset>,
    /// The claim `iss`, as it stands in the token.
    pub issuer: String,
    /// One of them must be in the claim `aud`.
    pub audiences: BTreeSet<String>,
    pub algorithms: BTreeSet<Algorithm>,
    pub keys: KeySource,
    /// How long keys are believed when their URL does not answer; then the issuer is closed.
    pub jwks_max_age: Duration,
    /// How far its clock and ours may be apart: 60 s at most.
    pub leeway: Duration,
    /// Who may write rules on it.
    pub tenants: BTreeSet<TenantId>,
}

/// An issuer that is known by name: its URL, its algorithms, and which claims its owner cannot choose freely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    GithubActions,
    Gitlab,
    Kubernetes,
}

/// The signatures that are believed. All are asymmetric: a secret shared with an issuer is one that it can lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Ps384,
    Ps512,
    Es256,
    Es384,
    EdDsa,
}

/// Where an issuer's keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A JWKS file.
    File(PathBuf),
    /// An `https` URL of a JWKS.
    Url {
        url: String,
        /// PEM: the only CAs believed for it. Absent: the system's.
        ca_file: Option<PathBuf>,
        /// Sent as a bearer token, read anew for each request.
        token_file: Option<PathBuf>,
    },
}

impl Algorithm {
    pub const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// As RFC 7518 and RFC 8037 spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl Preset {
    pub const ALL: [Self; 3] = [Self::GithubActions, Self::Gitlab, Self::Kubernetes];

    pub const fn name(self) -> &'static str {
        match self {
            Self::GithubActions => "github-actions",
            Self::Gitlab => "gitlab",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// The `iss` of the service that everybody can use, and where its keys are, as its own documents say. A cluster is
    /// somebody's own.
    pub(super) const fn public(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::GithubActions => Some((
                "https://token.actions.githubusercontent.com",
                "https://token.actions.githubusercontent.com/.well-known/jwks",
            )),
            Self::Gitlab => Some(("https://gitlab.com", "https://gitlab.com/oauth/discovery/keys")),
            Self::Kubernetes => None,
        }
    }

    /// What an audience begins with that tokens for other services of this issuer have too.
    const fn shared_audience(self) -> &'static str {
        match self {
            Self::GithubActions => "https://github.com/",
            Self::Gitlab => "https://gitlab.com",
            Self::Kubernetes => "https://kubernetes.default.svc",
        }
    }
}

/// `issuers`, each by its name; `None` for one with a fault.
pub(super) fn read(field: &Field<'_>, tenants: &Names, faults: &mut Faults) -> BTreeMap<String, Option<Issuer>> {
    let mut issuers: BTreeMap<String, Option<Issuer>> = BTreeMap::new();
    for (name, field) in field.named("a map of issuers by their names", faults).unwrap_or_default() {
        // As a tenant's: it stands in metrics and logs as it is.
        if TenantId::parse(name).is_err() {
            field.fault(faults, "is no name of an issuer, expected 1 to 63 of a-z, 0-9 and '-', no '-' at either end");
        }
        let issuer = Issuer::read(name, &field, tenants, faults);
        let same = |other: &&Issuer| issuer.as_ref().is_some_and(|issuer| issuer.issuer == other.issuer);
        if let Some(other) = issuers.values().flatten().find(same) {
            let text = format!("has the iss of {:?} too, expected one of its own: tokens name no more", other.name);
            field.fault(faults, text);
        }
        issuers.insert(name.to_owned(), issuer);
    }
    issuers
}

impl Issuer {
    fn read(name: &str, field: &Field<'_>, tenants: &Names, faults: &mut Faults) -> Option<Self> {
        let section = field.section(&ISSUER, faults)?;
        let preset =
            section.get("preset").map(|_| section.word("preset", &Preset::ALL.map(|it| (it.name(), it)), faults));
        let preset = preset.map_or(Some(None), |preset| preset.map(Some))?;
        let written = section.get("issuer").map(|field| iss(field, preset, faults));
        let issuer = match (written, preset.and_then(Preset::public)) {
            (Some(written), _) => written,
            (None, Some((issuer, _))) => Some(issuer.to_owned()),
            (None, None) => section.required("issuer", "the claim `iss` as it stands in the token", faults).and(None),
        };
        let keys = keys(&section, preset, faults);
        let algorithms = match (section.get("algorithms"), preset) {
            (None, Some(_)) => Some([Algorithm::Rs256].into()),
            _ => algorithms(&section, faults),
        };
        let audiences = audiences(&section, preset, issuer.as_deref(), faults);
        let narrowed = section.required("tenants", "a list of tenants: who may write rules on it", faults).cloned();
        let narrowed = narrowed.and_then(|field| narrowed_to(&field, tenants, faults));
        let max_age = section.duration("jwks_max_age", MAX_AGE, faults).unwrap_or(MAX_AGE_DEFAULT);
        let leeway = section.duration("leeway", LEEWAY, faults).unwrap_or(LEEWAY_DEFAULT);
        Some(Self {
            name: name.to_owned(),
            preset,
            issuer: issuer?,
            audiences: audiences?,
            algorithms: algorithms?,
            keys: keys?,
            jwks_max_age: max_age,
            leeway,
            tenants: narrowed?,
        })
    }
}

fn iss(field: &Field<'_>, preset: Option<Preset>, faults: &mut Faults) -> Option<String> {
    let expected = "the claim `iss` as it stands in the token, 1 to 1024 bytes";
    let text = field.text(expected, faults)?;
    if text.is_empty() || text.len() > 1_024 || text.chars().any(char::is_control) {
        field.mismatch(faults, expected);
        return None;
    }
    // Its owner claims are asked for by its preset, so it cannot do without, nor under another's.
    let public = Preset::ALL.into_iter().find(|it| it.public().is_some_and(|(issuer, _)| same_service(issuer, text)));
    if let Some(public) = public
        && preset != Some(public)
    {
        field.fault(faults, format!("is open to everybody, expected `preset: {}` with it", public.name()));
    }
    Some(text.to_owned())
}

/// Whether an `iss` is that of a public service; GitHub gives its enterprises one with a path behind it.
fn same_service(public: &str, text: &str) -> bool {
    text.strip_prefix(public).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn keys(section: &Section<'_>, preset: Option<Preset>, faults: &mut Faults) -> Option<KeySource> {
    let expected = "jwks_url or jwks_file";
    let ca_file = section.path("jwks_ca_file", faults);
    let token_file = section.path("jwks_token_file", faults);
    // Another issuer's keys are elsewhere; a preset knows those of the public one.
    let known = preset.and_then(Preset::public).filter(|_| section.get("issuer").is_none());
    let url = match (section.get("jwks_file"), section.get("jwks_url"), known) {
        (Some(file), Some(_), _) => {
            file.fault(faults, format!("stands beside jwks_url, expected {expected}, not both"));
            return None;
        }
        (Some(_), None, _) => {
            for key in ["jwks_ca_file", "jwks_token_file"] {
                if let Some(field) = section.get(key) {
                    field.fault(faults, "stands beside jwks_file, which is not fetched, expected it beside jwks_url");
                }
            }
            return section.path("jwks_file", faults).map(KeySource::File);
        }
        (None, Some(field), _) => jwks_url(field, faults)?,
        (None, None, Some((_, url))) => url.to_owned(),
        (None, None, None) => {
            let text = format!("its keys are missing and have no default, expected {expected}");
            section.field.fault(faults, text);
            return None;
        }
    };
    Some(KeySource::Url { url, ca_file, token_file })
}

/// Keys that came in clear would be anybody's; a name and password in an URL end in logs.
fn jwks_url(field: &Field<'_>, faults: &mut Faults) -> Option<String> {
    let expected = "an https URL without user, password and fragment";
    let text = field.text(expected, faults)?;
    let good = text.parse::<http::Uri>().is_ok_and(|uri| {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let host = uri.host().unwrap_or_default();
        uri.scheme_str() == Some("https") && !host.is_empty() && !authority.contains('@')
    });
    if good && !text.contains('#') && text.len() <= 2_048 {
        return Some(text.to_owned());
    }
    // Not repeated: a password may stand in it.
    field.fault(faults, format!("is none that keys are fetched from, expected {expected}"));
    None
}

fn algorithms(section: &Section<'_>, faults: &mut Faults) -> Option<BTreeSet<Algorithm>> {
    let names = Algorithm::ALL.map(Algorithm::name);
    let expected = format!("a list of {}", one_of(&names));
    let items = section.required("algorithms", &expected, faults)?.filled_list(&expected, faults)?;
    let before = faults.count();
    let mut algorithms = BTreeSet::new();
    for item in items {
        match item.secret() {
            Some("none" | "None" | "NONE") => {
                item.fault(
                    faults,
                    "is no signature: anybody could write such a token, expected an algorithm that signs",
                );
            }
            Some(text) if text.to_ascii_uppercase().starts_with("HS") => {
                let why =
                    "is signed with the secret that checks it: whoever reads it here could write tokens, expected";
                item.fault(faults, format!("{why} {}", one_of(&names)));
            }
            _ => algorithms.extend(item.word(&Algorithm::ALL.map(|it| (it.name(), it)), faults)),
        }
    }
    (faults.count() == before).then_some(algorithms)
}

fn audiences(
    section: &Section<'_>,
    preset: Option<Preset>,
    issuer: Option<&str>,
    faults: &mut Faults,
) -> Option<BTreeSet<String>> {
    let expected = "a list of audiences, such as this gateway's own URL";
    let items = section.required("audiences", expected, faults)?.filled_list(expected, faults)?;
    let before = faults.count();
    let mut audiences = BTreeSet::new();
    for item in items {
        let expected = "an audience of 1 to 1024 bytes";
        let Some(text) = item.text(expected, faults) else {
            continue;
        };
        if text.is_empty() || text.len() > 1_024 {
            item.mismatch(faults, expected);
        }
        let shared = preset.is_some_and(|preset| text.starts_with(preset.shared_audience())) || Some(text) == issuer;
        if shared {
            let why = "is an audience of other services too, whose tokens would be good here, expected";
            faults.caution(&item.place(), format!("{text:?} {why} this gateway's own URL"));
        }
        audiences.insert(text.to_owned());
    }
    (faults.count() == before).then_some(audiences)
}
