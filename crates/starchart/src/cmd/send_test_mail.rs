//! `starchart send-test-mail ADDRESS`: one mail, now, with the settings of the server.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use starchart_mail::Letter;

/// Where to.
#[derive(Args)]
pub(crate) struct Options {
    /// The address to send to.
    address: String,
}

pub(crate) async fn run(env_file: Option<PathBuf>, options: Options) -> anyhow::Result<ExitCode> {
    let settings = super::begin(env_file)?.settings;
    let Some(mailer) = crate::wire::mail::mailer(&settings)? else {
        bail!("mail is off: {}", settings.mail.off_because().unwrap_or("no sender"));
    };
    let head = mailer.letterhead();
    let letter = Letter {
        name: String::new(),
        address: options.address,
        message_id: format!("{:032x}@{}", rand::random::<u128>(), crate::wire::message_host(&settings)),
        subject: format!("{} test mail", head.app_name),
        body: format!("Hello,\n\nThe mails of {} arrive here.\n\n  {}\n", head.app_name, head.app_url),
    };
    let server = format!("{}:{}", settings.mail.host, settings.mail.port);
    match mailer.send(&letter).await {
        Ok(said) => {
            println!("{server} took the mail: {said}");
            Ok(ExitCode::SUCCESS)
        }
        Err(fault) => {
            println!("{server}: {fault}");
            Ok(ExitCode::from(1))
        }
    }
}
