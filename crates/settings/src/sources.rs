//! Where settings are looked for. Everything that depends on the process is here, so that the rest
//! can be tested with values.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where settings are looked for.
#[derive(Clone)]
pub struct Sources {
    /// The variables.
    pub variables: BTreeMap<String, String>,
    /// `--env-file`: a file of variables, weaker than [`Self::variables`].
    pub env_file: Option<PathBuf>,
    /// The folder that relative paths start from; `./.env` and `./dev-secrets` stand in it.
    pub folder: PathBuf,
    /// The folder with one file a secret, when `SECRETS_OVERRIDE` is not set.
    pub secrets: PathBuf,
}

/// Where an orchestrator puts secrets.
const SECRETS: &str = "/run/secrets";

impl Sources {
    /// What this process was given: its environment, its working folder, `/run/secrets`.
    ///
    /// A value that is not UTF-8 is kept with replacement characters, which
    /// [`crate::Settings::read`] refuses.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one reader of the environment"
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

/// Names only: the values may be secrets.
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
