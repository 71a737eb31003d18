//! The main file and the files it names, put together into one configuration.

use super::Config;
use super::ConfigErrors;
use super::Fault;
use super::PartFault;
use super::Reading;
use super::Since;
use super::Tenant;
use super::TenantGrant;
use super::claim_rules;
use super::claims;
use super::claims::Claim;
use super::claims::Spots;
use super::claims::taken_by;
use super::fault::FAULTS_MAX;
use super::fault::Spot;
use super::judge;
use super::main_file::MainFile;
use super::parts::Candidate;
use super::parts::Content;
use super::parts::Ledger;
use super::parts::Part;
use super::parts::settle;
use super::tenants::Written;
use super::tenants_dir::Directory;
use super::tenants_dir::TenantFile;
use super::users_file::UsersFile;
use crate::model::TenantId;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::path::Path;
use std::path::PathBuf;

/// What is under way.
pub(super) struct Assembly<'a> {
    path: &'a Path,
    main: MainFile,
    since: Since<'a>,
    parts: Vec<Part>,
    /// Claims of the main file that belong to a part.
    own: BTreeMap<Claim, usize>,
    files: BTreeSet<PathBuf>,
    cautions: Vec<Fault>,
}

impl<'a> Assembly<'a> {
    pub(super) fn new(path: &'a Path, mut main: MainFile, since: Since<'a>) -> Self {
        let files = main.config.files.iter().cloned().collect();
        let cautions = std::mem::take(&mut main.cautions);
        Self { path, main, since, parts: Vec::new(), own: BTreeMap::new(), files, cautions }
    }

    /// Reads the other files, and decides what of them is in force.
    pub(super) fn finish(mut self, directory: Directory) -> Reading {
        self.main_tenants();
        self.operators();
        let of_directory = self.directory(directory);
        let ledger = Ledger::of_main_file(std::mem::take(&mut self.main.spots), &self.own);
        let spots = settle(&ledger, &mut self.parts);
        let mut parts = Vec::new();
        if !of_directory.is_empty() {
            parts.push(PartFault {
                part: "tenants_dir".into(),
                errors: ConfigErrors::from(of_directory),
                closed: false,
            });
        }
        let mut config = self.main.config;
        for part in self.parts {
            let (content, fault) = part.into_outcome();
            put(&mut config, content);
            parts.extend(fault);
        }
        config.files = self.files.into_iter().collect();
        let places = judge::Places { main: self.path, ops: &self.main.ops, tenants: &self.main.tenants };
        let cautions = judge::cautions(&config, &spots, &places, true, self.cautions);
        Reading { config, cautions, parts, spots }
    }

    /// Tenants of the main file that have a file of users.
    fn main_tenants(&mut self) {
        for (id, file) in std::mem::take(&mut self.main.users_files) {
            let Some(written) = self.main.config.tenants.get(&id).cloned() else {
                continue;
            };
            let claims = claims::of_tenant(&written);
            self.own.extend(claims.iter().map(|claim| (claim.clone(), self.parts.len())));
            let spot = |claim: Claim| Some((claim.clone(), self.main.spots.get(&claim)?.clone()));
            let spots = claims.into_iter().filter_map(spot).collect();
            let file =
                TenantFile { written: Written { tenant: written, users_file: Some(file) }, spots, cautions: vec![] };
            self.written_tenant(file, false);
        }
    }

