//! The places where settings are read from. Only this file depends on the process, so that tests
//! can pass values.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// The places where settings are read from.
#[derive(Clone)]
pub struct Sources {
    /// The environment variables by name.
    pub variables: BTreeMap<String, String>,
    /// The env file (`--env-file`); [`Self::variables`] take precedence over it.
    pub env_file: Option<PathBuf>,
    /// The folder of relative paths, `./.env` and `./dev-secrets`.
    pub folder: PathBuf,
    /// The folder with one file for each secret, unless `SECRETS_OVERRIDE` is set.
    pub secrets: PathBuf,
}

/// The folder where Docker Swarm mounts secrets.
const SECRETS: &str = "/run/secrets";

impl Sources {
    /// Returns the sources of this process: environment, working folder and `/run/secrets`.
    ///
    /// A value that is not UTF-8 gets replacement characters, which [`crate::Settings::read`]
    /// refuses.
    #[expect(
        clippy::disallowed_methods,
        reason = "the only reader of the environment (I3)"
    )]
    pub fn from_process(env_file: Option<PathBuf>) -> Self {
        let variables = std::env::vars_os()
            .map(|(name, value)| {
                (
                    name.to_string_lossy().into_owned(),
                    value.to_string_lossy().into_owned(),
                )
            })
            .collect();
        Self {
            variables,
            env_file,
            folder: PathBuf::from("."),
            secrets: PathBuf::from(SECRETS),
        }
    }
}

/// Shows only the names of variables, because the values may be secrets (I9).
impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources")
            .field("variables", &self.variables.keys().collect::<Vec<_>>())
            .field("env_file", &self.env_file)
            .field("folder", &self.folder)
            .field("secrets", &self.secrets)
            .finish()
    }
}
