//! Just enough HTML to fill in a form: tags, attributes, entities. For pages of servers we run, not
//! for the web.

/// A form of a page, with the fields that a browser would send untouched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The URL that receives the form, as written in the page.
    pub action: String,
    /// `get` or `post`, in lower case; `get` where the page says nothing.
    pub method: String,
    /// Names and values of inputs, in the page's order; unchecked boxes and buttons are left out.
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// Returns the value of the field `name`.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }

    /// Sets the field `name`, and adds it if the page does not have it.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        match self.fields.iter_mut().find(|(field, _)| field == name) {
            Some(field) => field.1 = value.to_owned(),
            None => self.fields.push((name.to_owned(), value.to_owned())),
        }
        self
    }
}

/// Returns all forms of `page` in its order.
#[must_use]
pub fn forms(page: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    let mut rest = page;
    while let Some((tag, after)) = next_tag(rest) {
        rest = after;
        if tag.name == "form" {
            let end = find_ignoring_case(after, "</form").unwrap_or(after.len());
            forms.push(Form {
                action: tag.attribute("action").unwrap_or_default(),
                method: tag
                    .attribute("method")
                    .unwrap_or_else(|| "get".to_owned())
                    .to_lowercase(),
                fields: fields(&after[..end]),
            });
            rest = &after[end..];
        }
    }
    forms
}

/// Returns the form of an identity provider's page that posts a response to the service provider.
pub(crate) fn response_form(page: &str) -> Option<Form> {
    forms(page)
        .into_iter()
        .find(|form| form.value("SAMLResponse").is_some())
}

/// Decodes the character references that servers write: the five of XML and numeric ones.
#[must_use]
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let reference = rest
            .find(';')
            .and_then(|end| Some((character(&rest[1..end])?, end + 1)));
        let (decoded, length) = reference.unwrap_or(('&', 1));
        out.push(decoded);
        rest = &rest[length..];
    }
    out + rest
}

fn character(reference: &str) -> Option<char> {
    match reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = reference.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

fn fields(form: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut select: Option<String> = None;
    let mut rest = form;
    while let Some((tag, after)) = next_tag(rest) {
        rest = after;
        match tag.name.as_str() {
            "input" => fields.extend(input(&tag)),
            "textarea" => {
                let end = find_ignoring_case(after, "</textarea").unwrap_or(after.len());
                // The first line break belongs to the tag.
                let text = after[..end].strip_prefix('\n').unwrap_or(&after[..end]);
                let name = tag.attribute("name");
                fields.extend(name.map(|name| (name, unescape(text))));
            }
            "select" => select = tag.attribute("name"),
            "/select" => select = None,
            "option" => choose(&mut fields, select.as_deref(), &tag),
            _ => {}
        }
    }
    fields
}

fn input(tag: &Tag) -> Option<(String, String)> {
    let kind = tag.attribute("type").unwrap_or_default().to_lowercase();
    let sent = match kind.as_str() {
        "submit" | "button" | "reset" | "image" => false,
        "checkbox" | "radio" => tag.attribute("checked").is_some(),
        _ => true,
    };
    let name = tag.attribute("name").filter(|_| sent)?;
    Some((name, tag.attribute("value").unwrap_or_default()))
}

/// Sets the value of a `select`: its first option, which a later selected one replaces.
fn choose(fields: &mut Vec<(String, String)>, select: Option<&str>, option: &Tag) {
    let Some(name) = select else { return };
    let value = option.attribute("value").unwrap_or_default();
    match fields.iter_mut().find(|(field, _)| field == name) {
        None => fields.push((name.to_owned(), value)),
        Some(field) if option.attribute("selected").is_some() => field.1 = value,
        Some(_) => {}
    }
}

struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn attribute(&self, name: &str) -> Option<String> {
        self.attributes
            .iter()
            .find(|(attribute, _)| attribute == name)
            .map(|(_, value)| value.clone())
    }
}

/// Returns the next tag and the text after it.
fn next_tag(page: &str) -> Option<(Tag, &str)> {
    // A tag starts where a letter or a slash follows; any other `<` is text, a comment or a
    // declaration.
    let is_tag =
        |at: &usize| page[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let start = page.match_indices('<').map(|(at, _)| at).find(is_tag)? + 1;
    let body = &page[start..];
    let name_end = body
        .find(|c: char| c.is_whitespace() || c == '>')
        .unwrap_or(body.len());
    let name = body[..name_end].to_lowercase();
    let mut attributes = Vec::new();
    let mut rest = body[name_end..].trim_start();
    while !rest.is_empty() && !rest.starts_with('>') {
        let (attribute, after) = attribute(rest);
        attributes.extend(attribute);
        rest = after.trim_start();
    }
    Some((
        Tag { name, attributes },
        rest.strip_prefix('>').unwrap_or(rest),
    ))
}

fn attribute(text: &str) -> (Option<(String, String)>, &str) {
    let end = text
        .find(|c: char| c.is_whitespace() || c == '=' || c == '>' || c == '/')
        .unwrap_or(text.len());
    if end == 0 {
        let first = text.chars().next().map_or(0, char::len_utf8);
        return (None, &text[first..]);
    }
    let name = text[..end].to_lowercase();
    let rest = text[end..].trim_start();
    let Some(value) = rest.strip_prefix('=') else {
        return (Some((name, String::new())), rest);
    };
    let value = value.trim_start();
    let (raw, after) = match value
        .chars()
        .next()
        .filter(|quote| matches!(quote, '"' | '\''))
    {
        Some(quote) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
        None => value.split_at(
            value
                .find(|c: char| c.is_whitespace() || c == '>')
                .unwrap_or(value.len()),
        ),
    };
    (Some((name, unescape(raw))), after)
}

fn find_ignoring_case(text: &str, needle: &str) -> Option<usize> {
    text.to_ascii_lowercase().find(needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_a_browser_would_send_it() {
        let page = r#"<p>1 < 2
            <form action="/a?b=1&amp;c" METHOD=post>
                <input type=hidden name='t' value="x&#43;&quot;y"/>
                <input name=on type=checkbox checked value=1>
                <input name=off type=checkbox value=1>
                <input type=submit name=go value=Go>
                <select name="kind">
                    <option value="A">A<option value="MX" selected>MX
                </select>
                <textarea name=d>a &lt;b&gt;</textarea>
            </form>
            <form></form>"#;
        let forms = forms(page);
        assert_eq!(forms.len(), 2);
        assert_eq!(forms[0].action, "/a?b=1&c");
        assert_eq!(forms[0].method, "post");
        let fields: Vec<_> = forms[0]
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            fields,
            [("t", "x+\"y"), ("on", "1"), ("kind", "MX"), ("d", "a <b>")]
        );
        assert_eq!(forms[1].method, "get");
    }

    #[test]
    fn an_ampersand_that_starts_no_reference_stays() {
        assert_eq!(unescape("a & b &unknown; &amp;lt;"), "a & b &unknown; &lt;");
    }
}
