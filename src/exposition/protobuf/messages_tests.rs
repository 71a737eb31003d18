//! What is generated is of this `.proto`.

/// Message, field and number of each field.
fn fields_of(text: &str, message: &str, field: impl Fn(&str, &str) -> Option<(String, String)>) -> Vec<[String; 3]> {
    let mut within = String::new();
    let mut before = "";
    let mut fields = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix(message) {
            within = name.trim_end_matches([' ', '{']).to_owned();
        } else if let Some((name, number)) = field(before, line) {
            fields.push([within.clone(), name, number]);
        }
        before = line;
    }
    fields
}

#[test]
fn the_generated_messages_have_the_fields_of_the_proto() {
    let proto = fields_of(include_str!("metrics.proto"), "message ", |_, line| {
        let (field, number) = line.strip_suffix(';')?.split_once(" = ")?;
        let field = field.strip_prefix("optional ").or_else(|| field.strip_prefix("repeated "))?;
        Some((field.split_once(' ')?.1.to_owned(), number.to_owned()))
    });
    let generated = fields_of(include_str!("messages.rs"), "pub struct ", |before, line| {
        let (_, number) = before.strip_prefix("#[prost(")?.split_once("tag = \"")?;
        let name = line.strip_prefix("pub ")?.split_once(':')?.0.trim_start_matches("r#");
        Some((name.to_owned(), number.trim_end_matches("\")]").to_owned()))
    });
    assert_eq!(proto.len(), 50);
    assert_eq!(generated.iter().filter(|[message, ..]| message != "Timestamp").cloned().collect::<Vec<_>>(), proto);
}
