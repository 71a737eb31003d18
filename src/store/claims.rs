//! Which line names the families of all tenants claim.
//!
//! Within a tenant a line name belongs to one family; tenants know nothing of each other, so one may push a histogram
//! `x` and another a gauge `x_sum`. In the fleet's view such families are *contested*: each of their line names becomes a
//! family of its own there. Claims are counted as families come and go, so a scrape need not look for contradictions.

use super::column::Column;
use crate::config::NamePattern;
use crate::model::FamilyName;
use crate::model::MetricKind;
use crate::model::PreparedFamily;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// A family as a claimant: its name as it is shown and as it is compared, and its type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Claimant {
    pub(super) name: FamilyName,
    pub(super) escaped: FamilyName,
    pub(super) kind: MetricKind,
}

impl Claimant {
    pub(super) fn of_column(column: &Column) -> Self {
        Self { name: column.name.clone(), escaped: column.escaped.clone(), kind: column.kind }
    }

    pub(super) fn of(family: &PreparedFamily) -> Self {
        let (name, escaped) = family.own_names();
        Self { name, escaped, kind: family.kind() }
    }
}

/// Who claims which line names, over all tenants.
///
/// Tenants meet here alone, so nobody may keep the others waiting: the lock is held for one family at a time, never for
/// a push. That a scrape has seen claims and families of one moment it tells by counting: nothing had begun to change
/// when it began to look, and nothing has since.
#[derive(Debug)]
pub(super) struct Claims {
    counted: Mutex<Counted>,
    /// Shows that change claims: those begun, and those of them that are over.
    begun: AtomicU64,
    over: AtomicU64,
}

/// A show that may change claims; its first change is its beginning, and when it is dropped it is over.
#[derive(Debug)]
pub(super) struct Changing<'a> {
    /// None: a show that nobody sees.
    claims: Option<&'a Claims>,
    begun: bool,
}

/// A moment in which nothing was changing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settled(u64);

#[derive(Debug)]
struct Counted {
    reserved: Arc<[NamePattern]>,
    /// For each claimed line name its claimants, and how many tenants hold each.
    lines: HashMap<Box<str>, Vec<(Claimant, u32)>>,
    contested: Arc<HashSet<Claimant>>,
    reserved_families: u64,
}

/// The claims at one instant, as a scrape needs them.
#[derive(Clone, Debug)]
pub(super) struct ClaimsView {
    pub(super) reserved: Arc<[NamePattern]>,
    /// `None`: something changed meanwhile, so every family is to be looked at.
    pub(super) contested: Option<Arc<HashSet<Claimant>>>,
}

impl Claims {
    pub(super) fn new(reserved: &[NamePattern]) -> Self {
        let (lines, contested) = (HashMap::new(), Arc::default());
        let counted = Counted { reserved: reserved.into(), lines, contested, reserved_families: 0 };
        Self { counted: Mutex::new(counted), begun: AtomicU64::new(0), over: AtomicU64::new(0) }
    }

    /// What a show changes claims with.
    pub(super) fn changing(&self) -> Changing<'_> {
        Changing { claims: Some(self), begun: false }
    }

    /// This moment, unless something is changing in it. To be asked before the families are looked at.
    pub(super) fn settled(&self) -> Option<Settled> {
        let over = self.over.load(Ordering::SeqCst);
        (self.begun.load(Ordering::SeqCst) == over).then_some(Settled(over))
    }

    /// The claims for families that were looked at since the moment `before`.
    pub(super) fn view(&self, before: Option<Settled>) -> ClaimsView {
        let (reserved, contested) = {
            let counted = self.counted.lock();
            (counted.reserved.clone(), counted.contested.clone())
        };
        let unchanged = before.is_some() && before == self.settled();
        ClaimsView { reserved, contested: unchanged.then_some(contested) }
    }

    pub(super) fn reserved_families(&self) -> u64 {
        self.counted.lock().reserved_families
    }
}

