//! `users_file`: users in the form of htpasswd, `name:hash` in each line, all with one grant.

use super::ConfigErrors;
use super::Fault;
use super::OperatorGrant;
use super::TenantGrant;
use super::User;
use super::claims::Claim;
use super::claims::Spots;
use super::claims::taken_by;
use super::credentials::Known;
use super::fault::Faults;
use super::fault::Place;
use super::field::Field;
use super::field::Keys;
use super::field::Section;
use super::files;
use super::grants;
use super::users;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

pub(super) const TENANT_USERS_FILE: Keys =
    Keys { known: &["path", "scopes", "jobs", "labels", "networks", "expires", "limits"], later: &[] };

pub(super) const OPERATOR_USERS_FILE: Keys =
    Keys { known: &["path", "scopes", "tenants", "networks", "expires"], later: &[] };

/// Some ten thousand users; beyond this somebody named the wrong file.
const FILE_BYTES_MAX: u64 = 4 << 20;
/// A name of 128 bytes and the longest hash, with room.
const LINE_BYTES_MAX: usize = 1_024;

/// A file of users and what each of them is granted; the grant's name is still empty.
#[derive(Clone, Debug)]
pub(super) struct UsersFile<G> {
    pub(super) path: PathBuf,
    pub(super) grant: G,
}

impl UsersFile<TenantGrant> {
    pub(super) fn named(field: &Field<'_>, known: &Known, faults: &mut Faults) -> Option<Self> {
        let section = field.section(&TENANT_USERS_FILE, faults)?;
        let path = path(&section, faults);
        let grant = grants::of_tenant(&section, known, faults);
        Some(Self { path: path?, grant: grant? })
    }
}

impl UsersFile<OperatorGrant> {
    pub(super) fn named(field: &Field<'_>, known: &Known, faults: &mut Faults) -> Option<Self> {
        let section = field.section(&OPERATOR_USERS_FILE, faults)?;
        let path = path(&section, faults);
        let grant = grants::of_operator(&section, known, faults);
        Some(Self { path: path?, grant: grant? })
    }
}

fn path(section: &Section<'_>, faults: &mut Faults) -> Option<PathBuf> {
    section.required("path", "the path of a file in the form of htpasswd", faults)?;
    section.path("path", faults)
}

/// A grant that can be given a user's name.
pub(super) trait Named: Clone {
    fn named(&self, name: &str) -> Self;
    fn name(&self) -> &str;
}

impl Named for TenantGrant {
    fn named(&self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.clone() }
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for OperatorGrant {
    fn named(&self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self.clone() }
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl<G: Named> UsersFile<G> {
    /// Those of `users` who came from a file before, with what this one grants.
    pub(super) fn again<'u>(
        &self,
        users: impl IntoIterator<Item = &'u User<G>>,
        of_file: &BTreeSet<String>,
    ) -> impl Iterator<Item = User<G>>
    where
        G: 'u,
    {
        let those = users.into_iter().filter(|user| of_file.contains(user.grant.name()));
        those.map(|user| User { hash: user.hash.clone(), grant: self.grant.named(user.grant.name()) })
    }

    /// The users, at least one, and where each of them stands.
    pub(super) fn read(&self) -> Result<(Vec<User<G>>, Spots), ConfigErrors> {
        let text = files::read(&self.path, FILE_BYTES_MAX, "a file of users")?;
        let mut faults = Faults::of(&self.path);
        let mut users = Vec::new();
        let mut spots = Spots::new();
        for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let line = line.trim_end();
            if line.trim_start().is_empty() || line.trim_start().starts_with('#') {
                continue;
            }
            let place = Place { line: number, column: 1, key: String::new() };
            match user(line) {
                Ok((name, hash)) => {
                    let spot = faults.spot(&place);
                    if let Some(holder) = spots.get(&Claim::Name(name.to_owned())) {
                        faults.add(&place, format!("its user's name {}", taken_by(holder, &spot)));
                        continue;
                    }
                    spots.insert(Claim::Name(name.to_owned()), spot);
                    users.push(User { hash, grant: self.grant.named(name) });
                }
                Err(wrong) => faults.add(&place, wrong),
            }
        }
        faults.finish()?;
        if users.is_empty() {
            return Err(empty(&self.path).into());
        }
        Ok((users, spots))
    }
}

fn empty(path: &Path) -> Fault {
    Fault::new(path, None, "", "holds no user, expected NAME:HASH in a line, or no `users_file`")
}

/// Nothing of a line is repeated: who knows what stands where a hash should.
fn user(line: &str) -> Result<(&str, super::PasswordHash), String> {
    if line.len() > LINE_BYTES_MAX {
        return Err(format!("is longer than {LINE_BYTES_MAX} bytes, expected NAME:HASH"));
    }
    let (name, hash) = line.split_once(':').ok_or("has no ':' in it, expected NAME:HASH")?;
    if !users::is_user_name(name) {
        return Err(format!("begins with no user's name, expected NAME:HASH with {}", users::NAME));
    }
    let hash = users::password_hash(hash).map_err(|wrong| format!("its hash {wrong}"))?;
    Ok((name, hash))
}
