//! What a client may believe: what it was told is there, and what may be there because no answer came.

use std::collections::BTreeMap;

/// Families that a group may hold, each of [`SERIES`] lines that all have one value: two values in one family are a torn
/// push.
pub(super) const FAMILIES: [&str; 4] = ["alpha", "beta", "gamma", "delta"];
pub(super) const SERIES: usize = 3;

/// Families, each with the number of the push that brought it.
pub(super) type Families = BTreeMap<&'static str, u64>;

/// A group as a scrape shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) families: Families,
    /// Whether a push was accepted, and whether one was refused, since the group came.
    pub(super) pushed: bool,
    pub(super) failed: bool,
}

/// The groups of one worker, by their jobs.
pub(super) type Shelf = BTreeMap<String, Group>;

/// Something to be sent.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Replace(String, Families),
    Merge(String, Families),
    /// A push that is refused, which is noted in its group.
    Fail(String),
    Delete(String),
    /// All of the tenant's groups. Only for whoever has a tenant of its own.
    Wipe,
}

impl Change {
    /// The groups after it.
    pub(super) fn applied(&self, shelf: &Shelf) -> Shelf {
        let mut after = shelf.clone();
        match self {
            Self::Replace(job, families) => {
                let group = after.entry(job.clone()).or_default();
                (group.families, group.pushed) = (families.clone(), true);
            }
            Self::Merge(job, families) => {
                let group = after.entry(job.clone()).or_default();
                group.families.extend(families);
                group.pushed = true;
            }
            Self::Fail(job) => after.entry(job.clone()).or_default().failed = true,
            Self::Delete(job) => drop(after.remove(job)),
            Self::Wipe => after.clear(),
        }
        after
    }

    /// Method, path and body of the request.
    pub(super) fn request(&self) -> (&'static str, String, String) {
        let push = |job: &String| format!("/metrics/job/{job}");
        match self {
            Self::Replace(job, families) => ("PUT", push(job), body(families)),
            Self::Merge(job, families) => ("POST", push(job), body(families)),
            // A sample may not bring its own time.
            Self::Fail(job) => ("POST", push(job), "alpha 1 1\n".into()),
            Self::Delete(job) => ("DELETE", push(job), String::new()),
            Self::Wipe => ("PUT", "/api/v1/admin/wipe".into(), String::new()),
        }
    }

    /// The status that says that it is done.
    pub(super) fn acknowledgement(&self) -> u16 {
        match self {
            Self::Replace(..) | Self::Merge(..) => 200,
            Self::Fail(_) => 400,
            Self::Delete(_) | Self::Wipe => 202,
        }
    }
}

pub(super) fn body(families: &Families) -> String {
    let lines = |(name, value): (&&str, &u64)| {
        (0..SERIES).map(|n| format!("{name}{{n=\"{n}\"}} {value}\n")).collect::<String>()
    };
    families.iter().map(lines).collect()
}

/// What a scrape shows, for every job in it.
///
/// # Panics
/// If any group is torn: a family with a line too few or of another value, or a group without the times of its pushes.
pub(super) fn shown(scrape: &str) -> Shelf {
    let mut values: BTreeMap<(String, String), Vec<u64>> = BTreeMap::new();
    let mut shelf = Shelf::new();
    for line in scrape.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap();
        let job = labels.split_once("job=\"").unwrap().1.split('"').next().unwrap().to_owned();
        let value = value.parse::<f64>().unwrap();
        match name {
            "push_time_seconds" => shelf.entry(job).or_default().pushed = value > 0.0,
            "push_failure_time_seconds" => shelf.entry(job).or_default().failed = value > 0.0,
            _ => values.entry((job, name.to_owned())).or_default().push(value as u64),
        }
    }
    for ((job, name), values) in values {
        let whole = values.len() == SERIES && values.iter().all(|value| *value == values[0]);
        assert!(whole, "{name} of {job} is torn: {values:?}");
        let family = FAMILIES.iter().find(|family| **family == name).unwrap();
        let group = shelf.get_mut(&job).unwrap_or_else(|| panic!("{job} has no time of its push"));
        assert!(group.pushed, "{job} holds what nobody pushed");
        group.families.insert(family, values[0]);
    }
    assert!(shelf.values().all(|group| group.pushed || group.failed), "a group that nobody made: {shelf:?}");
    shelf
}
