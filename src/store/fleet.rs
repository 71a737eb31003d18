//! What an operator sees: the families of all tenants, merged by name.

use super::claims::Claimant;
use super::claims::ClaimsView;
use super::claims::is_reserved;
use super::claims::lines_of;
use super::column::Column;
use super::index::Columns;
use super::sheet::Sheet;
use crate::model::FamilyName;
use crate::model::MetricKind;
use crate::model::TenantId;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BinaryHeap;
use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::Arc;

/// The groups of several tenants, read family by family: first the uncontested ones in the order of their names, then
/// the line names of the contested ones, each as an untyped family. Holding it blocks no push.
#[derive(Debug)]
pub struct FleetSnapshot {
    tenants: Vec<(TenantId, Columns)>,
    claims: ClaimsView,
    flattened: HashSet<Claimant>,
    /// For each tenant its next column, by name as names are compared; the tenant whose id sorts first comes first among equals.
    heads: BinaryHeap<Reverse<(FamilyName, usize)>>,
    next: Vec<usize>,
    /// The contested families met so far; when all others are written, their line names and who holds them.
    contested: Vec<Source>,
    lines: Option<std::collections::btree_map::IntoIter<String, Vec<Source>>>,
    open: Option<Open>,
}

/// A tenant's column.
#[derive(Clone, Debug)]
struct Source {
    tenant: usize,
    column: Arc<Column>,
}

/// The family being read.
#[derive(Debug)]
struct Open {
    /// The one line name to be written, where the family is a flattened one.
    only: Option<String>,
    sources: Vec<Source>,
    source: usize,
    /// The next page.
    page: usize,
}

/// A step of reading a [`FleetSnapshot`].
#[derive(Debug)]
pub enum FleetPiece<'a> {
    /// A family begins. Each name comes once; a flattened one may turn out to have no lines.
    Family { name: &'a str, kind: MetricKind, help: &'a str },
    /// What some groups of `tenant` hold of it; `only` their lines of that name as names are compared, where one is given.
    Lines { tenant: &'a TenantId, sheet: Sheet, only: Option<&'a str> },
}

impl FleetSnapshot {
    pub(super) fn new(tenants: Vec<(TenantId, Columns)>, claims: ClaimsView) -> Self {
        let flattened = flattened(&tenants, &claims);
        let next = vec![0; tenants.len()];
        let (heads, contested) = (BinaryHeap::new(), Vec::new());
        let mut snapshot = Self { tenants, claims, flattened, heads, next, contested, lines: None, open: None };
        for tenant in 0..snapshot.tenants.len() {
            snapshot.advance(tenant);
        }
        snapshot
    }

