//! Labels whose values come from a token's claims: `{claim}` inside text.

use super::LabelTemplate;
use super::TemplatePart;

impl LabelTemplate {
    /// From `repo-{repository}`; `{{` and `}}` stand for the braces themselves. An error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            literal.push_str(before);
            if let Some(behind) = from.strip_prefix("{{") {
                literal.push('{');
                rest = behind;
            } else if let Some(behind) = from.strip_prefix("}}") {
                literal.push('}');
                rest = behind;
            } else if let Some(behind) = from.strip_prefix('{') {
                let (claim, behind) = behind.split_once('}').ok_or("opens a brace that nothing closes")?;
                if claim.is_empty() || claim.contains('{') {
                    return Err("has braces without a claim's name in them");
                }
                if !literal.is_empty() {
                    parts.push(TemplatePart::Text(std::mem::take(&mut literal)));
                }
                parts.push(TemplatePart::Claim(claim.to_owned()));
                rest = behind;
            } else {
                return Err("closes a brace that nothing opens");
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(TemplatePart::Text(literal));
        }
        Ok(Self { parts })
    }

    /// The text, if no claim stands in it.
    pub(super) fn literal(&self) -> Option<String> {
        let text = |part: &TemplatePart| match part {
            TemplatePart::Text(text) => Some(text.clone()),
            TemplatePart::Claim(_) => None,
        };
        self.parts.iter().map(text).collect()
    }

    /// The claims in it.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            TemplatePart::Claim(claim) => Some(&**claim),
            TemplatePart::Text(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::LabelTemplate;
    use super::TemplatePart;

    #[test]
    fn a_claim_stands_in_braces_and_a_doubled_brace_is_itself() {
        let parse = |text: &str| LabelTemplate::parse(text).unwrap();
        let [text, claim] = [TemplatePart::Text, TemplatePart::Claim].map(|of| move |part: &str| of(part.to_owned()));
        assert_eq!(parse("{repository}").parts, [claim("repository")]);
        assert_eq!(parse("a-{b}{c} d").parts, [text("a-"), claim("b"), claim("c"), text(" d")]);
        assert_eq!(parse("{{x}}").parts, [text("{x}")]);
        assert_eq!(parse("{{{x}}}").parts, [text("{"), claim("x"), text("}")]);
        assert_eq!(parse("{{x}}").literal().unwrap(), "{x}");
        assert_eq!(parse("a{b}").literal(), None);
        assert_eq!(parse("{b}-{c}").claims().collect::<Vec<_>>(), ["b", "c"]);
        for bad in ["{", "}", "{a", "a}", "{}", "a{}b", "{{}", "{a{b}}", "{a}}"] {
            assert!(LabelTemplate::parse(bad).is_err(), "{bad}");
        }
    }
}
