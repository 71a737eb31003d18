//! A client whose pushes are large: the logs grow, so that checkpoints are written all the time and a load takes a while.

use super::model::Shelf;
use super::site::Account;
use super::site::Acknowledged;
use super::site::Client;
use super::site::Line;

/// Pushes of a quarter of a MiB each, to as many groups: a checkpoint is as large, and due after 16 MiB.
const GROUPS: u64 = 24;
const LINES: usize = 64;
const LABEL_BYTES: usize = 4 << 10;

#[derive(Debug)]
pub(super) struct Bulk {
    account: Account,
    filler: String,
    pushes: u64,
    /// By group, what it was told is there; and what may be there instead.
    known: Vec<Option<u64>>,
    asked: Option<(usize, u64)>,
}

impl Bulk {
    pub(super) fn new(account: Account) -> Self {
        let known = vec![None; usize::try_from(GROUPS).unwrap()];
        Self { account, filler: "x".repeat(LABEL_BYTES - 2), pushes: 0, known, asked: None }
    }

    fn body(&self, value: u64) -> String {
        (0..LINES).map(|line| format!("bulk{{n=\"{line:02}{}\"}} {value}\n", self.filler)).collect()
    }

    /// The one value that all lines of each group have.
    fn shown(scrape: &str) -> Vec<Option<u64>> {
        let mut shown = vec![Vec::new(); usize::try_from(GROUPS).unwrap()];
        for line in scrape.lines().filter(|line| line.starts_with("bulk{")) {
            let group: usize = line.split_once("job=\"bulk-").unwrap().1.split('"').next().unwrap().parse().unwrap();
            shown[group].push(line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap() as u64);
        }
        let one = |values: Vec<u64>| {
            let whole = values.is_empty() || values.len() == LINES && values.iter().all(|value| *value == values[0]);
            assert!(whole, "a torn push: {values:?}");
            values.first().copied()
        };
        shown.into_iter().map(one).collect()
    }
}

impl Client for Bulk {
    fn account(&self) -> &Account {
        &self.account
    }

    fn work(&mut self, line: &mut Line<'_>, acknowledged: &Acknowledged) {
        loop {
            self.pushes += 1;
            let group = usize::try_from(self.pushes % GROUPS).unwrap();
            self.asked = Some((group, self.pushes));
            let body = self.body(self.pushes);
            match line("PUT", &format!("/metrics/job/bulk-{group}"), &self.account.bearer, &body) {
                Ok(200) => self.known[group] = Some(self.pushes),
                Ok(status) => panic!("a large push was answered {status}"),
                Err(_) => return,
            }
            acknowledged.count_bulk();
        }
    }

    fn compare(&mut self, _: &Shelf, _: &str) {}

    fn compare_text(&mut self, scrape: &str, round: &str) {
        let shown = Self::shown(scrape);
        for (group, shown) in shown.iter().enumerate() {
            let may_be = self.asked.is_some_and(|(asked, push)| asked == group && *shown == Some(push));
            assert!(
                may_be || *shown == self.known[group],
                "{round}: bulk-{group} is {shown:?}, not {:?}",
                self.known[group]
            );
        }
        (self.known, self.asked) = (shown, None);
    }
}