    /// The next step, or the end.
    pub fn read(&mut self) -> Option<FleetPiece<'_>> {
        if let Some((source, sheet)) = self.open.as_mut().and_then(Open::next) {
            let (tenant, sheet, only) = self.lines_of(source, sheet)?;
            return Some(FleetPiece::Lines { tenant, sheet, only });
        }
        self.open = Some(self.open_next()?);
        let open = self.open.as_ref()?;
        let first = &open.sources.first()?.column;
        Some(match &open.only {
            None => FleetPiece::Family { name: &first.name, kind: first.kind, help: first.help() },
            Some(line) => FleetPiece::Family { name: line, kind: MetricKind::Untyped, help: first.help() },
        })
    }

    /// The next lines of the family that is being read, as [`FleetPiece::Lines`] has them; none at its end.
    pub fn lines(&mut self) -> Option<(&TenantId, Sheet, Option<&str>)> {
        let (source, sheet) = self.open.as_mut().and_then(Open::next)?;
        self.lines_of(source, sheet)
    }

    fn lines_of(&self, source: usize, sheet: Sheet) -> Option<(&TenantId, Sheet, Option<&str>)> {
        let (tenant, _) = self.tenants.get(source)?;
        Some((tenant, sheet, self.open.as_ref().and_then(|open| open.only.as_deref())))
    }

    /// Goes back to where the lines of the family begin that is being read.
    pub fn again(&mut self) {
        if let Some(open) = &mut self.open {
            (open.source, open.page) = (0, 0);
        }
    }

    /// The bytes of all lines of the family that is being read and of what is kept of it as protobuf, at most.
    pub fn family_bytes(&self) -> usize {
        let sources = self.open.iter().flat_map(|open| &open.sources);
        sources.map(|source| source.column.bytes()).sum()
    }

    fn open_next(&mut self) -> Option<Open> {
        while let Some(sources) = self.next_sources() {
            if !sources.is_empty() {
                return Some(Open { only: None, sources, source: 0, page: 0 });
            }
        }
        let contested = &mut self.contested;
        let lines = self.lines.get_or_insert_with(|| by_line(std::mem::take(contested)).into_iter());
        let (line, sources) = lines.next()?;
        Some(Open { only: Some(line), sources, source: 0, page: 0 })
    }

    /// All columns of the next name that are written as they are; the contested ones among them are put aside.
    fn next_sources(&mut self) -> Option<Vec<Source>> {
        let Reverse((name, _)) = self.heads.peek()?;
        let name = name.clone();
        let mut sources = Vec::new();
        while self.heads.peek().is_some_and(|Reverse((next, _))| *next == name) {
            let Some(Reverse((_, tenant))) = self.heads.pop() else {
                break;
            };
            if let Some(column) = self.column_before(tenant) {
                let source = Source { tenant, column };
                match self.flattened.contains(&Claimant::of_column(&source.column)) {
                    true => self.contested.push(source),
                    false => sources.push(source),
                }
            }
            self.advance(tenant);
        }
        Some(sources)
    }

    /// Puts the tenant's next column that is not reserved at the head.
    fn advance(&mut self, tenant: usize) {
        let (Some((_, columns)), Some(next)) = (self.tenants.get(tenant), self.next.get_mut(tenant)) else {
            return;
        };
        while let Some(column) = columns.get(*next) {
            *next += 1;
            if !is_reserved(&self.claims.reserved, &Claimant::of_column(column)) {
                self.heads.push(Reverse((column.escaped.clone(), tenant)));
                return;
            }
        }
    }

    fn column_before(&self, tenant: usize) -> Option<Arc<Column>> {
        let (_, columns) = self.tenants.get(tenant)?;
        columns.get(self.next.get(tenant)?.checked_sub(1)?).cloned()
    }
}

impl Open {
    /// The next page, and whose it is; none at the end.
    fn next(&mut self) -> Option<(usize, Sheet)> {
        while let Some(Source { tenant, column }) = self.sources.get(self.source) {
            let page = self.page;
            self.page += 1;
            if page >= column.pages().count() {
                self.source += 1;
                self.page = 0;
            } else if let Some(leaf) = column.pages().leaf(page) {
                return Some((*tenant, Sheet { column: column.clone(), leaf: leaf.clone(), narrowing: None }));
            }
        }
        None
    }
}

/// Which families contradict each other among these tenants. Where the claims are known only contested ones are looked
/// at, and often there are none; a narrowed operator does not see other tenants' claims.
fn flattened(tenants: &[(TenantId, Columns)], claims: &ClaimsView) -> HashSet<Claimant> {
    let contested = claims.contested.as_deref();
    if contested.is_some_and(HashSet::is_empty) {
        return HashSet::new();
    }
    let mut claimed: HashMap<String, HashSet<Claimant>> = HashMap::new();
    for (_, columns) in tenants {
        for column in (0..).map_while(|nth| columns.get(nth)) {
            let claimant = Claimant::of_column(column);
            let may_be = contested.is_none_or(|contested| contested.contains(&claimant));
            if may_be && !is_reserved(&claims.reserved, &claimant) {
                for line in lines_of(&claimant) {
                    claimed.entry(line).or_default().insert(claimant.clone());
                }
            }
        }
    }
    claimed.into_values().filter(|claimants| claimants.len() > 1).flatten().collect()
}

/// Contested families by the line names they may write, and by tenant under each.
fn by_line(contested: Vec<Source>) -> BTreeMap<String, Vec<Source>> {
    let mut lines: BTreeMap<String, Vec<Source>> = BTreeMap::new();
    for source in contested {
        for line in lines_of(&Claimant::of_column(&source.column)) {
            lines.entry(line).or_default().push(source.clone());
        }
    }
    for sources in lines.values_mut() {
        sources.sort_by_key(|source| source.tenant);
    }
    lines
}
