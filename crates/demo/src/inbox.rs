//! The inbox of the demo: pages that show every sent mail.

mod message;

use std::path::{Path, PathBuf};

use actix_web::{HttpResponse, web};
use askama::Template;
use message::Message;

use crate::html::{SELF_ONLY_CSP, html_response};

/// Mails that the list shows, the newest ones.
const MAX_LISTED: usize = 200;

/// The folder that mails are written to.
pub(crate) struct Inbox {
    folder: PathBuf,
    app_url: String,
}

impl Inbox {
    pub(crate) fn new(folder: &Path, app_url: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            app_url: app_url.to_owned(),
        }
    }

    /// Returns the newest mails, each with its file name.
    fn newest(&self) -> Vec<(String, Message)> {
        let names = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten();
        let mut names: Vec<String> = names
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.retain(|name| is_mail_file(name));
        names.sort_unstable_by(|a, b| b.cmp(a));
        names
            .into_iter()
            .take(MAX_LISTED)
            .filter_map(|name| Some((name.clone(), self.read(&name)?)))
            .collect()
    }

    fn read(&self, name: &str) -> Option<Message> {
        let bytes = std::fs::read(self.folder.join(name)).ok()?;
        Some(Message::parse(&String::from_utf8_lossy(&bytes)))
    }
}

/// Whether a file name is one that the mailer writes. Prevents paths out of the folder.
fn is_mail_file(name: &str) -> bool {
    name.strip_suffix(".eml")
        .is_some_and(|stem| stem.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
}

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/inbox", web::get().to(list))
        .route("/inbox/{mail}", web::get().to(show));
}

#[derive(Template)]
#[template(path = "inbox.html")]
struct ListPage {
    mails: Vec<(String, Message)>,
}

#[derive(Template)]
#[template(path = "mail.html")]
struct MailPage<'a> {
    mail: &'a Message,
    lines: Vec<Line<'a>>,
}

/// A line of a mail. A link to the application becomes an HTML link, any other URL does not.
struct Line<'a> {
    /// Spaces before the text.
    indent: &'a str,
    text: &'a str,
    is_link: bool,
}

async fn list(inbox: web::Data<Inbox>) -> HttpResponse {
    let mails = web::block(move || inbox.newest()).await.unwrap_or_default();
    html_response(ListPage { mails }.render(), SELF_ONLY_CSP)
}

async fn show(inbox: web::Data<Inbox>, name: web::Path<String>) -> HttpResponse {
    let name = name.into_inner();
    let Some(mail) = is_mail_file(&name).then(|| inbox.read(&name)).flatten() else {
        return HttpResponse::NotFound().body("There is no such mail.");
    };
    let lines = mail
        .body
        .lines()
        .map(|line| Line::parse(line, &inbox.app_url))
        .collect();
    html_response(MailPage { mail: &mail, lines }.render(), SELF_ONLY_CSP)
}

impl<'a> Line<'a> {
    fn parse(line: &'a str, app_url: &str) -> Self {
        let text = line.trim();
        let indent = line.split_at(line.len() - line.trim_start().len()).0;
        let is_path = |path: &str| {
            (path.is_empty() || path.starts_with('/')) && !path.contains(char::is_whitespace)
        };
        Self {
            indent,
            text,
            is_link: text.strip_prefix(app_url).is_some_and(is_path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_mail_files_are_shown() {
        assert!(is_mail_file("0001-abc.eml"));
        for name in [
            "../idp-key.pem",
            "..%2Fx.eml",
            "a/b.eml",
            "a.part",
            ".eml.eml",
            "..eml",
        ] {
            assert!(!is_mail_file(name), "{name}");
        }
    }

    #[test]
    fn only_links_to_the_application_become_html_links() {
        let app = "http://localhost:8080";
        let line = Line::parse("  http://localhost:8080/certificate ", app);
        assert_eq!(
            (line.indent, line.text, line.is_link),
            ("  ", "http://localhost:8080/certificate", true)
        );
        for line in [
            "http://localhost:8080.evil.example/",
            "see http://localhost:8080/",
            "javascript:alert(1)",
            "http://localhost:8080/ x",
        ] {
            assert!(!Line::parse(line, app).is_link, "{line}");
        }
    }
}
