//! What is promised of a push, in whatever format it came: what is written of it reads back, in every format and for
//! everybody who is shown it.

use crate::allocation::Bound;
use crate::seen::hash_of;
use pushward::exposition::Escaping;
use pushward::exposition::FleetLabels;
use pushward::exposition::PushFormat;
use pushward::exposition::PushedFamilies;
use pushward::exposition::Shown;
use pushward::exposition::protobuf::FamilyMessage;
use pushward::exposition::write_header;
use pushward::exposition::write_json_header;
use pushward::exposition::write_json_metrics;
use pushward::exposition::write_lines;
use pushward::fuzzing;
use pushward::fuzzing::TwoWays;
use pushward::model::GroupingKey;
use pushward::model::NameScheme;
use pushward::model::PreparedFamily;
use pushward::model::PushBounds;
use pushward::model::TenantId;
use pushward::model::TextDialect;
use pushward::model::Timestamp;

/// What a push may take in the store: some hundred times what a target takes, so that large ones are refused, too.
const STORED_MAX: u64 = 1 << 20;

const ESCAPINGS: [Escaping; 4] = [Escaping::Underscores, Escaping::Dots, Escaping::Values, Escaping::AllowUtf8];

/// What is made of a push, if it is fit to be stored.
pub(crate) fn prepared(pushed: PushedFamilies<'_>) -> Result<Vec<PreparedFamily>, String> {
    prepared_for(pushed, &[("empty", ""), ("k", "\"\\\n"), ("z.z", "v")])
}

fn prepared_for(pushed: PushedFamilies<'_>, labels: &[(&str, &str)]) -> Result<Vec<PreparedFamily>, String> {
    let key = GroupingKey::in_scheme(NameScheme::Utf8, "j", labels.iter().copied()).expect("a good key");
    // Twice what it may take, since it is copied from where it was written; and the columns once more in another order.
    let bound = Bound { per_byte: 64, constant: 4 * STORED_MAX as usize };
    bound.hold(pushed.metric_count(), || fuzzing::prepared(pushed, &key, STORED_MAX))
}

/// Holds what is pushed again with other numbers against the mould of what was pushed: in two ways it becomes the same.
pub(crate) fn hold_casts(
    format: PushFormat,
    data: &[u8],
    read: impl for<'b> Fn(&'b [u8]) -> Option<PushedFamilies<'b>>,
) {
    const NUMBERS: [&str; 16] = [
        "0",
        "7",
        "42",
        "100",
        "-0",
        "-1.5",
        "2.5",
        "5.0",
        "5.",
        "0.0001",
        "0.00001",
        "999999",
        "1000000",
        "12345678",
        "123456789012345",
        "0007",
    ];
    let group = |labels: &[(&str, &str)]| GroupingKey::new("j", labels.iter().copied()).expect("a good key");
    let (key, other) = (group(&[("k", "v"), ("empty", "")]), group(&[("k", "\"\\\n"), ("empty", "")]));
    let hash = hash_of(data);
    // Whole numbers without a sign, which every line takes; or any.
    let most = if hash & 1 == 0 { 4 } else { NUMBERS.len() };
    let number = |body: &mut Vec<u8>, at: u32| {
        let number = NUMBERS[(hash.rotate_left(at.wrapping_mul(7)) >> 1) as usize % most];
        match format {
            PushFormat::Text => body.extend_from_slice(number.as_bytes()),
            PushFormat::Protobuf => body.extend_from_slice(&number.parse::<f64>().expect("a number").to_le_bytes()),
        }
    };
    let bytes_max = if hash & 2 == 0 { STORED_MAX } else { hash >> 32 & 0xfff };
    if let Some(TwoWays { cast, decoded }) =
        fuzzing::cast_again((format, data), (&key, &other), number, read, bytes_max)
    {
        assert_eq!(Some(cast), decoded);
    }
}

/// Holds prepared families against what is promised of them. Says what they are in a number.
pub(crate) fn hold(families: &[PreparedFamily]) -> u64 {
    let stored: u64 = families.iter().map(PreparedFamily::stored_bytes).sum();
    assert!(stored <= STORED_MAX, "{stored} bytes are prepared");
    for family in families {
        let lines = family.lines().iter().filter(|byte| **byte == b'\n').count();
        assert_eq!(family.line_count() as usize, lines, "{family:?}");
        assert!(!family.lines().contains(&0), "a NUL in {family:?}");
    }
    let filled: Vec<&PreparedFamily> = families.iter().filter(|family| !family.is_empty()).collect();
    hold_text(&filled);
    hold_protobuf(&filled);
    for family in &filled {
        hold_json(family);
    }
    let digest = hash_of(families.iter().map(|family| format!("{family:?}{:?}", family.proto())).collect::<Vec<_>>());
    hold_view(&filled, ESCAPINGS[digest as usize % 4], digest & 4 != 0);
    digest
}

/// Bounds that a small input is over now and then.
pub(crate) const TIGHT: PushBounds = PushBounds {
    body_bytes_max: 1 << 20,
    decompression_ratio_max: 200,
    families_per_push_max: 3,
    series_per_push_max: 6,
    line_bytes_max: 60,
    labels_per_series_max: 4,
    label_name_bytes_max: 12,
    label_value_bytes_max: 12,
    metric_name_bytes_max: 16,
};

