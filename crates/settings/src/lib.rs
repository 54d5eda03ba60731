//! Settings from the environment and from secret files. No other crate reads them (I3).
//!
//! [`Sources`] says where to look. [`Settings::read`] parses typed values and reports every fault
//! at once. [`render_check`] prints which value was read from where (`starchart check-config`).
//! [`setting_specs`] lists every setting with its default and meaning; `config/env.example` and the
//! stack files are compared with that table by a test.
//!
//! Precedence: environment variable, then `--env-file` (in development also `./.env`), then the
//! default. Each secret is a file; in production it takes precedence over a variable of the same
//! name.

mod database_url;
mod database_url_file;
mod env_file;
mod environment;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod groups;
mod keys;
mod misspelling;
mod notation;
mod parse;
mod reader;
mod report;
mod settings;
mod sources;
mod spec;
mod urls;

pub use database_url::{DatabaseKind, DatabaseUrl};
pub use database_url_file::read_database_url_file;
pub use environment::Environment;
pub use groups::app::{App, LogLevel};
pub use groups::certificates::Certificates;
pub use groups::database::Database;
pub use groups::mail::{Mail, SmtpAuth, SmtpOauth, SmtpTls};
pub use groups::process::Process;
pub use groups::redis::Redis;
pub use groups::setting_specs;
pub use groups::sign_in::SignIn;
pub use groups::zone::{Aws, DnsProvider, HostPort, Zone};
pub use report::{FoundIn, Origin, Problem, Problems, render_check};
pub use settings::Settings;
pub use sources::Sources;
pub use spec::{DefaultValue, Required, SettingSpec};

/// Valid settings, with the notices and origins for the operator.
#[derive(Debug)]
pub struct Loaded {
    /// The settings, parsed and checked.
    pub settings: Settings,
    /// Messages for the operator: warnings, ignored values, disabled features.
    pub notices: Vec<String>,
    /// Where each setting was found, in the order of [`setting_specs`].
    pub origins: Vec<Origin>,
}
