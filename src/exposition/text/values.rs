//! Where the numbers of a body stand.

use crate::exposition::float;
use crate::exposition::pushed::index;

/// From where to where the values of its samples stand in a body that was read and has no timestamps: of those that are
/// decimals. The last word of a line is its value then.
pub(in crate::exposition) fn places_of_values(body: &[u8]) -> Vec<(u32, u32)> {
    let (mut places, mut start) = (Vec::new(), 0);
    for line in body.split(|byte| *byte == b'\n') {
        let written = line.trim_ascii_end();
        let word = written.iter().rev().take_while(|byte| float::may_be_decimal(byte)).count();
        let (before, word) = written.split_at_checked(written.len() - word).unwrap_or_default();
        let is_sample =
            matches!(before.last(), Some(b' ' | b'\t' | b'}')) && !before.trim_ascii_start().starts_with(b"#");
        if is_sample && float::parse(word).is_some() {
            places.push((index(start + before.len()), index(start + written.len())));
        }
        start += line.len() + 1;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::places_of_values;

    #[test]
    fn decimals_behind_samples_are_found_and_nothing_else() {
        let body = "# HELP a 1\n# TYPE a gauge\na 1\na{b=\"2\"}3.5\n a{b=\"c 4\"} \t-5 \r\n\na 1e3\na NaN\na2 0";
        let found: Vec<_> = places_of_values(body.as_bytes())
            .into_iter()
            .map(|(start, end)| &body[start as usize..end as usize])
            .collect();
        assert_eq!(found, ["1", "3.5", "-5", "1e3", "0"]);
    }
}