    /// The tenants of the directory. The faults are those of none of them.
    fn directory(&mut self, directory: Directory) -> Vec<Fault> {
        let Directory { listing, kept, unreadable } = directory;
        let mut both = Vec::new();
        for (id, path) in listing.files {
            self.files.insert(path.clone());
            if self.main.config.tenants.contains_key(&id) {
                let text = format!("{id} stands in `tenants` too, expected it here or there");
                both.push(Fault::new(&path, None, "", text));
                continue;
            }
            let limits = (self.main.limits, &self.main.ceiling);
            let read = match listing.twice.get(&id) {
                None => TenantFile::read(&id, &path, limits, &self.main.known).map_err(ConfigErrors::into_faults),
                Some(second) => {
                    self.files.insert(second.clone());
                    let text = format!("is a second file of {id} beside {}, expected one", path.display());
                    Err(vec![Fault::new(second, None, "", text)])
                }
            };
            match read {
                Ok(file) => self.written_tenant(file, true),
                Err(faults) => self.unread_tenant(id, Some(path), faults),
            }
        }
        for (id, why) in kept {
            // A tenant that the main file has taken up since then is that one.
            if !self.main.config.tenants.contains_key(&id) {
                let last = self.since.last().and_then(|last| last.tenants.get(&id));
                let file = last.and_then(|last| last.file.clone());
                self.unread_tenant(id, file, why.into_iter().collect());
            }
        }
        // A file of users, of keys: what somebody names is there for a reason.
        let named = |file: &Path| self.files.contains(file);
        listing.strangers.into_iter().filter(|fault| !named(fault.file())).chain(both).chain(unreadable).collect()
    }

    /// A tenant that could be read. Where its file of users cannot, those that it had stay beside what is written now: so
    /// what was withdrawn is withdrawn. Only a tenant that was nothing before is closed.
    fn written_tenant(&mut self, file: TenantFile, of_directory: bool) {
        let TenantFile { written: Written { mut tenant, users_file }, spots, cautions } = file;
        self.cautions.extend(cautions);
        self.files.extend(users_file.as_ref().map(|file| file.path.clone()));
        let whole = self.last_tenant(&tenant.id);
        let mut faults = Vec::new();
        let mut candidates = VecDeque::new();
        match with_users(&tenant, users_file.as_ref(), &spots) {
            Ok((content, spots)) => {
                let in_force = whole.as_ref().is_some_and(|whole| whole.content == content);
                candidates.push_back(Candidate { content, spots, in_force });
            }
            Err(wrong) => faults = wrong,
        }
        if let (Some(last), Some(_), Some(file)) = (self.since.last(), &whole, &users_file) {
            candidates.push_back(self.with_last_users(last, &tenant, file, spots));
        }
        candidates.extend(whole.filter(|_| of_directory));
        let name = format!("tenant:{}", tenant.id);
        tenant.close();
        let closed = Content::Tenant(Box::new(tenant), BTreeSet::new());
        self.parts.push(Part { name, candidates, closed, faults });
    }

    /// A tenant whose own file cannot be read.
    fn unread_tenant(&mut self, id: TenantId, file: Option<PathBuf>, faults: Vec<Fault>) {
        let candidates = self.last_tenant(&id).into_iter().collect();
        let name = format!("tenant:{id}");
        let mut tenant = Tenant { file, ..Tenant::without_credentials(id, self.main.limits) };
        tenant.close();
        let closed = Content::Tenant(Box::new(tenant), BTreeSet::new());
        self.parts.push(Part { name, candidates, closed, faults });
    }

    /// A tenant as it is in force, without the rules of issuers and CAs that do not list it any more.
    fn last_tenant(&self, id: &TenantId) -> Option<Candidate> {
        let last = self.since.last()?;
        let mut tenant = last.tenants.get(id).filter(|tenant| !tenant.closed)?.clone();
        tenant.jwts.retain(|rule| {
            let issuer = self.main.config.issuers.get(&rule.issuer).filter(|issuer| issuer.tenants.contains(id));
            issuer.is_some_and(|issuer| claim_rules::wrong(&rule.claims, issuer).is_none())
        });
        tenant.certificates.retain(|rule| {
            let ca = self.main.known.client_cas.get(&rule.ca).and_then(Option::as_ref);
            ca.is_some_and(|ca| ca.tenants.contains(id) && rule.subject.wrong(ca).is_none())
        });
        let spot = self.kept_spot(&format!("tenant {id}"));
        let spots = claims::of_tenant(&tenant).into_iter().map(|claim| (claim, spot.clone())).collect();
        let names = tenant.users.iter().map(|user| user.grant.name.clone());
        let names = names.filter(|name| last.file_users.contains(name)).collect();
        Some(Candidate { content: Content::Tenant(Box::new(tenant), names), spots, in_force: true })
    }

