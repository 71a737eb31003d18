//! What a row came to: printed as it is known, and once more as a table to paste.

use super::server::Round;

/// The figures of one server over the rounds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures(pub(crate) Vec<f64>);

impl Figures {
    pub(crate) fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }

    /// Each round's figure to that of the other in the same round.
    pub(crate) fn to(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(of, to)| of / to).collect())
    }

    /// The median, with the least and the most.
    pub(crate) fn spread(&self) -> String {
        let least = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.0.iter().copied().fold(0.0, f64::max);
        format!("{} ({} to {})", ratio(self.median()), ratio(least), ratio(most))
    }
}

/// Three digits, or as many as there are.
fn ratio(figure: f64) -> String {
    match figure {
        figure if figure < 0.0995 => format!("1/{:.0}", 1.0 / figure),
        figure if figure < 9.95 => format!("{figure:.2}"),
        figure if figure < 99.5 => format!("{figure:.1}"),
        figure => format!("{figure:.0}"),
    }
}

pub(crate) fn micros(figure: f64) -> String {
    match figure {
        figure if figure < 100.0 => format!("{figure:.1} µs"),
        figure if figure < 10_000.0 => format!("{figure:.0} µs"),
        figure if figure < 1_000_000.0 => format!("{:.1} ms", figure / 1e3),
        figure => format!("{:.2} s", figure / 1e6),
    }
}

pub(crate) fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// All lines of the table.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<[String; 4]>);

impl Report {
    /// `target` as the row's promise says it; empty where there is none.
    pub(crate) fn line(&mut self, what: &str, target: &str, reached: impl Into<String>, beside: impl Into<String>) {
        let line = [what.to_owned(), target.to_owned(), reached.into(), beside.into()];
        println!("  => {}: {} [{}] {}", line[0], line[2], line[1], line[3]);
        self.0.push(line);
    }

    pub(crate) fn print(&self) {
        if self.0.is_empty() {
            return;
        }
        println!("\n| what | target | reached | figures |\n|---|---|---|---|");
        for [what, target, reached, beside] in &self.0 {
            println!("| {what} | {target} | {reached} | {beside} |");
        }
    }
}

/// The rounds of one server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rounds(Vec<Round>);

impl Rounds {
    pub(crate) fn push(&mut self, round: Round) {
        self.0.push(round);
    }

    pub(crate) fn cpu(&self) -> Figures {
        Figures(self.0.iter().map(Round::cpu_micros).collect())
    }

    fn rate(&self) -> f64 {
        Figures(self.0.iter().map(Round::rate).collect()).median()
    }

    /// One line: CPU, wall time, and how far both can be trusted.
    pub(crate) fn print(&self, name: &str, to_limit: Option<&Figures>) {
        let of = |figure: fn(&Round) -> f64| Figures(self.0.iter().map(figure).collect()).median();
        let ratio = to_limit.map_or(String::new(), |ratio| format!("; {} of the limit", ratio.spread()));
        println!(
            "  {name:<32} {:>9} of CPU, {:7.0}/s{ratio}; the load took {:.2} of its core, others {:.2} of the servers'",
            micros(self.cpu().median()),
            self.rate(),
            of(|round| round.spent.load),
            of(|round| round.spent.foreign),
        );
    }

    pub(crate) fn brief(&self, name: &str) -> String {
        format!("{name} {}, {:.0}/s", micros(self.cpu().median()), self.rate())
    }
}
