//! A mail read back: as much of RFC 5322 and MIME as our own mails use.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quoted_printable::ParseMode;

/// What a reader sees of a mail.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) date: String,
    pub(crate) body: String,
}

impl Message {
    pub(crate) fn read(text: &str) -> Self {
        let text = text.replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        // Folded lines belong to the header before them (RFC 5322 section 2.2.3).
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
            from: words(header("From")),
            to: words(header("To")),
            subject: words(header("Subject")),
            date: header("Date").to_owned(),
            body: String::from_utf8_lossy(&body).replace("\r\n", "\n"),
        }
    }
}

/// Encoded words, `=?utf-8?b?...?=`, as text; white space between two of them is none (RFC 2047
/// section 6.2).
fn words(header: &str) -> String {
    let (mut text, mut after_word) = (String::new(), false);
    let mut rest = header;
    while let Some((before, word)) = rest.split_once("=?") {
        if !(after_word && before.trim().is_empty()) {
            text.push_str(before);
        }
        let mut parts = word.splitn(4, '?');
        let (_, encoding, data, tail) = (parts.next(), parts.next(), parts.next(), parts.next());
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
        (rest, after_word) = (tail, true);
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_mailer_writes_is_read_back() {
        let text = "From: My.Custom.Domain <a@b.c>\r\nTo: =?utf-8?b?SsO2cmcg?=\r\n =?utf-8?b?TcO8bGxlcg==?= <j@b.c>\r\n\
            Subject: My.Custom.Domain DNS record\r\n expired\r\nDate: Wed, 25 Nov 2026 23:00:00 +0000\r\n\
            Content-Transfer-Encoding: quoted-printable\r\n\r\nHello J=C3=B6rg,\r\n\r\n<b>=3D\r\n";
        let message = Message::read(text);
        assert_eq!(
            (message.to.as_str(), message.subject.as_str()),
            ("Jörg Müller <j@b.c>", "My.Custom.Domain DNS record expired")
        );
        assert_eq!(message.body, "Hello Jörg,\n\n<b>=\n");
        assert_eq!(words("=?utf-8?b?broken"), "=?utf-8?b?broken");
        assert_eq!(Message::read("nothing"), Message::default());
    }
}
