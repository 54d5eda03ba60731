//! What a mail consists of before it becomes a message.

/// What stands in every mail.
#[derive(Debug, Clone)]
pub struct MailTheme {
    /// APP_NAME: before every subject, and the sender's name.
    pub app_name: String,
    /// APP_URL without a slash at its end: all links begin with it.
    pub app_url: String,
    /// SCHOOL_NAME.
    pub school: String,
    /// SUPPORT_CONTACT: whom to ask.
    pub support: Option<String>,
}

/// A mail to one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedMail {
    /// The person's name, as it stands beside the address.
    pub name: String,
    /// The address.
    pub address: String,
    /// Without angle brackets; the same at every attempt.
    pub message_id: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub body: String,
}

/// The text in one line: what came from elsewhere breaks no header and forges no line of a mail.
pub(crate) fn one_line(text: &str) -> String {
    let flat = |c: char| {
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
            ' '
        } else {
            c
        }
    };
    text.chars()
        .filter(|c| !is_invisible(*c))
        .map(flat)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// Characters that turn the reading direction or cannot be seen.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
