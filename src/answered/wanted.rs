//! How a request wants its answer, kept for when there is one.

use crate::rejection::Form;
use http::HeaderMap;
use http::HeaderValue;
use http::header::ACCEPT;
use http::header::ACCEPT_ENCODING;

/// What is read only if there is something to be written: of a push's answer, nothing is.
pub(super) struct Wanted {
    forms: Values,
    pub(super) encodings: Values,
}

/// The values of one header. Nearly always one at most, for which nothing is allocated.
#[derive(Default)]
pub(super) struct Values {
    first: Option<HeaderValue>,
    others: Vec<HeaderValue>,
}

impl Wanted {
    /// One look at each header, of which there are five or ten.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut wanted = Self { forms: Values::default(), encodings: Values::default() };
        for (name, value) in headers {
            if *name == ACCEPT {
                wanted.forms.push(value);
            } else if *name == ACCEPT_ENCODING {
                wanted.encodings.push(value);
            }
        }
        wanted
    }

    /// In which form a refusal is written.
    pub(super) fn form(&self) -> Form {
        let values = self.forms.first.iter().chain(&self.forms.others);
        Form::wanted(values.filter_map(|value| value.to_str().ok()))
    }
}

impl Values {
    fn push(&mut self, value: &HeaderValue) {
        match self.first {
            None => self.first = Some(value.clone()),
            Some(_) => self.others.push(value.clone()),
        }
    }
}

impl IntoIterator for Values {
    type Item = HeaderValue;
    type IntoIter = std::iter::Chain<std::option::IntoIter<HeaderValue>, std::vec::IntoIter<HeaderValue>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.others)
    }
}
