//! The database.

use crate::database_url::{self, DatabaseKind, DatabaseUrl};
use crate::reader::Reader;
use crate::spec::DefaultValue::{Same, Unset};
use crate::spec::Required::{Always, No};
use crate::spec::{SettingSpec, secret, variable};

/// The settings of this group, as `config/env.example` lists them.
pub(crate) const SPECS: &[SettingSpec] = &[
    secret(
        "DATABASE_URL",
        Always,
        Unset,
        "mysql://user:password@host:3306/database; in development also sqlite://file",
    ),
    variable(
        "AUTO_MIGRATE",
        No,
        Same("1"),
        "0: wait for pending migrations instead of running them",
    ),
];

/// The database and its migrations.
#[derive(Debug, Clone)]
pub struct Database {
    /// `DATABASE_URL`: the database server and its connections. Required.
    pub url: DatabaseUrl,
    /// `AUTO_MIGRATE`: run pending migrations at the start.
    pub auto_migrate: bool,
}

/// Reads and checks this group. `None` if it has a fault, which is in the reader's problems.
pub(crate) fn read(reader: &mut Reader) -> Option<Database> {
    let url = url(reader);
    let auto_migrate = reader.flag("AUTO_MIGRATE");
    Some(Database {
        url: url?,
        auto_migrate,
    })
}

fn url(reader: &mut Reader) -> Option<DatabaseUrl> {
    let text = reader.secret("DATABASE_URL")?;
    match database_url::read(text.expose()) {
        Ok((url, _)) if url.kind == DatabaseKind::Sqlite && reader.environment.is_production() => {
            reader.value_problem(
                "DATABASE_URL",
                "is sqlite://, which is for development; use mysql:// in production",
            );
            None
        }
        Ok((url, notices)) => {
            reader.notices.extend(notices);
            for (parameter, path) in database_url::files(&url) {
                if !reader.path(path).is_file() {
                    let advice = format!("names a file in {parameter} that is missing; mount it");
                    reader.value_problem("DATABASE_URL", advice);
                }
            }
            Some(url)
        }
        Err(advice) => {
            reader.value_problem("DATABASE_URL", advice);
            None
        }
    }
}
