//! The only room that reads the environment and secret files.
//!
//! [`Sources`] says where to look, [`Settings::read`] turns that into typed values, every fault at
//! once, and [`render_check`] prints what was read from where (`starchart check-config`). Every
//! name that is read stands in [`setting_specs`], with its default and meaning; `config/env.example` and
//! the stack files are compared with that table by a test.
//!
//! Precedence: environment variable, then `--env-file` (in development also `./.env`), then the
//! default. Secrets are files, one a secret; in production a file wins over a variable of the same
//! name.

mod assemble;
mod database;
mod env_file;
mod keys;
mod misspelling;
mod parse;
mod reader;
mod report;
mod settings;
mod sources;
mod spec;

pub use database::read_database_url_file;
pub use report::{FoundIn, Origin, Problem, Problems, render_check};
pub use settings::{
    App, Aws, Certificates, Database, DatabaseKind, Environment, HostPort, Limits, LogLevel, Mail,
    Redis, Saml, Settings, SmtpAuth, SmtpOauth, SmtpTls, Timers,
};
pub use sources::Sources;
pub use spec::{DefaultValue, Required, SettingSpec, setting_specs};

/// What reading the settings gave.
#[derive(Debug)]
pub struct Loaded {
    /// The typed values.
    pub settings: Settings,
    /// What an operator should hear at the start: warnings, values ignored, features that are off.
    pub notices: Vec<String>,
    /// Where each known name was found, in the order of [`setting_specs`].
    pub origins: Vec<Origin>,
}
