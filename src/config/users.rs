//! `users`: who signs in with a password. The user name is the name in metrics and the audit, so it is unique as those.

use super::OperatorGrant;
use super::PasswordHash;
use super::TenantGrant;
use super::User;
use super::claims::Claim;
use super::credentials::Credentials;
use super::fault::Faults;
use super::field::Field;
use super::field::Keys;
use super::field::Section;
use super::grants;

pub(super) const TENANT_USER: Keys =
    Keys { known: &["name", "password_hash", "scopes", "jobs", "labels", "networks", "expires", "limits"], later: &[] };

pub(super) const OPERATOR_USER: Keys =
    Keys { known: &["name", "password_hash", "scopes", "tenants", "networks", "expires"], later: &[] };

pub(super) const NAME: &str = "a user's name: 1 to 128 printable bytes without ':'";

/// The forms that are computed here, for faults.
const FORMS: &str = "argon2id ($argon2id$v=19$…) or bcrypt ($2a$, $2b$, $2y$)";

/// Basic authentication ends the name at the first colon.
pub(super) fn is_user_name(name: &str) -> bool {
    grants::is_name(name) && !name.contains(':')
}

/// A hash, or what it is instead. The text itself is never part of the answer.
pub(super) fn password_hash(text: &str) -> Result<PasswordHash, String> {
    if ["$argon2id$", "$2a$", "$2b$", "$2y$"].iter().any(|begin| text.starts_with(begin)) {
        return PasswordHash::parse(text).map_err(|wrong| format!("cannot be used: {wrong}, expected {FORMS}"));
    }
    let begins = |begin: &str| text.starts_with(begin);
    let form = if begins("$apr1$") || begins("$1$") {
        "MD5"
    } else if begins("{SHA}") || begins("{SSHA}") {
        "SHA-1"
    } else if begins("$argon2") {
        "another argon2 than argon2id"
    } else if begins("$2") {
        "a bcrypt of an old kind"
    } else if begins("$5$") || begins("$6$") || begins("$y$") || begins("$7$") {
        "crypt"
    } else if begins("$") || begins("{") {
        "of an unknown form"
    } else if text.is_empty() {
        "empty"
    } else if is_des(text) {
        "crypt (DES) or plain text"
    } else {
        "plain text"
    };
    Err(format!("is {form}, which is not computed here, expected {FORMS}, as `pushward password hash` prints it"))
}

/// The 13 characters of the oldest crypt.
fn is_des(text: &str) -> bool {
    text.len() == 13 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/')
}

impl Credentials<'_> {
    pub(super) fn tenant_user(&mut self, field: &Field<'_>, faults: &mut Faults) -> Option<User<TenantGrant>> {
        let section = field.section(&TENANT_USER, faults)?;
        let user = self.user(&section, faults);
        let grant = grants::of_tenant(&section, self.known, faults);
        let (name, hash) = user?;
        Some(User { hash, grant: TenantGrant { name, ..grant? } })
    }

    pub(super) fn operator_user(&mut self, field: &Field<'_>, faults: &mut Faults) -> Option<User<OperatorGrant>> {
        let section = field.section(&OPERATOR_USER, faults)?;
        let user = self.user(&section, faults);
        let grant = grants::of_operator(&section, self.known, faults);
        let (name, hash) = user?;
        Some(User { hash, grant: OperatorGrant { name, ..grant? } })
    }

    fn user(&mut self, section: &Section<'_>, faults: &mut Faults) -> Option<(String, PasswordHash)> {
        let name = section.required("name", NAME, faults).and_then(|field| {
            let name = field.text(NAME, faults)?;
            if !is_user_name(name) {
                field.mismatch(faults, NAME);
                return None;
            }
            self.claim(Claim::Name(name.to_owned()), field, faults)?;
            Some(name.to_owned())
        });
        let expected = "a password's hash in quotes, as `pushward password hash` prints it";
        let hash = section.required("password_hash", expected, faults).and_then(|field| {
            // What stands here is not repeated: it may be the password.
            let Some(text) = field.secret() else {
                field.fault(faults, format!("is no text, expected {expected}"));
                return None;
            };
            password_hash(text).map_err(|wrong| field.fault(faults, wrong)).ok()
        });
        Some((name?, hash?))
    }
}
