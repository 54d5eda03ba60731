//! What a reply of the mail server (RFC 5321 section 4.2) means for one mail, and which part of it
//! may be logged.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lettre::transport::smtp::response::Response;
use starchart_domain::error::error_chain;

use crate::error::SendError;
use crate::text::one_line;

pub(crate) type SmtpError = lettre::transport::smtp::Error;

/// Characters kept of a server's reply.
const MAX_REPLY_CHARS: usize = 300;

/// The step of the mail transaction (RFC 5321 section 3.3) that a reply belongs to. The server has
/// accepted the sender before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Recipient,
    /// DATA and the message itself.
    Message,
}

/// Classifies a failure in the mail transaction. It counts against this mail alone: a server that
/// rejects after MAIL FROM must not let one mail block all others. `text` is the redacted reply.
pub(crate) fn classify(error: &SmtpError, step: Step, text: String, recipient: &str) -> SendError {
    let code = error.status().map(u16::from);
    let enhanced = enhanced_status_code(&text);
    let codes = loggable_codes(code, enhanced);
    match code {
        // The connection ended, or the server closes it (RFC 5321 section 3.8).
        None | Some(421) => SendError::ConnectionLost {
            codes,
            reason: text,
        },
        Some(code) => match classify_codes(code, enhanced, step, &text.replace(recipient, "")) {
            ReplyClass::Deferred => SendError::Deferred(text),
            ReplyClass::NotPermitted => SendError::NotPermitted {
                codes,
                reason: text,
            },
            ReplyClass::InvalidAddress => SendError::InvalidAddress(text),
            ReplyClass::Rejected => SendError::Rejected(text),
        },
    }
}

#[derive(Debug, PartialEq, Eq)]
enum ReplyClass {
    Deferred,
    NotPermitted,
    InvalidAddress,
    Rejected,
}

/// `text` must not contain the recipient, whose address could contain any of the words.
fn classify_codes(code: u16, enhanced: Option<[u16; 3]>, step: Step, text: &str) -> ReplyClass {
    let text = text.to_ascii_lowercase();
    let relaying_denied = step == Step::Recipient
        && ["relay", "rcpthosts"]
            .iter()
            .any(|word| text.contains(word));
    // Exchange Online rejects the sender only after the message.
    let sender_denied = text.contains("sendasdenied")
        || matches!(
            enhanced,
            Some([5, 7, 57 | 60] | [5, 2, 252] | [5, 1, 7 | 8])
        );
    match (code, enhanced) {
        _ if sender_denied => ReplyClass::NotPermitted,
        (530, _) => ReplyClass::NotPermitted,
        (400..=499, _) => ReplyClass::Deferred,
        _ if relaying_denied => ReplyClass::NotPermitted,
        (_, Some([5, 7, _])) if step == Step::Recipient => ReplyClass::NotPermitted,
        (_, Some([5, 1, _] | [5, 2, 1])) => ReplyClass::InvalidAddress,
        (550 | 553, None) if step == Step::Recipient => ReplyClass::InvalidAddress,
        _ => ReplyClass::Rejected,
    }
}

/// Finds the enhanced status code (RFC 3463) at the beginning of a reply.
fn enhanced_status_code(text: &str) -> Option<[u16; 3]> {
    let parse = |word: &str| {
        let mut parts = word
            .trim_matches(|c: char| !c.is_ascii_digit())
            .split('.')
            .map(str::parse::<u16>);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Ok(class @ (4 | 5))), Some(Ok(subject)), Some(Ok(detail)), None) => {
                Some([class, subject, detail])
            }
            _ => None,
        }
    };
    // Later numbers may be version numbers or addresses.
    text.split_whitespace().take(6).find_map(parse)
}

/// The codes without the text of the reply, which may contain a mail address.
fn loggable_codes(code: Option<u16>, enhanced: Option<[u16; 3]>) -> String {
    match (code, enhanced) {
        (None, _) => "the connection ended".to_owned(),
        (Some(code), None) => code.to_string(),
        (Some(code), Some([class, subject, detail])) => {
            format!("{code} {class}.{subject}.{detail}")
        }
    }
}

/// The error and its sources in one line, redacted.
pub(crate) fn error_text(error: &SmtpError, secrets: &[(&str, &str)]) -> String {
    shorten(&redact(&error_chain(error), secrets))
}

