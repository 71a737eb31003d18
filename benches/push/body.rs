//! Bodies as jobs send them.

use std::fmt::Write;

/// `families` gauges with a help text each, `series` of them with three labels under each name.
pub(crate) fn text(families: usize, series: usize) -> String {
    let mut body = String::new();
    for family in 0..families {
        let name = format!("backup_step_{family}_duration_seconds");
        writeln!(body, "# HELP {name} How long step {family} of the backup took.\n# TYPE {name} gauge").unwrap();
        for n in 0..series {
            writeln!(body, "{name}{{database=\"db{n}\",region=\"eu-west-1\",step=\"copy\"}} {}.25", family + n)
                .unwrap();
        }
    }
    body
}
