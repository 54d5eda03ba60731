//! `starchart send-test-mail ADDRESS`: sends one mail with the server's settings.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use starchart_mail::{RenderedMail, SendError};
use starchart_settings::Problems;

/// Send one mail to an address.
#[derive(Args)]
pub(crate) struct Options {
    /// The address to send to.
    address: String,
}

pub(crate) async fn run(env_file: Option<PathBuf>, options: Options) -> anyhow::Result<ExitCode> {
    let settings = super::begin(env_file)?.settings;
    let Some(mailer) = crate::wire::mail::mailer(&settings).map_err(Problems::from)? else {
        bail!(
            "mail is off: {}",
            settings.mail.disabled_reason().unwrap_or("no sender")
        );
    };
    let head = mailer.theme();
    let rendered = RenderedMail {
        name: String::new(),
        address: options.address,
        message_id: format!(
            "{:032x}@{}",
            rand::random::<u128>(),
            crate::wire::message_host(&settings)
        ),
        subject: format!("{} test mail", head.site.name),
        body: format!(
            "Hello,\n\nThe mails of {} arrive here.\n\n  {}\n",
            head.site.name, head.app_url
        ),
    };
    let server = format!("{}:{}", settings.mail.host, settings.mail.port);
    match mailer.send(&rendered).await {
        Ok(said) => {
            println!("{server} took the mail: {said}");
            Ok(ExitCode::SUCCESS)
        }
        Err(fault) => {
            println!("{server}: {fault}");
            if let Some(advice) = advice(&fault) {
                println!("{advice}");
            }
            Ok(ExitCode::from(1))
        }
    }
}

/// Returns advice for the operator.
pub(super) fn advice(fault: &SendError) -> Option<&'static str> {
    match fault {
        SendError::Unreachable(_) => Some(
            "Check SMTP_HOST, SMTP_PORT and SMTP_TLS (with SMTP_AUTH=xoauth2 also \
             SMTP_OAUTH_TOKEN_URL), and whether a firewall is in \
             between.",
        ),
        SendError::Misconfigured(_) => Some(
            "Check NOTIFICATIONS_USERNAME, NOTIFICATIONS_PASSWORD, SMTP_AUTH and SMTP_TLS, and \
             the server's certificate.",
        ),
        SendError::NotPermitted { .. } => Some(
            "Check whether the account may send as NOTIFICATIONS_EMAIL_USER, and to this address.",
        ),
        SendError::InvalidAddress(_) => Some("Check the address."),
        SendError::Deferred(_)
        | SendError::Unknown(_)
        | SendError::ConnectionLost { .. }
        | SendError::Rejected(_) => None,
    }
}
