//! One request of a case, and what the behaviour file fixes of its answer.

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: Vec<u8>,
    /// How the body of both answers begins.
    pub(crate) says: Option<&'static str>,
}

impl Step {
    fn new(method: &'static str, path: &'static str, body: impl AsRef<[u8]>) -> Self {
        Self { method, path, headers: Vec::new(), body: body.as_ref().to_vec(), says: None }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn says(mut self, beginning: &'static str) -> Self {
        self.says = Some(beginning);
        self
    }
}

pub(crate) fn post(path: &'static str, body: impl AsRef<[u8]>) -> Step {
    Step::new("POST", path, body)
}

pub(crate) fn put(path: &'static str, body: impl AsRef<[u8]>) -> Step {
    Step::new("PUT", path, body)
}

pub(crate) fn delete(path: &'static str) -> Step {
    Step::new("DELETE", path, "")
}

pub(crate) fn request(method: &'static str, path: &'static str) -> Step {
    Step::new(method, path, "")
}

/// A push to one group that says something about the body alone.
pub(crate) fn body(text: impl AsRef<[u8]>) -> Step {
    post("/metrics/job/x", text)
}

/// A push to a path that says something about the path alone.
pub(crate) fn path(path: &'static str) -> Step {
    post(path, "m 1\n")
}