    fn kept_spot(&self, what: &str) -> Spot {
        Spot::kept(self.path, format!("the last good state of {what}"))
    }

    /// What is written now, with the users that its file held before.
    fn with_last_users(
        &self,
        last: &Config,
        written: &Tenant,
        file: &UsersFile<TenantGrant>,
        mut spots: Spots,
    ) -> Candidate {
        let mut tenant = written.clone();
        let users = last.tenants.get(&tenant.id).map(|tenant| &tenant.users).into_iter().flatten();
        let users: Vec<_> = file.again(users, &last.file_users).collect();
        let names: BTreeSet<_> = users.iter().map(|user| user.grant.name.clone()).collect();
        // A user whom the tenant itself names by now is that one.
        tenant
            .users
            .extend(users.into_iter().filter(|user| !spots.contains_key(&Claim::Name(user.grant.name.clone()))));
        let spot = self.kept_spot(&format!("tenant {}", tenant.id));
        for name in &names {
            spots.entry(Claim::Name(name.clone())).or_insert_with(|| spot.clone());
        }
        Candidate { content: Content::Tenant(Box::new(tenant), names), spots, in_force: false }
    }

    /// Operators with a file of users. Those of a file that cannot be read stay, with what the main file grants now.
    fn operators(&mut self) {
        for (name, file) in std::mem::take(&mut self.main.operators_users_files) {
            let of = |users| Content::OperatorUsers(name.clone(), users);
            let last = self.since.last().and_then(|last| {
                let users: Vec<_> = file.again(&last.operators.get(&name)?.users, &last.file_users).collect();
                let spot = self.kept_spot(&format!("operator {name}"));
                let claims = users.iter().map(|user| (Claim::Name(user.grant.name.clone()), spot.clone()));
                let spots = claims.collect();
                (!users.is_empty()).then(|| Candidate { content: of(users), spots, in_force: true })
            });
            let (fresh, faults) = match file.read() {
                Ok((users, spots)) => (Some((of(users), spots)), Vec::new()),
                Err(errors) => (None, errors.into_faults()),
            };
            let fresh = fresh.map(|(content, spots)| {
                let in_force = last.as_ref().is_some_and(|last| last.content == content);
                Candidate { content, spots, in_force }
            });
            let closed = of(Vec::new());
            let candidates = fresh.into_iter().chain(last).collect();
            self.parts.push(Part { name: format!("operator:{name}"), candidates, closed, faults });
        }
    }
}

/// A tenant with the users of its file, and all that both claim.
fn with_users(
    tenant: &Tenant,
    file: Option<&UsersFile<TenantGrant>>,
    spots: &Spots,
) -> Result<(Content, Spots), Vec<Fault>> {
    let (mut tenant, mut spots, mut names) = (tenant.clone(), spots.clone(), BTreeSet::new());
    if let Some(file) = file {
        let (users, more) = file.read().map_err(ConfigErrors::into_faults)?;
        let twice = more.iter().filter_map(|(claim, spot)| Some(spot.fault(taken_by(spots.get(claim)?, spot))));
        let twice: Vec<_> = twice.take(FAULTS_MAX).collect();
        if !twice.is_empty() {
            return Err(twice);
        }
        names.extend(users.iter().map(|user| user.grant.name.clone()));
        tenant.users.extend(users);
        spots.extend(more);
    }
    Ok((Content::Tenant(Box::new(tenant), names), spots))
}

fn put(config: &mut Config, content: Content) {
    match content {
        Content::Tenant(tenant, names) => {
            config.file_users.extend(names);
            config.tenants.insert(tenant.id.clone(), *tenant);
        }
        Content::OperatorUsers(name, users) => {
            config.file_users.extend(users.iter().map(|user| user.grant.name.clone()));
            if let Some(operator) = config.operators.get_mut(&name) {
                operator.users.extend(users);
            }
        }
    }
}