impl Changing<'_> {
    /// What changes nothing: for what is tried out and undone.
    pub(super) const fn unseen() -> Self {
        Self { claims: None, begun: false }
    }

    /// One more tenant holds the family.
    pub(super) fn add(&mut self, claimant: &Claimant) {
        if let Some(counted) = self.begin() {
            counted.lock().add(claimant);
        }
    }

    /// One tenant less holds the family.
    pub(super) fn remove(&mut self, claimant: &Claimant) {
        if let Some(counted) = self.begin() {
            counted.lock().remove(claimant);
        }
    }

    fn begin(&mut self) -> Option<&Mutex<Counted>> {
        let claims = self.claims?;
        if !std::mem::replace(&mut self.begun, true) {
            claims.begun.fetch_add(1, Ordering::SeqCst);
        }
        Some(&claims.counted)
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        if let Some(claims) = self.claims.filter(|_| self.begun) {
            claims.over.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Counted {
    fn add(&mut self, claimant: &Claimant) {
        if is_reserved(&self.reserved, claimant) {
            self.reserved_families = self.reserved_families.saturating_add(1);
            return;
        }
        for line in lines_of(claimant) {
            let claimants = self.lines.entry(line.into()).or_default();
            match claimants.iter_mut().find(|(other, _)| other == claimant) {
                Some((_, tenants)) => *tenants = tenants.saturating_add(1),
                None => {
                    claimants.push((claimant.clone(), 1));
                    if claimants.len() > 1 {
                        Arc::make_mut(&mut self.contested).extend(claimants.iter().map(|(other, _)| other.clone()));
                    }
                }
            }
        }
    }

    fn remove(&mut self, claimant: &Claimant) {
        if is_reserved(&self.reserved, claimant) {
            self.reserved_families = self.reserved_families.saturating_sub(1);
            return;
        }
        let mut rivals = HashSet::new();
        for line in lines_of(claimant) {
            let Some(claimants) = self.lines.get_mut(&*line) else {
                continue;
            };
            let Some(at) = claimants.iter().position(|(other, _)| other == claimant) else {
                continue;
            };
            let Some((_, tenants)) = claimants.get_mut(at) else {
                continue;
            };
            *tenants = tenants.saturating_sub(1);
            if *tenants > 0 {
                continue;
            }
            claimants.swap_remove(at);
            rivals.extend(claimants.iter().map(|(other, _)| other.clone()));
            if claimants.is_empty() {
                self.lines.remove(&*line);
            }
        }
        rivals.insert(claimant.clone());
        rivals.retain(|rival| self.contested.contains(rival) && !self.is_contested(rival));
        if !rivals.is_empty() {
            // One by one, not by a walk over all: whoever takes many away would pay for their square.
            let contested = Arc::make_mut(&mut self.contested);
            for rival in &rivals {
                contested.remove(rival);
            }
        }
    }

    fn is_contested(&self, claimant: &Claimant) -> bool {
        let held = |line: &str| self.lines.get(line).is_some_and(|all| all.iter().any(|(other, _)| other == claimant));
        lines_of(claimant).any(|line| held(&line) && self.lines.get(&*line).is_some_and(|all| all.len() > 1))
    }
}

/// Whether a family may write a line of a reserved name, and so is kept out of the fleet's view.
pub(super) fn is_reserved(reserved: &[NamePattern], Claimant { escaped, kind, .. }: &Claimant) -> bool {
    let lines = |pattern: &NamePattern| {
        pattern.matches(escaped)
            || kind.line_suffixes().iter().any(|s| !s.is_empty() && pattern.matches(&format!("{escaped}{s}")))
    };
    reserved.iter().any(lines)
}

/// The line names a claimant claims.
pub(super) fn lines_of(claimant: &Claimant) -> impl Iterator<Item = String> {
    let name = claimant.escaped.clone();
    claimant.kind.line_suffixes().iter().map(move |suffix| format!("{name}{suffix}"))
}
