//! What an answer of the mail server means for one mail, and what of it may be said.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lettre::transport::smtp::response::Response;
use starchart_domain::error::error_chain;

use crate::error::SendError;
use crate::letter::one_line;

pub(crate) type Fault = lettre::transport::smtp::Error;

/// Characters kept of what a server says.
const WORDS: usize = 300;

/// Where in the conversation something was said; the sender was accepted before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The recipient was named.
    Recipient,
    /// The message was announced, or handed over.
    Message,
}

/// What an answer about one recipient or one message means. Whatever it is, it is this mail's: a
/// server that only says so after the sender must not keep one mail before all others. `said`: its
/// words, scrubbed.
pub(crate) fn judge(fault: &Fault, stage: Stage, said: String, recipient: &str) -> SendError {
    let code = fault.status().map(u16::from);
    let detail = enhanced(&said);
    let codes = codes(code, detail);
    match code {
        // Gone, or closing (RFC 5321 section 3.8).
        None | Some(421) => SendError::ConnectionLost {
            codes,
            reason: said,
        },
        Some(code) => match meaning(code, detail, stage, &said.replace(recipient, "")) {
            Meaning::Later => SendError::Deferred(said),
            Meaning::Denied => SendError::NotPermitted {
                codes,
                reason: said,
            },
            Meaning::NoAddress => SendError::InvalidAddress(said),
            Meaning::Refused => SendError::Rejected(said),
        },
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Meaning {
    Later,
    Denied,
    NoAddress,
    Refused,
}

/// `words` without the address, which may hold any word.
fn meaning(code: u16, detail: Option<[u16; 3]>, stage: Stage, words: &str) -> Meaning {
    let words = words.to_ascii_lowercase();
    let relay = stage == Stage::Recipient
        && ["relay", "rcpthosts"]
            .iter()
            .any(|word| words.contains(word));
    // Exchange Online says so after the message: the account may not send as this sender.
    let sender = words.contains("sendasdenied")
        || matches!(detail, Some([5, 7, 57 | 60] | [5, 2, 252] | [5, 1, 7 | 8]));
    match (code, detail) {
        _ if sender => Meaning::Denied,
        (530, _) => Meaning::Denied,
        (400..=499, _) => Meaning::Later,
        _ if relay => Meaning::Denied,
        (_, Some([5, 7, _])) if stage == Stage::Recipient => Meaning::Denied,
        (_, Some([5, 1, _] | [5, 2, 1])) => Meaning::NoAddress,
        (550 | 553, None) if stage == Stage::Recipient => Meaning::NoAddress,
        _ => Meaning::Refused,
    }
}

/// The enhanced status code (RFC 3463) in an answer.
fn enhanced(said: &str) -> Option<[u16; 3]> {
    let read = |word: &str| {
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
    // It stands at the beginning; later numbers are something else.
    said.split_whitespace().take(6).find_map(read)
}

/// What the log may say: a server's words may hold an address.
fn codes(code: Option<u16>, detail: Option<[u16; 3]>) -> String {
    match (code, detail) {
        (None, _) => "the connection ended".to_owned(),
        (Some(code), None) => code.to_string(),
        (Some(code), Some([class, subject, detail])) => {
            format!("{code} {class}.{subject}.{detail}")
        }
    }
}

/// A fault with its causes, in one line, without these secrets.
pub(crate) fn said(fault: &Fault, secrets: &[(&str, &str)]) -> String {
    cut(&scrub(&error_chain(fault), secrets))
}

/// An answer in one line.
pub(crate) fn words(response: &Response) -> String {
    cut(&format!(
        "{} {}",
        response.code(),
        response.message().collect::<Vec<_>>().join(" ")
    ))
}

fn cut(text: &str) -> String {
    one_line(text).chars().take(WORDS).collect()
}

/// The text without these secrets, each with its user name, in every form in which we send them: a
/// server may repeat what it got.
pub(crate) fn scrub(text: &str, secrets: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (username, secret) in secrets.iter().filter(|(_, secret)| !secret.is_empty()) {
        let encoded = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect::<String>();
        let forms = [
            format!("\0{username}\0{secret}"),
            format!("user={username}\x01auth=Bearer {secret}\x01\x01"),
            (*secret).to_owned(),
        ];
        // The longer before what is part of them.
        for form in forms.iter().map(|form| BASE64_STANDARD.encode(form)) {
            text = text
                .replace(&form, "***")
                .replace(form.trim_end_matches('='), "***");
        }
        for form in [encoded].iter().chain(&forms) {
            text = text.replace(form, "***");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_that_is_none_is_one() {
        use Meaning::{Denied, Later, NoAddress, Refused};
        let at = |stage, said: &str| {
            let code = said
                .get(..3)
                .and_then(|code| code.parse().ok())
                .unwrap_or_default();
            meaning(code, enhanced(said), stage, said)
        };
        for (said, recipient, message) in [
            ("550 5.1.1 no such user", NoAddress, NoAddress),
            ("550 5.2.1 mailbox disabled", NoAddress, NoAddress),
            ("550 no such user here", NoAddress, Refused),
            ("553 no such user here", NoAddress, Refused),
            (
                "553 sorry, that domain isn't in my list of allowed rcpthosts",
                Denied,
                Refused,
            ),
            ("550 relay not permitted", Denied, Refused),
            ("554 5.7.1 Relay access denied", Denied, Refused),
            ("550 5.7.1 blocked", Denied, Refused),
            ("550 5.1.8 sender's domain not found", Denied, Denied),
            ("554 5.2.252 SendAsDenied", Denied, Denied),
            ("530 5.7.57 sign in first", Denied, Denied),
            ("552 5.2.2 mailbox full", Refused, Refused),
            ("554 no", Refused, Refused),
            ("452 4.2.2 mailbox full", Later, Later),
        ] {
            assert_eq!(at(Stage::Recipient, said), recipient, "{said}");
            assert_eq!(at(Stage::Message, said), message, "{said}");
        }
    }

    #[test]
    fn the_log_gets_codes_only() {
        let said = "permanent error (550): 5.7.1 <joerg@school.example> relay denied";
        assert_eq!(codes(Some(550), enhanced(said)), "550 5.7.1");
        assert_eq!(
            codes(
                Some(421),
                enhanced("transient error (421): too many from 10.1.2.3")
            ),
            "421"
        );
    }

    #[test]
    fn a_secret_that_is_repeated_is_not_said() {
        let (user, secret) = ("starchart@school.example", "a password+for/tests");
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
                scrub(&format!("535 I know no {echo}!"), &[(user, secret)]),
                "535 I know no ***!",
                "{echo}"
            );
        }
        assert_eq!(scrub("535 no", &[(user, "")]), "535 no");
    }
}
