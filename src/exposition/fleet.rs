//! A family as an operator sees it, among those of other tenants.

use crate::exposition::write::line_name;
use crate::model::GroupingKey;
use crate::model::PreparedFamily;
use crate::model::TenantId;
use std::collections::BTreeMap;

const EXPORTED: &str = "exported_";

/// What the operator's view adds to the lines of one tenant. Made once for each tenant of a scrape.
#[derive(Clone, Debug)]
pub struct FleetLabels {
    label: Box<str>,
    tenant: TenantId,
    /// `label="tenant",`
    insertion: Box<[u8]>,
    /// `tenant/`, where jobs get it.
    job_prefix: Option<Box<[u8]>>,
}

impl FleetLabels {
    /// `label` is the label that names the tenant.
    pub fn new(label: &str, tenant: &TenantId, job_prefix: bool) -> Self {
        Self {
            label: label.into(),
            tenant: tenant.clone(),
            insertion: format!("{label}=\"{tenant}\",").into_bytes().into(),
            job_prefix: job_prefix.then(|| format!("{tenant}/").into_bytes().into()),
        }
    }

    /// The labels of a group as its lines have them here, in the order of their names.
    pub fn of_group(&self, key: &GroupingKey) -> BTreeMap<String, String> {
        let own = key.labels().map(|(name, value)| match (name, &self.job_prefix) {
            ("job", Some(_)) => ("job".to_owned(), format!("{}/{value}", self.tenant)),
            _ if renames(&self.label, name) => (format!("{EXPORTED}{name}"), value.to_owned()),
            _ => (name.to_owned(), value.to_owned()),
        });
        own.chain([(self.label.to_string(), self.tenant.to_string())]).collect()
    }
}

/// Whether the operator's view, which names a tenant by `label`, gives a pushed label `name` one more `exported_`: if it
/// is that label with any number of them in front, none too. So no two labels of a line become one, and none is forged.
pub(super) fn renames(label: &str, name: &str) -> bool {
    let Some(mut front) = name.strip_suffix(label) else {
        return false;
    };
    while let Some(rest) = front.strip_prefix(EXPORTED) {
        front = rest;
    }
    front.is_empty()
}

/// Writes `lines`, some whole ones of a family's, with the tenant's label first on each. With `only`, those whose name is
/// exactly that.
pub fn write_fleet_lines(
    out: &mut Vec<u8>,
    family: &PreparedFamily,
    lines: &[u8],
    labels: &FleetLabels,
    only: Option<&str>,
) {
    let mut rest = lines;
    let careful = family.renamed() || labels.job_prefix.is_some();
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let (line, tail) = rest.split_at_checked(end).unwrap_or_default();
        rest = tail;
        let name = line_name(line);
        if only.is_some_and(|only| only.as_bytes() != name) {
            continue;
        }
        // Behind the name stands the brace, and behind it always a label.
        let (head, body) = line.split_at_checked(name.len() + 1).unwrap_or_default();
        out.extend_from_slice(head);
        out.extend_from_slice(&labels.insertion);
        if careful {
            write_renamed(out, body, labels);
        } else {
            out.extend_from_slice(body);
        }
    }
}

/// Writes a line from behind its opening brace on, label by label: a value may hold anything, `,tenant="` too.
fn write_renamed(out: &mut Vec<u8>, mut rest: &[u8], labels: &FleetLabels) {
    while let Some((name, value)) = next_label(rest) {
        if renames(&labels.label, std::str::from_utf8(name).unwrap_or_default()) {
            out.extend_from_slice(EXPORTED.as_bytes());
        }
        out.extend_from_slice(name);
        out.extend_from_slice(b"=\"");
        if name == b"job"
            && let Some(prefix) = &labels.job_prefix
        {
            out.extend_from_slice(prefix);
        }
        out.extend_from_slice(value);
        rest = rest.get(name.len() + 2 + value.len()..).unwrap_or_default();
        if rest.first() == Some(&b',') {
            out.push(b',');
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    out.extend_from_slice(rest);
}

/// The name of the label that comes next, and its value with the quote that closes it.
fn next_label(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    if rest.first() == Some(&b'}') {
        return None;
    }
    let (name, quoted) = rest.split_at_checked(memchr::memchr(b'=', rest)?)?;
    let value = quoted.get(2..)?;
    let mut end = 0;
    loop {
        end += memchr::memchr2(b'"', b'\\', value.get(end..)?)?;
        if value.get(end) == Some(&b'"') {
            return Some((name, value.get(..=end)?));
        }
        end += 2;
    }
}

#[cfg(test)]
mod tests;
