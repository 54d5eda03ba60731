//! Makes the mailer from the settings.

use std::sync::Arc;

use starchart_mail::{Auth, ConfigError, MailTheme, Mailer, OauthConfig, SmtpConfig, Tls};
use starchart_settings::{Mail, Problem, Settings, SmtpAuth, SmtpTls};

/// Returns the names and addresses that appear in every mail.
pub(crate) fn mail_theme(settings: &Settings) -> MailTheme {
    MailTheme {
        site: settings.app.site.clone(),
        app_url: settings.app.url.as_str().trim_end_matches('/').to_owned(),
    }
}

/// Makes the mailer; `None` when mail is off, which a notice of the settings explains.
///
/// # Errors
/// The sender address is invalid, or TLS cannot be set up.
pub(crate) fn mailer(settings: &Settings) -> Result<Option<Arc<Mailer>>, Problem> {
    let mail = &settings.mail;
    let (Some(sender), None) = (&mail.sender, mail.disabled_reason()) else {
        return Ok(None);
    };
    let config = SmtpConfig {
        host: mail.host.clone(),
        port: mail.port,
        tls: match mail.tls {
            SmtpTls::StartTls => Tls::StartTls,
            SmtpTls::Tls => Tls::Implicit,
            SmtpTls::None => Tls::None,
        },
        auth: auth(mail),
        messages_per_minute: mail.per_minute,
        ehlo_name: settings
            .app
            .url
            .host_str()
            .unwrap_or("localhost")
            .to_owned(),
        extra_root_der: None,
        data_timeout: None,
    };
    let mailer = Mailer::smtp(mail_theme(settings), sender, config).map_err(|error| {
        let setting = if matches!(error, ConfigError::Sender(_)) {
            "NOTIFICATIONS_EMAIL_USER"
        } else {
            "SMTP_TLS"
        };
        Problem {
            name: setting.to_owned(),
            advice: error.to_string(),
        }
    });
    Ok(Some(Arc::new(mailer?)))
}

fn auth(mail: &Mail) -> Auth {
    match (&mail.auth, &mail.username, &mail.password) {
        (SmtpAuth::Password, Some(username), Some(password)) => Auth::Password {
            username: username.clone(),
            password: password.clone(),
        },
        (SmtpAuth::Xoauth2(oauth), Some(username), Some(password)) => Auth::Xoauth2 {
            username: username.clone(),
            client_secret: password.clone(),
            oauth: OauthConfig {
                token_url: oauth.token_url.clone(),
                client_id: oauth.client_id.clone(),
                scope: oauth.scope.clone(),
            },
        },
        _ => Auth::None,
    }
}
