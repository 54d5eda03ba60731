//! A mail as the message that is sent (RFC 5322), with its envelope (RFC 5321).

use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox, Message};

use crate::address;
use crate::error::SendError;
use crate::text::one_line;

/// A mail to one user, ready to be composed and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedMail {
    /// The recipient's display name, shown beside the address; may be empty.
    pub name: String,
    /// The recipient's mail address.
    pub address: String,
    /// The Message-ID without angle brackets; the same at every attempt.
    pub message_id: String,
    /// The subject, in one line.
    pub subject: String,
    /// The body as plain text.
    pub body: String,
}

/// A composed message and its envelope.
pub(crate) struct Outgoing {
    pub(crate) envelope: Envelope,
    pub(crate) bytes: Vec<u8>,
}

/// Composes the message.
///
/// # Errors
/// [`SendError::InvalidAddress`] or [`SendError::Rejected`]: the mail can never be sent.
pub(crate) fn compose(mail: &RenderedMail, from: &Mailbox) -> Result<Outgoing, SendError> {
    let invalid_address = || {
        SendError::InvalidAddress(format!(
            "{:?} is not a mail address",
            one_line(&mail.address)
        ))
    };
    let address = address::parse(mail.address.trim()).ok_or_else(invalid_address)?;
    let name = one_line(&mail.name);
    let to = Mailbox::new((!name.is_empty()).then_some(name), address);
    let rejected = |error: &dyn std::fmt::Display| {
        SendError::Rejected(format!("the message cannot be composed: {error}"))
    };
    // Without it, lettre parses the headers again, and fails at a quoted local part.
    let envelope = Envelope::new(Some(from.email.clone()), vec![to.email.clone()])
        .map_err(|error| rejected(&error))?;
    let mut message = Message::builder()
        .envelope(envelope)
        .from(from.clone())
        .to(to.clone())
        .subject(one_line(&mail.subject))
        .message_id(Some(format!("<{}>", one_line(&mail.message_id))))
        .date_now()
        .header(MIME_VERSION_1_0)
        .header(ContentType::TEXT_PLAIN)
        // No automatic replies: RFC 3834 section 5, and Exchange's own header.
        .raw_header(raw_header_value("Auto-Submitted", "auto-generated"))
        .raw_header(raw_header_value("X-Auto-Response-Suppress", "All"))
        .body(mail.body.clone())
        .map_err(|error| rejected(&error))?;
    for (header, mailbox) in [("From", from), ("To", &to)] {
        if let Some(quoted) = quoted_mailbox(mailbox) {
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

/// Quotes a display name that contains a dot (RFC 5322 section 3.2.4); lettre does not.
fn quoted_mailbox(mailbox: &Mailbox) -> Option<String> {
    let name = mailbox
        .name
        .as_deref()
        .filter(|name| name.is_ascii() && name.contains('.'))?;
    let name = name.replace('\\', "\\\\").replace('"', "\\\"");
    Some(format!("\"{name}\" <{}>", mailbox.email))
}

fn raw_header_value(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn mail() -> RenderedMail {
        RenderedMail {
            name: "Jörg Müller".into(),
            address: "joerg@school.example".into(),
            message_id: "0123@school.example".into(),
            subject: "My.Custom.Domain DNS record expired".into(),
            body: "Hello Jörg,\n\n.\nbye\n".into(),
        }
    }

    fn composed(mail: &RenderedMail) -> String {
        let from = Mailbox::new(
            Some("My.Custom.Domain".into()),
            "starchart@school.example".parse().unwrap(),
        );
        String::from_utf8(compose(mail, &from).unwrap().bytes).unwrap()
    }

    #[test]
    fn headers_are_complete_and_ascii() {
        let text = composed(&mail());
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
        assert!(text.is_ascii(), "servers without 8BITMIME accept it");
    }

    #[test]
    fn a_display_name_with_dots_is_quoted() {
        let text = composed(&RenderedMail {
            name: r#"Dr. "J\ Smith"#.into(),
            ..mail()
        });
        assert!(
            text.contains("To: \"Dr. \\\"J\\\\ Smith\" <joerg@school.example>\r\n"),
            "{text}"
        );
    }

    #[test]
    fn line_breaks_cannot_inject_headers() {
        let evil = RenderedMail {
            name: "Eve\r\nBcc: all@school.example".into(),
            subject: "x\nBcc: all@school.example".into(),
            message_id: "1>\r\nBcc: <all@school.example".into(),
            ..mail()
        };
        let text = composed(&evil);
        assert!(!text.contains("\nBcc"), "{text}");
        let head = text.split("\r\n\r\n").next().unwrap();
        assert!(
            head.lines()
                .all(|line| line.starts_with(' ') || line.contains(": ")),
            "{head}"
        );
    }

    #[test]
    fn an_invalid_address_is_refused() {
        for address in ["", "nobody", "a@b\r\nRCPT TO:<c@d>", "a b@c", "@"] {
            let from = Mailbox::new(None, "starchart@school.example".parse().unwrap());
            let refused = compose(
                &RenderedMail {
                    address: address.into(),
                    ..mail()
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
