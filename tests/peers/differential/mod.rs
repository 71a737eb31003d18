//! The same requests to Debian's Pushgateway and to ours: status, what is stored, and the fixed part of refusals.
//! Each case has two fresh processes, because a single request can spoil Pushgateway for all later ones.

mod bodies;
mod clashes;
mod comments;
mod distributions;
mod encodings;
mod json;
mod lifecycle;
mod paths;
mod protobuf;
mod routes;
mod samples;
mod scrapes;

use crate::compare;

/// One test for each case, and their names, against which the table of differences is checked.
macro_rules! cases {
    (text: $text:literal, $($name:ident: $steps:expr;)*) => {
        pub(super) const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            #[ignore = "needs prometheus-pushgateway: ./tests/run"]
            fn $name() {
                crate::compare::case(stringify!($name), $text, &$steps);
            }
        )*
    };
}
use cases;

#[test]
fn every_listed_difference_is_of_a_case_and_no_name_is_used_twice() {
    let mut names: Vec<&str> = [
        bodies::NAMES,
        clashes::NAMES,
        comments::NAMES,
        distributions::NAMES,
        encodings::NAMES,
        json::NAMES,
        lifecycle::NAMES,
        paths::NAMES,
        protobuf::NAMES,
        routes::NAMES,
        samples::NAMES,
        crate::wire::NAMES,
    ]
    .concat();
    for listed in compare::listed().keys() {
        assert!(names.contains(listed), "differences.md names no case: {listed}");
    }
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(all >= 60, "{all} cases");
}
