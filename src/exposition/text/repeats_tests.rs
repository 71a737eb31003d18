use super::parse_within;
use crate::exposition::prepare;
use crate::model::GroupingKey;
use crate::model::NameScheme;
use crate::model::PreparedFamily;
use crate::model::PushBounds;
use crate::model::SeriesHasher;
use crate::model::TextDialect;
use proptest::prelude::*;

/// What a body becomes; or whether it is the text or the push that is refused.
fn prepared(body: &str) -> Result<Vec<PreparedFamily>, bool> {
    let key = GroupingKey::new("j", [("instance", "i")]).unwrap();
    let bounds = PushBounds { label_value_bytes_max: 20, ..PushBounds::default() };
    let bounds = bounds.of_group(&key).unwrap();
    let parsed = parse_within(body.as_bytes(), TextDialect::Lenient, NameScheme::Classic, &bounds).map_err(|_| true)?;
    prepare(parsed, &key, &SeriesHasher::with_key([1; 16]), "tenant", u64::MAX).map_err(|_| false)
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![8 => "[ab]{0,3}", 8 => "x{12,19}[ab]?", 1 => "x{20,21}", 1 => "a\\\\n", 1 => "é?[\\\\\"]"]
}

proptest! {
    #[test]
    fn lines_like_the_one_before_are_read_as_all_others(
        lines in proptest::collection::vec(
            (
                prop_oneof![6 => Just("name_of_some_length"), 1 => Just("name_of_some"), 1 => Just("m"), 1 => Just("h_bucket")],
                prop_oneof![6 => Just(&["a", "bc", "zone_of_it"][..]), 1 => Just(&["zone_of_it", "a"][..]), 1 => Just(&["a"][..]), 1 => Just(&[][..])],
                (value(), prop_oneof![4 => Just("same".to_owned()), 1 => value()], value()),
                "[0-9]{1,3}(\\.[0-9]{1,2})?|NaN|[0-9]{16}",
            ),
            1..12,
        ),
        distribution: bool,
    ) {
        let (mut alike, mut apart) = (String::new(), String::new());
        if distribution {
            alike.push_str("# TYPE h histogram\n");
            apart.push_str("#  TYPE h HISTOGRAM\n");
        }
        for (nth, (name, labels, values, number)) in lines.iter().enumerate() {
            let values = [&values.0, &values.1, &values.2];
            let labels = labels.iter().zip(values).map(|(label, value)| format!("{label}=\"{value}\""));
            let labels = labels.chain([format!("le=\"{nth}\"")]).collect::<Vec<_>>().join(",");
            alike.push_str(&format!("{name}{{{labels}}} {number}\n"));
            // A blank before its labels and a line is like none.
            apart.push_str(&format!("{name} {{{labels}}} {number}\n"));
        }
        prop_assert_eq!(prepared(&alike), prepared(&apart), "{}", alike);
    }
}