/// The reply in one line.
pub(crate) fn reply_text(response: &Response) -> String {
    shorten(&format!(
        "{} {}",
        response.code(),
        response.message().collect::<Vec<_>>().join(" ")
    ))
}

/// Joins the text to one line of limited length.
pub(crate) fn shorten(text: &str) -> String {
    one_line(text).chars().take(MAX_REPLY_CHARS).collect()
}

/// Replaces secrets by `***`, because a server may repeat in its reply what we sent. `secrets` are
/// pairs of user name and secret; each is recognised in every encoding in which SMTP AUTH
/// (RFC 4954) or a form carries it.
pub(crate) fn redact(text: &str, secrets: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (username, secret) in secrets.iter().filter(|(_, secret)| !secret.is_empty()) {
        let url_encoded = url::form_urlencoded::byte_serialize(secret.as_bytes());
        let url_encoded = url_encoded.collect::<String>();
        let plain_forms = [
            format!("\0{username}\0{secret}"),
            format!("user={username}\x01auth=Bearer {secret}\x01\x01"),
            (*secret).to_owned(),
        ];
        // A longer form contains a shorter one, so it is replaced first.
        for encoded in plain_forms.iter().map(|form| BASE64_STANDARD.encode(form)) {
            text = text
                .replace(&encoded, "***")
                .replace(encoded.trim_end_matches('='), "***");
        }
        for form in [url_encoded].iter().chain(&plain_forms) {
            text = text.replace(form, "***");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_classified_by_its_codes_and_step() {
        use ReplyClass::{Deferred, InvalidAddress, NotPermitted, Rejected};
        let classified = |step, reply: &str| {
            let code = reply
                .get(..3)
                .and_then(|code| code.parse().ok())
                .unwrap_or_default();
            classify_codes(code, enhanced_status_code(reply), step, reply)
        };
        for (reply, at_recipient, at_message) in [
            ("550 5.1.1 no such user", InvalidAddress, InvalidAddress),
            ("550 5.2.1 mailbox disabled", InvalidAddress, InvalidAddress),
            ("550 no such user here", InvalidAddress, Rejected),
            ("553 no such user here", InvalidAddress, Rejected),
            (
                "553 sorry, that domain isn't in my list of allowed rcpthosts",
                NotPermitted,
                Rejected,
            ),
            ("550 relay not permitted", NotPermitted, Rejected),
            ("554 5.7.1 Relay access denied", NotPermitted, Rejected),
            ("550 5.7.1 blocked", NotPermitted, Rejected),
            (
                "550 5.1.8 sender's domain not found",
                NotPermitted,
                NotPermitted,
            ),
            ("554 5.2.252 SendAsDenied", NotPermitted, NotPermitted),
            ("530 5.7.57 sign in first", NotPermitted, NotPermitted),
            ("552 5.2.2 mailbox full", Rejected, Rejected),
            ("554 no", Rejected, Rejected),
            ("452 4.2.2 mailbox full", Deferred, Deferred),
        ] {
            assert_eq!(classified(Step::Recipient, reply), at_recipient, "{reply}");
            assert_eq!(classified(Step::Message, reply), at_message, "{reply}");
        }
    }

    #[test]
    fn only_codes_are_loggable() {
        let reply = "permanent error (550): 5.7.1 <joerg@school.example> relay denied";
        assert_eq!(
            loggable_codes(Some(550), enhanced_status_code(reply)),
            "550 5.7.1"
        );
        assert_eq!(
            loggable_codes(
                Some(421),
                enhanced_status_code("transient error (421): too many from 10.1.2.3")
            ),
            "421"
        );
    }

    #[test]
    fn a_repeated_secret_is_redacted_in_every_encoding() {
        let user = "starchart@school.example";
        let secret = "a password+for/tests";
        let plain = BASE64_STANDARD.encode(format!("\0{user}\0{secret}"));
        let token = BASE64_STANDARD.encode(format!("user={user}\x01auth=Bearer {secret}\x01\x01"));
        let bare = BASE64_STANDARD.encode(secret);
        let form = "a+password%2Bfor%2Ftests";
        for echo in [
            secret,
            &plain,
            &token,
            &bare,
            bare.trim_end_matches('='),
            form,
        ] {
            assert_eq!(
                redact(&format!("535 I know no {echo}!"), &[(user, secret)]),
                "535 I know no ***!",
                "{echo}"
            );
        }
        assert_eq!(redact("535 no", &[(user, "")]), "535 no");
    }
}
