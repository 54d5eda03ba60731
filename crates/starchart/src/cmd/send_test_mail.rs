//! `starchart send-test-mail ADDRESS`: sends one mail with the server's settings.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use starchart_mail::RenderedMail;
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
            if let Some(advice) = fault.advice() {
                println!("{advice}");
            }
            Ok(ExitCode::from(1))
        }
    }
}
