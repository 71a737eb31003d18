//! In which form a refusal is told: a line of text, or an object of JSON for whoever names it.

use crate::model::MediaType;
use crate::model::split_outside_quotes;

/// How a refusal is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// One line.
    #[default]
    Text,
    /// `application/problem+json`.
    Problem,
}

/// Clauses of an `Accept` that are looked at.
const CLAUSES_MAX: usize = 32;

impl Form {
    /// As the values of a request's `Accept` ask. JSON is for whoever names it, as `application/problem+json` or
    /// `application/json`, and wants text no more than it: `*/*` names nothing. Clients of this protocol show a line at best.
    pub fn wanted<'h>(accept: impl IntoIterator<Item = &'h str>) -> Self {
        let [mut problem, mut json, mut plain, mut any_text, mut any] = [None::<u16>; 5];
        let clauses = accept.into_iter().flat_map(|value| split_outside_quotes(value, b','));
        for media in clauses.take(CLAUSES_MAX).map(MediaType::of) {
            let seen = match media.essence().to_ascii_lowercase().as_str() {
                "application/problem+json" => &mut problem,
                "application/json" => &mut json,
                "text/plain" => &mut plain,
                "text/*" => &mut any_text,
                "*/*" => &mut any,
                _ => continue,
            };
            *seen = (*seen).max(Some(media.weight()));
        }
        // What is refused by its own name is not asked for by the other.
        let named = if problem == Some(0) { 0 } else { problem.max(json).unwrap_or(0) };
        let text = plain.or(any_text).or(any).unwrap_or(0);
        if named > 0 && named >= text { Self::Problem } else { Self::Text }
    }
}

#[cfg(test)]
mod tests {
    use super::Form;
    use proptest::prelude::*;

    #[test]
    fn json_is_for_whoever_names_it_and_wants_text_no_more() {
        for accept in [
            "application/problem+json",
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json, text/plain, */*",
            "text/html, application/json;q=0.9, */*;q=0.8",
            "text/plain;q=0.5, application/problem+json;q=0.5",
            "application/json;q=0.3, text/*;q=0.2, */*",
            "application/json;q=0, application/problem+json",
        ] {
            assert_eq!(Form::wanted([accept]), Form::Problem, "{accept}");
        }
        for accept in [
            "",
            "*/*",
            "application/*",
            "text/plain",
            "application/json;q=0",
            "application/problem+json;q=0, application/json",
            "application/json;q=0.4, text/plain;q=0.5",
            "application/json;q=0.5, */*;q=0.8",
            "application/jsonp",
            "x=\"application/json\"",
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        ] {
            assert_eq!(Form::wanted([accept]), Form::Text, "{accept}");
        }
        assert_eq!(Form::wanted([]), Form::Text);
        assert_eq!(Form::wanted(["text/html", "application/json"]), Form::Problem);
    }

    proptest! {
        #[test]
        fn every_accept_is_answered(accept in ".*", like in "([a-z/*;=,\"\\\\. 0-9]|q=|application/json|text/plain){0,40}") {
            Form::wanted([&*accept]);
            Form::wanted([&*like]);
        }
    }
}
