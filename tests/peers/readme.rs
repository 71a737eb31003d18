//! What stands in the README, to be run as it is printed there.

const README: &str = include_str!("../../README.md");

/// The fenced block of the README that holds `what`.
pub(crate) fn from_readme(what: &str) -> String {
    let mut fences = README.split("\n```");
    fences.next();
    let blocks = fences.step_by(2).filter_map(|block| block.split_once('\n')).map(|(_, text)| text);
    let found: Vec<&str> = blocks.filter(|text| text.contains(what)).collect();
    let [block] = found[..] else { panic!("{} blocks of README.md hold {what:?}", found.len()) };
    block.to_owned() + "\n"
}
