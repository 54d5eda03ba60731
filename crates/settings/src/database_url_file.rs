//! Reads the original's `DATABASE_URL` from a file, for the import.

use std::path::Path;

use crate::database_url::{self, DatabaseUrl};
use crate::reader::read_text;
use crate::{env_file, groups, notation};

/// The largest env file.
const FILE_BYTES: u64 = 64 * 1024;

/// Reads the original's `DATABASE_URL` from a file, which is a secret file or an env file. Also
/// returns notices for the operator.
///
/// # Errors
/// What is wrong with the file, without any part of it.
pub fn read_database_url_file(path: &Path) -> Result<(DatabaseUrl, Vec<String>), String> {
    let about_file = |fault: String| format!("{} {fault}", path.display());
    let text = read_text(path, FILE_BYTES).map_err(|error| about_file(error.advice()))?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(about_file(
            "is empty; write the original's DATABASE_URL into it".to_owned(),
        ));
    }
    let in_file = |fault: String| format!("{}: {fault}", path.display());
    let read = |url: &str| {
        // The original uses MySQL only.
        if url.starts_with("sqlite:") {
            return Err(in_file("DATABASE_URL must begin with mysql://".to_owned()));
        }
        let read = match notation::fault(groups::SPECS, "DATABASE_URL", url) {
            Some(fault) => Err(fault),
            None => database_url::read(url),
        };
        read.map_err(|fault| in_file(format!("DATABASE_URL {fault}")))
    };
    if text.starts_with("mysql://") || !text.contains("DATABASE_URL") {
        return read(text);
    }
    let file = env_file::parse(text);
    if !file.faults.is_empty() {
        return Err(in_file(file.faults.join("; ")));
    }
    let url = file
        .variables
        .get("DATABASE_URL")
        .ok_or_else(|| in_file("it does not set DATABASE_URL".to_owned()))?;
    read(url)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn the_originals_url_is_read_from_a_secret_or_env_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let url = "mysql://star:p%40ss@db:3306/school";
        for text in [
            format!("{url}?connection_limit=7\n"),
            format!("\u{feff}{url}"),
            format!("# settings\nPORT=1\nDATABASE_URL=\"{url}?schema=x\"\n"),
        ] {
            std::fs::write(&file, &text).unwrap();
            assert_eq!(
                read_database_url_file(&file).unwrap().0.secret.expose(),
                url,
                "{text}"
            );
        }
        for (text, expected) in [
            ("hunter2", "DATABASE_URL must begin with mysql://"),
            ("sqlite://hunter2", "DATABASE_URL must begin with mysql://"),
            (
                "DATABASE_URL=mysql://hunter2",
                "DATABASE_URL lacks a host or a user",
            ),
            (
                "MY_DATABASE_URL=mysql://star:hunter2@db/x",
                "it does not set DATABASE_URL",
            ),
        ] {
            std::fs::write(&file, text).unwrap();
            let fault = read_database_url_file(&file).unwrap_err();
            assert!(
                fault.contains(expected) && !fault.contains("hunter"),
                "{fault}"
            );
        }
        let folder = folder.path();
        std::fs::write(&file, " \n").unwrap();
        for (path, expected) in [
            (file, "is empty"),
            (folder.join("absent"), "is missing"),
            (folder.to_owned(), "is a directory"),
        ] {
            let fault = read_database_url_file(&path).unwrap_err();
            assert!(fault.contains(expected), "{fault}");
        }
    }
}
