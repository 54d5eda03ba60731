//! Faults and origins of settings, as the operator reads them.

use std::fmt::{self, Write as _};
use std::path::PathBuf;

use starchart_domain::plural::pluralize;
use url::Url;

use crate::Loaded;

/// One fault of the settings. It never contains the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The name of the variable or the path of the file.
    pub name: String,
    /// What is wrong and how to correct it.
    pub advice: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.advice)
    }
}

/// Every fault of the settings, with the notices for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", list(.problems, .notices))]
pub struct Problems {
    /// The faults, at least one.
    pub problems: Vec<Problem>,
    /// The same messages as in [`Loaded::notices`].
    pub notices: Vec<String>,
}

impl From<Vec<Problem>> for Problems {
    fn from(problems: Vec<Problem>) -> Self {
        Self {
            problems,
            notices: Vec::new(),
        }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        vec![problem].into()
    }
}

fn list(problems: &[Problem], notices: &[String]) -> String {
    let mut text = pluralize(problems.len(), "setting is wrong:", "settings are wrong:");
    for problem in problems {
        let _ = write!(text, "\n  {problem}");
    }
    for notice in notices {
        let _ = write!(text, "\nnotice: {notice}");
    }
    text
}

/// Where a value was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundIn {
    /// An environment variable of the process.
    Variable,
    /// An env file: `--env-file` or `./.env`.
    EnvFile(PathBuf),
    /// The file of a secret.
    SecretFile(PathBuf),
    /// The default of the setting.
    Default,
    /// Not set, without a default.
    NotSet,
}

impl fmt::Display for FoundIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable => f.write_str("variable"),
            Self::EnvFile(path) | Self::SecretFile(path) => write!(f, "file {}", path.display()),
            Self::Default => f.write_str("default"),
            Self::NotSet => f.write_str("not set"),
        }
    }
}

/// Where one setting was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The name of the setting.
    pub name: &'static str,
    /// Where the value was found.
    pub from: FoundIn,
    /// The value for display: `***` for a secret, a URL without its password.
    pub shown: String,
}

/// Renders the origin of each setting and the notices, without any secret, for
/// `starchart check-config`.
pub fn render_check(loaded: &Loaded) -> String {
    let width = loaded
        .origins
        .iter()
        .map(|origin| origin.name.len())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for Origin { name, from, shown } in &loaded.origins {
        let _ = match from {
            FoundIn::NotSet => writeln!(text, "{name:width$}  (not set)"),
            from => writeln!(text, "{name:width$}  {shown}  ({from})"),
        };
    }
    for notice in &loaded.notices {
        let _ = writeln!(text, "notice: {notice}");
    }
    text
}

/// Formats a value for display: quoted if it contains control characters or quotes, and without the
/// user information and query of a URL, which may contain passwords.
pub(crate) fn showable(value: &str) -> String {
    let value = match Url::parse(value) {
        Ok(url) if url.has_host() && has_credentials(&url) => without_credentials(url),
        Ok(_) => value.to_owned(),
        // An invalid URL may still contain a password.
        _ if value.contains("://") && value.contains('@') => "***".to_owned(),
        _ => value.to_owned(),
    };
    let plain = value.chars().all(|c| !c.is_control() && c != '"');
    if plain { value } else { format!("{value:?}") }
}

fn has_credentials(url: &Url) -> bool {
    url.password().is_some() || !url.username().is_empty() || url.query().is_some()
}

fn without_credentials(mut url: Url) -> String {
    if url.password().is_some() || !url.username().is_empty() {
        let _ = url.set_username("***");
        let _ = url.set_password(None);
    }
    if url.query().is_some() {
        url.set_query(Some("***"));
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_shown_without_credentials() {
        let shown = showable("rediss://worker:hunter2@redis:6379/0?token=hunter2");
        assert_eq!(shown, "rediss://***@redis:6379/0?***");
        assert_eq!(showable("redis://a:hunter2@[bad"), "***");
        assert_eq!(
            showable("https://starchart.example"),
            "https://starchart.example"
        );
    }

    #[test]
    fn control_characters_cannot_forge_a_line() {
        assert_eq!(showable("a\nDATABASE_URL"), r#""a\nDATABASE_URL""#);
    }

    #[test]
    fn problems_are_counted_in_the_heading() {
        let one = Problem {
            name: "PORT".into(),
            advice: "is not a port".into(),
        };
        let mut problems = Problems::from(vec![one.clone(), one]);
        problems.notices.push("mail is off".to_owned());
        let text = problems.to_string();
        assert!(
            text.starts_with("2 settings are wrong:\n  PORT: is not a port"),
            "{text}"
        );
        assert_eq!(
            text.lines().skip(2).collect::<Vec<_>>(),
            ["  PORT: is not a port", "notice: mail is off"]
        );
    }
}
