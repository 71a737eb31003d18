//! Parts of a configuration that can be at fault without harming the rest: which are in force as read, which as they
//! were, and which not at all.

use super::ConfigErrors;
use super::Fault;
use super::OperatorGrant;
use super::PartFault;
use super::Tenant;
use super::User;
use super::claims::Claim;
use super::claims::Spots;
use super::claims::taken_by;
use super::fault::FAULTS_MAX;
use super::fault::Spot;
use super::users_file::Named;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;

/// What a part brings into the configuration.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// A whole tenant, and which of its users stand in its `users_file`.
    Tenant(Box<Tenant>, BTreeSet<String>),
    /// The users of an operator's `users_file`.
    OperatorUsers(String, Vec<User<OperatorGrant>>),
}

impl Content {
    /// What proves its tokens and users, and the claim by which each is known.
    fn secrets(&self) -> Vec<(String, Claim)> {
        fn user<G: Named>(user: &User<G>) -> (String, Claim) {
            let name = user.grant.name();
            (format!("{name}:{}", user.hash.as_str()), Claim::Name(name.to_owned()))
        }
        match self {
            Self::Tenant(tenant, _) => {
                let tokens = tenant.tokens.iter().map(|token| token.digest.to_hex());
                tokens.map(|hex| (hex.clone(), Claim::Digest(hex))).chain(tenant.users.iter().map(user)).collect()
            }
            Self::OperatorUsers(_, users) => users.iter().map(user).collect(),
        }
    }
}

/// One way for a part to be in force.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) content: Content,
    /// All that it claims, but for a tenant or operator of the main file what that claims there.
    pub(super) spots: Spots,
    /// Whether it is in force already, so that its claims are older than anybody's that changed.
    pub(super) in_force: bool,
}

/// A tenant with files of its own, or the users of an operator's file.
#[derive(Debug)]
pub(super) struct Part {
    /// As in [`PartFault::part`].
    pub(super) name: String,
    /// The first that no other part stands against is in force. What could not be read is not among them.
    pub(super) candidates: VecDeque<Candidate>,
    /// What is left without any.
    pub(super) closed: Content,
    pub(super) faults: Vec<Fault>,
}

impl Part {
    /// What is in force, and the fault if that is not what was read.
    pub(super) fn into_outcome(mut self) -> (Content, Option<PartFault>) {
        let candidate = self.candidates.pop_front();
        let closed = candidate.is_none();
        let content = candidate.map_or(self.closed, |candidate| candidate.content);
        let fault = PartFault { part: self.name, errors: ConfigErrors::from(self.faults), closed };
        (content, Some(fault).filter(|fault| !fault.errors.faults().is_empty()))
    }
}

/// Who holds which claim: the main file, or the part of this number.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    held: BTreeMap<Claim, (Spot, Option<usize>)>,
}

impl Ledger {
    /// Begins with what the main file claims. Of that, `own` belongs to the part of that number.
    pub(super) fn of_main_file(spots: Spots, own: &BTreeMap<Claim, usize>) -> Self {
        let owned = |(claim, spot): (Claim, Spot)| {
            let owner = own.get(&claim).copied();
            (claim, (spot, owner))
        };
        Self { held: spots.into_iter().map(owned).collect() }
    }

    /// Takes all of `spots` for a part, or none and says why.
    fn take(&mut self, part: usize, spots: &Spots) -> Result<(), Vec<Fault>> {
        let foreign = |(claim, spot): (&Claim, &Spot)| match self.held.get(claim) {
            Some((holder, owner)) if *owner != Some(part) => Some(spot.fault(taken_by(holder, spot))),
            _ => None,
        };
        let faults: Vec<_> = spots.iter().filter_map(foreign).take(FAULTS_MAX).collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        for (claim, spot) in spots {
            self.held.insert(claim.clone(), (spot.clone(), Some(part)));
        }
        Ok(())
    }

    fn into_spots(self) -> Spots {
        self.held.into_iter().map(|(claim, (spot, _))| (claim, spot)).collect()
    }
}

/// Of parts that are new, those that bring the very same token or password as another one, and the faults of each.
///
/// One of them has it from the other, and which is not to be known: whoever it was, the other's clients are not to push to
/// him. A team may name the file of another one's users.
fn copies(parts: &[Part]) -> BTreeMap<usize, Vec<Fault>> {
    let mut copies: BTreeMap<usize, Vec<Fault>> = BTreeMap::new();
    let mut holders: BTreeMap<String, (usize, Spot)> = BTreeMap::new();
    for (number, part) in parts.iter().enumerate() {
        let Some(candidate) = part.candidates.front().filter(|candidate| !candidate.in_force) else { continue };
        for (secret, claim) in candidate.content.secrets() {
            let Some(spot) = candidate.spots.get(&claim) else { continue };
            let Some((other, holder)) = holders.get(&secret) else {
                holders.insert(secret, (number, spot.clone()));
                continue;
            };
            if *other != number {
                let pair =
                    [(number, spot.fault(taken_by(holder, spot))), (*other, holder.fault(taken_by(spot, holder)))];
                for (number, fault) in pair {
                    let faults = copies.entry(number).or_default();
                    faults.extend((faults.len() < FAULTS_MAX).then_some(fault));
                }
            }
        }
    }
    copies
}

/// Decides what of each part is in force. The main file claims first, then who stays as it was, then who changed, in
/// their order: so nobody loses an id to somebody who took it up later. A part that falls back claims what it had before,
/// so all is judged once more with that.
pub(super) fn settle(main: &Ledger, parts: &mut [Part]) -> Spots {
    loop {
        let mut ledger = main.clone();
        let mut fell_back = false;
        for (number, faults) in copies(parts) {
            if let Some(part) = parts.get_mut(number) {
                part.faults.extend(faults);
                part.candidates.pop_front();
                fell_back = true;
            }
        }
        for in_force in [true, false] {
            for (number, part) in parts.iter_mut().enumerate() {
                if let Some(candidate) = part.candidates.front().filter(|candidate| candidate.in_force == in_force)
                    && let Err(faults) = ledger.take(number, &candidate.spots)
                {
                    part.faults.extend(faults);
                    part.candidates.pop_front();
                    fell_back = true;
                }
            }
        }
        if !fell_back {
            return ledger.into_spots();
        }
    }
}
