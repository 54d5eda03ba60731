//! Parses a mail, as far as the mailer uses RFC 5322 and MIME (RFC 2045, RFC 2047).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quoted_printable::ParseMode;

/// The parts of a mail that the inbox shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) date: String,
    pub(crate) body: String,
}

impl Message {
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        // Unfolds header fields (RFC 5322 section 2.2.3).
        let head = head.replace("\n ", " ").replace("\n\t", " ");
        let header = |name: &str| {
            let value = head.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim())
            });
            value.unwrap_or_default()
        };
        let body = match header("Content-Transfer-Encoding")
            .to_ascii_lowercase()
            .as_str()
        {
            "base64" => STANDARD
                .decode(body.replace(char::is_whitespace, ""))
                .unwrap_or_default(),
            "quoted-printable" => {
                quoted_printable::decode(body, ParseMode::Robust).unwrap_or_default()
            }
            _ => body.as_bytes().to_vec(),
        };
        Self {
            from: decode_words(header("From")),
            to: decode_words(header("To")),
            subject: decode_words(header("Subject")),
            date: header("Date").to_owned(),
            body: String::from_utf8_lossy(&body).replace("\r\n", "\n"),
        }
    }
}

/// Decodes encoded words such as `=?utf-8?b?...?=` (RFC 2047). White space between two of them is
/// ignored (section 6.2).
fn decode_words(header: &str) -> String {
    let mut text = String::new();
    let mut after_word = false;
    let mut rest = header;
    while let Some((before, word)) = rest.split_once("=?") {
        if !(after_word && before.trim().is_empty()) {
            text.push_str(before);
        }
        let mut parts = word.splitn(4, '?');
        let _charset = parts.next();
        let encoding = parts.next();
        let data = parts.next();
        let tail = parts.next();
        let decoded = match (encoding.map(str::to_ascii_lowercase).as_deref(), data) {
            (Some("b"), Some(data)) => STANDARD.decode(data).ok(),
            (Some("q"), Some(data)) => {
                quoted_printable::decode(data.replace('_', " "), ParseMode::Robust).ok()
            }
            _ => None,
        };
        let (Some(decoded), Some(tail)) = (decoded, tail.and_then(|tail| tail.strip_prefix('=')))
        else {
            return format!("{text}=?{word}");
        };
        text.push_str(&String::from_utf8_lossy(&decoded));
        rest = tail;
        after_word = true;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_of_the_mailer_is_parsed() {
        let text = "From: My.Custom.Domain <a@b.c>\r\n\
            To: =?utf-8?b?SsO2cmcg?=\r\n =?utf-8?b?TcO8bGxlcg==?= <j@b.c>\r\n\
            Subject: My.Custom.Domain DNS record\r\n expired\r\n\
            Date: Wed, 25 Nov 2026 23:00:00 +0000\r\n\
            Content-Transfer-Encoding: quoted-printable\r\n\r\nHello J=C3=B6rg,\r\n\r\n<b>=3D\r\n";
        let message = Message::parse(text);
        assert_eq!(
            (message.to.as_str(), message.subject.as_str()),
            ("Jörg Müller <j@b.c>", "My.Custom.Domain DNS record expired")
        );
        assert_eq!(message.body, "Hello Jörg,\n\n<b>=\n");
        assert_eq!(decode_words("=?utf-8?b?broken"), "=?utf-8?b?broken");
        assert_eq!(Message::parse("nothing"), Message::default());
    }
}
