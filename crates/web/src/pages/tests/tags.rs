//! Scans the tags of a page.

/// A start tag with its attributes.
pub(super) struct Tag {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    /// The text after the tag, up to the next `<`.
    pub(super) text: String,
}

impl Tag {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Scans start tags like an HTML tokenizer, without comments and raw text.
pub(super) fn tags(html: &str) -> Vec<Tag> {
    let mut out = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let end = rest.find([' ', '\n', '>', '/']).unwrap();
        let name = rest[..end].to_ascii_lowercase();
        rest = &rest[end..];
        let mut attributes = Vec::new();
        loop {
            rest = rest.trim_start_matches([' ', '\n', '/']);
            if let Some(after) = rest.strip_prefix('>') {
                rest = after;
                break;
            }
            let end = rest.find([' ', '\n', '>', '=', '/']).unwrap();
            let key = rest[..end].to_ascii_lowercase();
            rest = &rest[end..];
            let mut value = String::new();
            if let Some(after) = rest.strip_prefix('=') {
                let after = after
                    .strip_prefix('"')
                    .unwrap_or_else(|| panic!("attribute {key} of {name} without quotes"));
                let end = after.find('"').unwrap();
                after[..end].clone_into(&mut value);
                rest = &after[end + 1..];
            }
            attributes.push((key, value));
        }
        let text = rest[..rest.find('<').unwrap_or(rest.len())].to_owned();
        out.push(Tag {
            name,
            attributes,
            text,
        });
    }
    out
}

/// Returns names of tags and attributes, without values and texts.
pub(super) fn skeleton(html: &str) -> Vec<String> {
    tags(html)
        .into_iter()
        .map(|tag| {
            format!(
                "{} {}",
                tag.name,
                tag.attributes
                    .into_iter()
                    .map(|(key, _)| key)
                    .collect::<Vec<_>>()
                    .join(" ")
            )
        })
        .collect()
}
