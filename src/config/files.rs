//! Reading a file of text whole, if it is one and not too large.

use super::Fault;
use std::io::Read;
use std::path::Path;

/// The text of a file that another one names. What is no regular file is not opened: a pipe would never end.
pub(super) fn read(path: &Path, bytes_max: u64, expected: &str) -> Result<String, Fault> {
    let whole_file = |text: String| Fault::new(path, None, "", text);
    let kind = std::fs::metadata(path).map_err(|error| whole_file(format!("cannot be read: {error}")))?;
    if !kind.is_file() {
        return Err(whole_file(format!("is no file, expected {expected}")));
    }
    read_any(path, bytes_max, expected)
}

/// As [`read`], from whatever can be read.
pub(super) fn read_any(path: &Path, bytes_max: u64, expected: &str) -> Result<String, Fault> {
    let whole_file = |text: String| Fault::new(path, None, "", text);
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(bytes_max + 1).read_to_end(&mut bytes))
        .map_err(|error| whole_file(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > bytes_max {
        let max = super::units::spell_size(bytes_max);
        return Err(whole_file(format!("is larger than {max}, expected {expected}")));
    }
    // Half of a file is often a good file, in which what narrowed the last entry is missing.
    if bytes.last().is_some_and(|last| *last != b'\n') {
        let text = "ends within a line, expected a line feed at its end: without one it may have been cut";
        return Err(whole_file(text.into()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        whole_file(format!("line {line} is not UTF-8, expected UTF-8"))
    })
}
