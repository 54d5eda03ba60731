//! A letter as the message that goes over the wire (RFC 5322).

use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox, Message};

use crate::error::SendError;
use crate::letter::{RenderedMail, one_line};

/// A message and whom it goes to.
pub(crate) struct Outgoing {
    pub(crate) envelope: Envelope,
    pub(crate) bytes: Vec<u8>,
}

/// The message. What is no address, or cannot be written as one, is refused for good.
pub(crate) fn compose(letter: &RenderedMail, from: &Mailbox) -> Result<Outgoing, SendError> {
    let refused = |why: String| SendError::Rejected(why);
    let no_address = |_| {
        SendError::InvalidAddress(format!(
            "{:?} is no mail address",
            one_line(&letter.address)
        ))
    };
    let address: Address = letter.address.trim().parse().map_err(no_address)?;
    let name = one_line(&letter.name);
    let to = Mailbox::new((!name.is_empty()).then_some(name), address);
    let mut message = Message::builder()
        .from(from.clone())
        .to(to.clone())
        .subject(one_line(&letter.subject))
        .message_id(Some(format!("<{}>", one_line(&letter.message_id))))
        .date_now()
        .header(MIME_VERSION_1_0)
        .header(ContentType::TEXT_PLAIN)
        // RFC 3834: no machine answers it. The second is what Exchange goes by.
        .raw_header(raw("Auto-Submitted", "auto-generated"))
        .raw_header(raw("X-Auto-Response-Suppress", "All"))
        .body(letter.body.clone())
        .map_err(|error| refused(format!("the message cannot be written: {error}")))?;
    for (header, mailbox) in [("From", from), ("To", &to)] {
        if let Some(quoted) = quoted(mailbox) {
            let name = HeaderName::new_from_ascii_str(header);
            message
                .headers_mut()
                .insert_raw(HeaderValue::dangerous_new_pre_encoded(
                    name,
                    quoted.clone(),
                    quoted,
                ));
        }
    }
    Ok(Outgoing {
        envelope: message.envelope().clone(),
        bytes: message.formatted(),
    })
}

/// A name with a dot in it stands in quotes (RFC 5322 section 3.2.5), which the library leaves out.
fn quoted(mailbox: &Mailbox) -> Option<String> {
    let name = mailbox
        .name
        .as_deref()
        .filter(|name| name.is_ascii() && name.contains('.'))?;
    let name = name.replace('\\', "\\\\").replace('"', "\\\"");
    Some(format!("\"{name}\" <{}>", mailbox.email))
}

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn letter() -> RenderedMail {
        RenderedMail {
            name: "Jörg Müller".into(),
            address: "joerg@school.example".into(),
            message_id: "0123@school.example".into(),
            subject: "My.Custom.Domain DNS record expired".into(),
            body: "Hello Jörg,\n\n.\nbye\n".into(),
        }
    }

    fn text(letter: &RenderedMail) -> String {
        let from = Mailbox::new(
            Some("My.Custom.Domain".into()),
            "starchart@school.example".parse().unwrap(),
        );
        String::from_utf8(compose(letter, &from).unwrap().bytes).unwrap()
    }

    #[test]
    fn the_headers_are_what_mail_programs_want() {
        let text = text(&letter());
        for line in [
            "From: \"My.Custom.Domain\" <starchart@school.example>\r\n",
            "To: =?utf-8?b?SsO2cmcgTcO8bGxlcg==?= <joerg@school.example>\r\n",
            "Subject: My.Custom.Domain DNS record expired\r\n",
            "Message-ID: <0123@school.example>\r\n",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "MIME-Version: 1.0\r\n",
            "\r\nDate: ",
        ] {
            assert!(text.contains(line), "{line:?} in\n{text}");
        }
        assert!(
            text.is_ascii(),
            "it goes through servers that know only seven bits"
        );
    }

    #[test]
    fn a_name_with_dots_is_quoted() {
        let text = text(&RenderedMail {
            name: r#"Dr. "J\ Smith"#.into(),
            ..letter()
        });
        assert!(
            text.contains("To: \"Dr. \\\"J\\\\ Smith\" <joerg@school.example>\r\n"),
            "{text}"
        );
    }

    #[test]
    fn nobody_slips_a_header_in() {
        let evil = RenderedMail {
            name: "Eve\r\nBcc: all@school.example".into(),
            subject: "x\nBcc: all@school.example".into(),
            message_id: "1>\r\nBcc: <all@school.example".into(),
            ..letter()
        };
        let text = text(&evil);
        assert!(!text.contains("\nBcc"), "{text}");
        let head = text.split("\r\n\r\n").next().unwrap();
        assert!(
            head.lines()
                .all(|line| line.starts_with(' ') || line.contains(": ")),
            "{head}"
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for address in ["", "nobody", "a@b\r\nRCPT TO:<c@d>", "a b@c", "@"] {
            let from = Mailbox::new(None, "starchart@school.example".parse().unwrap());
            let refused = compose(
                &RenderedMail {
                    address: address.into(),
                    ..letter()
                },
                &from,
            );
            assert!(
                matches!(refused, Err(SendError::InvalidAddress(_))),
                "{address}"
            );
        }
    }
}