/// Whatever is read within bounds is what is read without any.
pub(crate) fn hold_bounds(read: &Result<PushedFamilies<'_>, String>, within: &Result<PushedFamilies<'_>, String>) {
    if let Ok(within) = within {
        let read = read.as_ref().expect("what is within bounds is no push without them");
        assert_eq!(format!("{read:?}"), format!("{within:?}"));
        assert!(within.line_count() <= TIGHT.series_per_push_max);
    }
}

fn text_of(families: &[&PreparedFamily], shown: &Shown<'_>, escaping: Escaping) -> Vec<u8> {
    let mut out = Vec::new();
    for family in families {
        write_header(&mut out, family.name(), family.kind(), family.help(), escaping);
        write_lines(&mut out, *family, family.lines(), shown, None);
    }
    out
}

fn read(text: &[u8], names: NameScheme) -> PushedFamilies<'_> {
    let read = fuzzing::text(text, TextDialect::Strict, names);
    read.unwrap_or_else(|error| panic!("{error} of what was written:\n{}", String::from_utf8_lossy(text)))
}

/// Written as text and read back, everything is what it was.
fn hold_text(families: &[&PreparedFamily]) {
    let text = text_of(families, &Shown::to_tenant(Escaping::AllowUtf8), Escaping::AllowUtf8);
    let again = prepared(read(&text, NameScheme::Utf8));
    let again =
        again.unwrap_or_else(|error| panic!("{error} of what was written:\n{}", String::from_utf8_lossy(&text)));
    assert_eq!(again.len(), families.len());
    for (first, again) in families.iter().zip(&again) {
        assert_same(first, again);
        // In text, blanks before a help are none of it.
        assert_eq!(first.help().trim_start_matches([' ', '\t']), again.help());
        assert_eq!(first.kind().text_name(), again.kind().text_name());
    }
}

/// Written as protobuf and read back, too, and there with all that text does not say.
fn hold_protobuf(families: &[&PreparedFamily]) {
    let shown = Shown::to_tenant(Escaping::AllowUtf8);
    let mut messages = Vec::new();
    for family in families {
        let mut message = FamilyMessage::new(family.name(), family.kind(), family.help(), Escaping::AllowUtf8);
        message.add(*family, &shown, None);
        message.write(&mut messages);
    }
    let again = fuzzing::protobuf(&messages, NameScheme::Utf8).and_then(prepared);
    let again = again.unwrap_or_else(|error| panic!("{error} of what was written of {families:?}"));
    assert_eq!(again.len(), families.len());
    for (first, again) in families.iter().zip(&again) {
        assert_same(first, again);
        assert_eq!((first.help(), first.kind()), (again.help(), again.kind()));
        if first.proto().is_some() {
            assert_eq!(first.proto(), again.proto(), "{first:?}");
        }
    }
}

fn assert_same(first: &PreparedFamily, again: &PreparedFamily) {
    assert_eq!(first.name(), again.name());
    let lines = |family: &PreparedFamily| String::from_utf8_lossy(family.lines()).into_owned();
    assert_eq!(lines(first), lines(again));
    assert_eq!(first.series(), again.series(), "{first:?}");
}

/// The JSON API's pages of a family are JSON once they are put together, and there are not more of them than there is to
/// show.
fn hold_json(family: &PreparedFamily) {
    let mut json = Vec::new();
    write_json_header(&mut json, family, Timestamp::from_unix_seconds(0));
    let most = family.lines().len().max(family.proto().map_or(0, <[u8]>::len));
    let mut from = 0;
    while let Some(next) = write_json_metrics(&mut json, family, from, None) {
        assert!(next > from && next <= most, "the page from {from} ends at {next} of {most}: {family:?}");
        from = next;
    }
    json.extend_from_slice(b"]}");
    let read: Result<serde_json::Value, _> = serde_json::from_slice(&json);
    read.unwrap_or_else(|error| panic!("{error} of {}", String::from_utf8_lossy(&json)));
}

/// In every escaping, to its tenant and to an operator, a view is what Prometheus would load.
fn hold_view(families: &[&PreparedFamily], escaping: Escaping, fleet: bool) {
    let tenant = TenantId::parse("red").expect("a good name");
    let labels = FleetLabels::new("tenant", &tenant, true);
    let shown = if fleet { Shown::to_operator(escaping, &labels) } else { Shown::to_tenant(escaping) };
    let names = if escaping == Escaping::AllowUtf8 { NameScheme::Utf8 } else { NameScheme::Classic };
    let text = text_of(families, &shown, escaping);
    let again = prepared_for(read(&text, names), &[]);
    let again = again.unwrap_or_else(|error| panic!("{error} of the view:\n{}", String::from_utf8_lossy(&text)));
    let lines =
        |families: &mut dyn Iterator<Item = &PreparedFamily>| families.map(PreparedFamily::line_count).sum::<u32>();
    assert_eq!(lines(&mut again.iter()), lines(&mut families.iter().copied()), "lines are lost in the view");
}
