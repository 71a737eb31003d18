//! What somebody meant who mistyped a word.

/// The candidate that takes the fewest steps from `word`, unless even that one is mostly something else.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody mistypes a key at such a length, and the distance costs the product of both lengths.
    if word.len() > 64 {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .min()
        .filter(|(steps, candidate)| *steps <= candidate.chars().count().max(word.chars().count()) / 2)
        .map(|(_, candidate)| candidate)
}

/// The steps from one word to the other: a character put in, left out, replaced, or swapped with its neighbour. Case
/// and `-` for `_` cost nothing.
fn distance(from: &str, to: &str) -> usize {
    let spell = |word: &str| -> Vec<char> {
        let same = |c: char| if c == '-' { '_' } else { c.to_ascii_lowercase() };
        word.chars().map(same).collect()
    };
    let (from, to) = (spell(from), spell(to));
    let mut above: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    let mut before = None;
    for (n, c) in from.iter().copied().enumerate() {
        let mut next = vec![n + 1];
        let mut left = n + 1;
        let mut beside = None;
        for (m, d) in to.iter().copied().enumerate() {
            let at = |row: &[usize], m: usize| row.get(m).copied().unwrap_or(usize::MAX - 1);
            let mut steps = (at(&row, m) + usize::from(c != d)).min(at(&row, m + 1) + 1).min(left + 1);
            if let Some(two_back) = m.checked_sub(1)
                && before == Some(d)
                && beside == Some(c)
            {
                steps = steps.min(at(&above, two_back) + 1);
            }
            next.push(steps);
            left = steps;
            beside = Some(d);
        }
        above = std::mem::replace(&mut row, next);
        before = Some(c);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::distance;
    use super::nearest;

    #[test]
    fn a_step_is_one_character_or_two_swapped() {
        for (from, to, steps) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("scope", "scopes", 1),
            ("scpoes", "scopes", 1),
            ("addres", "address", 1),
            ("kitten", "sitting", 3),
            ("Scopes", "scopes", 0),
            ("body-bytes-max", "body_bytes_max", 0),
        ] {
            assert_eq!(distance(from, to), steps, "{from} {to}");
            assert_eq!(distance(to, from), steps, "{to} {from}");
        }
    }

    #[test]
    fn the_nearest_word_is_named_unless_it_is_another() {
        let keys = ["jobs", "labels", "networks", "expires"];
        assert_eq!(nearest("job", keys), Some("jobs"));
        assert_eq!(nearest("netwroks", keys), Some("networks"));
        assert_eq!(nearest("password", keys), None);
        assert_eq!(nearest(&"x".repeat(1000), keys), None);
        assert_eq!(nearest("x", []), None);
    }
}
