//! Parses `DATABASE_URL` in the form that Prisma uses. Errors never contain any part of it (I9).

use starchart_domain::secret::Secret;
use url::Url;

use crate::urls;

/// Parameters that the MySQL driver understands.
const DRIVER_PARAMETERS: &[&str] = &[
    "ssl-mode",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "charset",
    "collation",
    "socket",
    "statement-cache-capacity",
    "timezone",
    "time-zone",
];

/// The database of `DATABASE_URL` and how many connections a process opens.
#[derive(Debug, Clone)]
pub struct DatabaseUrl {
    /// Which database system it is.
    pub kind: DatabaseKind,
    /// The URL, with Prisma's parameters translated or dropped.
    pub secret: Secret,
    /// Connections of one process (`connection_limit` in the URL). `None`: the store chooses.
    pub connection_limit: Option<u32>,
}

/// The database system in `DATABASE_URL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseKind {
    /// MySQL or MariaDB server.
    MySql,
    /// SQLite file; refused in production.
    Sqlite,
}

/// Parses the URL. Also returns notices for the operator.
pub(crate) fn read(text: &str) -> Result<(DatabaseUrl, Vec<String>), String> {
    let text = text.trim();
    if text.starts_with("sqlite:") {
        let database = DatabaseUrl {
            kind: DatabaseKind::Sqlite,
            secret: Secret::new(text),
            connection_limit: None,
        };
        return Ok((database, Vec::new()));
    }
    if !text.starts_with("mysql://") {
        return Err("must begin with mysql:// (in development also sqlite://)".to_owned());
    }
    let url = urls::url(text)?;
    if url.port() == Some(33_060) {
        return Err("names port 33060, which is MySQL's X protocol; use 3306".to_owned());
    }
    if url.host_str().is_none_or(str::is_empty) || url.username().is_empty() {
        return Err("lacks a host or a user: mysql://user:password@host:3306/database".to_owned());
    }
    let name = url.path().trim_start_matches('/');
    if name.is_empty() || name.contains('/') {
        return Err(
            "must end in one database name: mysql://user:password@host:3306/database".to_owned(),
        );
    }
    translate(url)
}

/// Returns the files that the URL's parameters name, with the parameter of each.
pub(crate) fn files(database: &DatabaseUrl) -> Vec<(String, String)> {
    let url = Url::parse(database.secret.expose()).ok();
    let pairs = url.iter().flat_map(|url| url.query_pairs().into_owned());
    pairs
        .filter(|(key, _)| matches!(key.as_str(), "ssl-ca" | "ssl-cert" | "ssl-key"))
        .collect()
}

/// Keeps the driver's parameters, translates Prisma's, and drops the others with a notice.
fn translate(url: Url) -> Result<(DatabaseUrl, Vec<String>), String> {
    let mut kept: Vec<(String, String)> = Vec::new();
    let mut dropped = Vec::new();
    let mut connection_limit = None;
    for (key, value) in url.query_pairs().into_owned() {
        match (key.as_str(), value.as_str()) {
            (key, _) if DRIVER_PARAMETERS.contains(&key) => kept.push((key.to_owned(), value)),
            ("connection_limit", number) => {
                let number = number
                    .parse()
                    .ok()
                    .filter(|number| (1..=1000).contains(number));
                connection_limit = Some(
                    number.ok_or("has a connection_limit that is not a number from 1 to 1000")?,
                );
            }
            ("sslaccept", "strict") => {
                kept.push(("ssl-mode".to_owned(), "VERIFY_IDENTITY".to_owned()))
            }
            ("sslaccept", "accept_invalid_certs") => {
                kept.push(("ssl-mode".to_owned(), "REQUIRED".to_owned()))
            }
            ("sslaccept", _) => {
                return Err(
                    "has an sslaccept that is neither strict nor accept_invalid_certs".to_owned(),
                );
            }
            // For Prisma this is the CA's certificate, for the driver the client's.
            ("sslcert", _) => kept.push(("ssl-ca".to_owned(), value)),
            _ => dropped.push(key),
        }
    }
    let mut clean = url;
    clean.set_query(None);
    if !kept.is_empty() {
        clean.query_pairs_mut().extend_pairs(kept);
    }
    let notices = match dropped.is_empty() {
        true => Vec::new(),
        false => vec![format!(
            "DATABASE_URL: these parameters are ignored: {}",
            names(&dropped)
        )],
    };
    let secret = Secret::new(clean.as_str());
    Ok((
        DatabaseUrl {
            kind: DatabaseKind::MySql,
            secret,
            connection_limit,
        },
        notices,
    ))
}

/// Lists parameter names for a message. A name that is not a plain word may be part of a password
/// and is hidden.
fn names(keys: &[String]) -> String {
    let plain = |key: &String| {
        key.len() <= 30
            && key
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'-')
    };
    let shown: Vec<_> = keys
        .iter()
        .map(|key| if plain(key) { key.as_str() } else { "***" })
        .collect();
    shown.join(", ")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn prisma_parameters_are_translated_or_dropped() {
        let text = "mysql://star:p%40ss@db:3306/starchart?connection_limit=7&sslaccept=strict\
                    &sslcert=/ca.pem&pool_timeout=10";
        let (database, notices) = read(text).unwrap();
        assert_eq!(
            database.secret.expose(),
            "mysql://star:p%40ss@db:3306/starchart?ssl-mode=VERIFY_IDENTITY&ssl-ca=%2Fca.pem"
        );
        assert_eq!(database.connection_limit, Some(7));
        assert_eq!(
            notices,
            ["DATABASE_URL: these parameters are ignored: pool_timeout"]
        );
    }

    #[test]
    fn a_plain_url_is_unchanged() {
        let (database, notices) = read("mysql://star:pass@db/starchart").unwrap();
        assert_eq!(database.secret.expose(), "mysql://star:pass@db/starchart");
        assert_eq!((database.kind, notices.len()), (DatabaseKind::MySql, 0));
    }

    #[test]
    fn faults_do_not_repeat_the_url() {
        for text in [
            "mysql://star:hunter#2@db/starchart",
            "mysql://star:hunter/2@db/starchart",
            "mysql://star:hunter2@db",
            "mysql://star:hunter2@db/a/b",
            "mysql://hunter2/starchart",
            "postgres://star:hunter2@db/starchart",
            "\"mysql://star:hunter2@db/starchart\"",
            "mysql://star:hunter2@db/starchart?connection_limit=hunter2",
            "mysql://star:hunter2@db/starchart?sslaccept=hunter2",
        ] {
            let fault = read(text).unwrap_err();
            assert!(!fault.contains("hunter"), "{text}: {fault}");
        }
    }

    #[test]
    fn a_password_with_a_question_mark_is_not_shown_as_a_parameter() {
        let fault = read("mysql://star@db/starchart?Hunter2@x").unwrap_err();
        assert!(fault.contains("%3F") && !fault.contains("unter"), "{fault}");
        let read = read("mysql://star@db/starchart?Hunter2=x");
        assert!(!format!("{:?}", read.unwrap().1).contains("unter"));
    }
}
