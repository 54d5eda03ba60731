//! Looks settings up by precedence, and collects faults, notices and origins.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use starchart_domain::secret::Secret;

use crate::env_file::{self, EnvFile};
use crate::environment::{self, Environment};
use crate::misspelling::{self, FileScope};
use crate::notation;
use crate::report::showable;
use crate::spec::{Required, SettingSpec, SpecList};
use crate::{FoundIn, Origin, Problem, Sources, parse};

/// The largest secret file.
const SECRET_BYTES: u64 = 64 * 1024;

/// The largest file that a setting names: the metadata of one identity provider. Metadata of a
/// federation is larger.
pub(crate) const FILE_BYTES: u64 = 4 * 1024 * 1024;

/// A text that every secret in config/dev-secrets contains.
const THROW_AWAY_MARK: &str = "development-only";

pub(crate) struct Reader<'a> {
    sources: &'a Sources,
    specs: SpecList,
    pub(crate) environment: Environment,
    file: Option<(PathBuf, BTreeMap<String, String>)>,
    secrets: PathBuf,
    pub(crate) problems: Vec<Problem>,
    pub(crate) notices: Vec<String>,
    origins: BTreeMap<&'static str, Origin>,
}

impl<'a> Reader<'a> {
    /// Reads the env file and determines the environment.
    pub(crate) fn new(sources: &'a Sources, specs: SpecList) -> Self {
        let mut reader = Self {
            sources,
            specs,
            environment: Environment::Development,
            file: None,
            secrets: sources.secrets.clone(),
            problems: Vec::new(),
            notices: Vec::new(),
            origins: BTreeMap::new(),
        };
        if let Some(path) = &sources.env_file {
            reader.file = reader.read_env_file(path, true);
        }
        reader.environment = reader.read_environment();
        if sources.env_file.is_none() && reader.environment == Environment::Development {
            reader.file = reader.read_env_file(Path::new(".env"), false);
            reader.refuse_another_environment();
        }
        if reader.flag("SECRETS_OVERRIDE") {
            reader.secrets = reader.path("dev-secrets");
            if reader.environment.is_production() {
                reader.notice(
                    "SECRETS_OVERRIDE: secrets are read from ./dev-secrets although this is \
                     production",
                );
            }
        }
        reader.report_misspellings();
        reader
    }

    /// Resolves a relative path from the folder of the sources.
    pub(crate) fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.sources.folder.join(path)
    }

    pub(crate) fn notice(&mut self, text: impl Into<String>) {
        self.notices.push(text.into());
    }

    pub(crate) fn problem(&mut self, name: impl Into<String>, advice: impl Into<String>) {
        self.problems.push(Problem {
            name: name.into(),
            advice: advice.into(),
        });
    }

    /// Adds a problem with a value, with the path of its file if it is a secret from a file.
    pub(crate) fn value_problem(&mut self, name: &'static str, advice: impl Into<String>) {
        let place = match self.origins.get(name).map(|origin| &origin.from) {
            Some(FoundIn::SecretFile(path)) => path.display().to_string(),
            _ => name.to_owned(),
        };
        self.problem(place, advice);
    }

    /// Returns the origins in the order of the table.
    pub(crate) fn into_origins(mut self) -> Vec<Origin> {
        self.specs
            .iter()
            .filter_map(|spec| self.origins.remove(spec.name))
            .collect()
    }

    /// Returns the value of a variable or its default.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        let found = self.variable(name);
        self.resolve(name, found)
    }

    /// Returns the parsed value of a variable or its default. An invalid value is a problem.
    pub(crate) fn parsed<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(name)?;
        match parse(notation::trim(&text)) {
            Ok(value) => Some(value),
            Err(advice) => {
                self.problem(name, advice);
                None
            }
        }
    }

    /// Returns the parsed items of a list, none if it is not set or invalid.
    pub(crate) fn list<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        self.parsed(name, |text| parse::list(text, &parse))
            .unwrap_or_default()
    }

    /// Returns a flag; an invalid value is a problem and counts as false.
    pub(crate) fn flag(&mut self, name: &'static str) -> bool {
        self.parsed(name, parse::flag).unwrap_or(false)
    }

    /// Returns a secret. In production its file takes precedence over a variable, elsewhere the
    /// variable over the file.
    pub(crate) fn secret(&mut self, name: &'static str) -> Option<Secret> {
        let path = self.secrets.join(name);
        let file = self
            .secret_file(&path)
            .map(|text| (text, FoundIn::SecretFile(path)));
        let variable = self.variable(name);
        let found = match (file, variable) {
            (Some(file), Some(_)) if self.environment.is_production() => {
                self.notice(format!(
                    "{name}: the variable is ignored because the secret's file exists; remove the \
                     variable"
                ));
                Some(file)
            }
            (_, Some(variable)) => {
                if self.environment.is_production() {
                    self.notice(format!(
                        "{name}: taken from a plain variable, which other users of the machine may \
                         read; use a secret file"
                    ));
                }
                Some(variable)
            }
            (file, None) => file,
        };
        let secret = self.resolve(name, found)?;
        let secret = Secret::new(notation::trim_invisible(&secret));
        if self.environment.is_production() && secret.expose().contains(THROW_AWAY_MARK) {
            self.value_problem(
                name,
                "is the throw-away secret of config/dev-secrets, which is public; create your own",
            );
            return None;
        }
        Some(secret)
    }

    /// Returns a secret that is one word. White space in it is a mistake, which the other side
    /// would only report as "denied".
    pub(crate) fn word(&mut self, name: &'static str) -> Option<Secret> {
        let secret = self.secret(name)?;
        if secret.expose().contains(char::is_whitespace) {
            self.value_problem(
                name,
                "has white space around or inside it, or a second line; store the bare value",
            );
            return None;
        }
        Some(secret)
    }

    /// Records the origin, falls back to the default, and reports a required value that is missing.
    fn resolve(&mut self, name: &'static str, found: Option<(String, FoundIn)>) -> Option<String> {
        let Some(spec) = self.specs.find(name) else {
            self.problem(
                name,
                "is in no list of settings; this is a bug, please report it",
            );
            return None;
        };
        let default = || {
            spec.default
                .in_environment(self.environment)
                .map(|text| (text.to_owned(), FoundIn::Default))
        };
        let found = found.or_else(default);
        let (shown, from) = match &found {
            Some((_, from)) if spec.secret => ("***".to_owned(), from.clone()),
            Some((value, from)) => (showable(value), from.clone()),
            None => (String::new(), FoundIn::NotSet),
        };
        let is_default = from == FoundIn::Default;
        self.origins.insert(name, Origin { name, from, shown });
        if let Some((value, _)) = &found
            && !is_default
            && let Some(advice) = notation::fault(self.specs, name, value)
        {
            if !spec.takes_any_text {
                self.value_problem(name, advice);
                return None;
            }
            self.notice(format!("{name} {advice}, unless the secret really is so"));
        }
        let is_required = spec.required == Required::Always
            || spec.required == Required::InProduction && self.environment.is_production();
        if found.is_none() && is_required {
            self.report_missing(name, spec);
        }
        found.map(|(value, _)| value)
    }

    fn report_missing(&mut self, name: &'static str, spec: &SettingSpec) {
        let file = self.secrets.join(name);
        // An unusable file has been reported already.
        if self
            .problems
            .iter()
            .any(|problem| problem.name == file.display().to_string())
        {
            return;
        }
        let description = spec.description;
        match spec.secret {
            true if self.environment.is_production() => {
                self.problem(
                    file.display().to_string(),
                    format!("this secret's file is missing; create it ({description})"),
                );
            }
            true => self.problem(
                name,
                format!(
                    "is required; set it, or SECRETS_OVERRIDE=1 with dev-secrets/{name} \
                     ({description})"
                ),
            ),
            false => self.problem(name, format!("is required; set it ({description})")),
        }
    }

    /// Returns a variable from the environment or the env file. An empty one counts as not set,
    /// because compose files pass empty variables.
    fn variable(&mut self, name: &'static str) -> Option<(String, FoundIn)> {
        let in_file = |(path, variables): &(PathBuf, BTreeMap<String, String>)| {
            variables
                .get(name)
                .map(|value| (value.clone(), FoundIn::EnvFile(path.clone())))
        };
        let filled = |(value, _): &(String, FoundIn)| !notation::trim(value).is_empty();
        let plain = self
            .sources
            .variables
            .get(name)
            .map(|value| (value.clone(), FoundIn::Variable))
            .filter(filled);
        let found = plain.or_else(|| self.file.as_ref().and_then(in_file).filter(filled))?;
        if found.0.contains('\u{fffd}') {
            self.problem(name, "is not UTF-8; write it again");
            return None;
        }
        Some(found)
    }

    /// Reads the file of a secret, without its last line end. An unusable file is a problem.
    fn secret_file(&mut self, path: &Path) -> Option<String> {
        match read_text(path, SECRET_BYTES) {
            Ok(text) => {
                let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
                let text = text
                    .strip_suffix('\n')
                    .map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
                if text.trim().is_empty() {
                    self.problem(
                        path.display().to_string(),
                        "is empty; store the secret in it, or remove the file",
                    );
                    return None;
                }
                Some(text.to_owned())
            }
            Err(ReadError::Absent) => None,
            Err(unread) => {
                self.problem(path.display().to_string(), unread.advice());
                None
            }
        }
    }

    /// Reads the file whose path is the value of a setting.
    pub(crate) fn file(&mut self, name: &'static str, path: &Path) -> Option<String> {
        match read_text(&self.path(path), FILE_BYTES) {
            Ok(text) if text.trim().is_empty() => {
                self.problem(name, format!("the file {} is empty", path.display()));
                None
            }
            Ok(text) => Some(text),
            Err(unread) => {
                self.problem(
                    name,
                    format!("the file {} {}", path.display(), unread.advice()),
                );
                None
            }
        }
    }

    fn read_env_file(
        &mut self,
        path: &Path,
        is_required: bool,
    ) -> Option<(PathBuf, BTreeMap<String, String>)> {
        let shown = path.display();
        let text = match read_text(&self.path(path), SECRET_BYTES) {
            Ok(text) => text,
            Err(ReadError::Absent) if !is_required => return None,
            Err(unread) => {
                self.problem(shown.to_string(), unread.advice());
                return None;
            }
        };
        let EnvFile {
            variables,
            duplicates,
            faults,
        } = env_file::parse(&text);
        if !faults.is_empty() {
            self.problem(shown.to_string(), faults.join("; "));
        }
        for (name, line) in duplicates {
            self.notice(format!(
                "{name} is set more than once in {shown}; line {line} is used"
            ));
        }
        Some((path.to_owned(), variables))
    }

    fn read_environment(&mut self) -> Environment {
        let node = self.parsed("NODE_ENV", environment::parse);
        let set = self.variable("STARCHART_ENV").is_some();
        let ours = self.parsed("STARCHART_ENV", environment::parse);
        let Some(node) = node else {
            return ours.unwrap_or(Environment::Production);
        };
        if set {
            self.notice("NODE_ENV is ignored because STARCHART_ENV is set");
            return ours.unwrap_or(Environment::Production);
        }
        self.notice(format!(
            "NODE_ENV={} is taken as STARCHART_ENV; set STARCHART_ENV instead",
            node.as_str()
        ));
        if let (Some(node), Some(origin)) = (
            self.origins.get("NODE_ENV").cloned(),
            self.origins.get_mut("STARCHART_ENV"),
        ) {
            *origin = Origin {
                name: origin.name,
                ..node
            };
        }
        node
    }

    /// Refuses another environment in `./.env`, which is read in development only.
    fn refuse_another_environment(&mut self) {
        let Some((_, variables)) = &self.file else {
            return;
        };
        for name in ["STARCHART_ENV", "NODE_ENV"] {
            if variables.get(name).is_some_and(|value| {
                environment::parse(value.trim()) != Ok(Environment::Development)
            }) {
                self.problem(
                    name,
                    "in ./.env can only be development; set it in the environment, or use \
                     --env-file",
                );
                return;
            }
        }
    }

    /// Adds a notice for every name that looks like a misspelt setting.
    fn report_misspellings(&mut self) {
        let mut notices: Vec<String> = self
            .sources
            .variables
            .keys()
            .filter_map(|name| misspelling::in_environment(self.specs, name))
            .collect();
        if let Some((path, variables)) = &self.file {
            // Other programs may read ./.env too; a file given by --env-file is for this one only.
            let scope = if self.sources.env_file.is_some() {
                FileScope::Own
            } else {
                FileScope::Shared
            };
            let names = variables
                .keys()
                .filter(|name| !self.sources.variables.contains_key(*name));
            notices.extend(
                names.filter_map(|name| misspelling::in_file(self.specs, path, name, scope)),
            );
        }
        self.notices.extend(notices);
    }
}

/// Why a file could not be read.
pub(crate) enum ReadError {
    Absent,
    Directory,
    TooLarge(u64),
    NotText,
    Other(std::io::Error),
}

impl ReadError {
    pub(crate) fn advice(&self) -> String {
        match self {
            Self::Absent => "is missing".to_owned(),
            Self::Directory => "is a directory; put a file there (a bind mount of a missing file \
                makes a directory)"
                .to_owned(),
            Self::TooLarge(limit) => {
                format!("is larger than {limit} bytes; this cannot be the right file")
            }
            Self::NotText => "is not UTF-8 text; convert it".to_owned(),
            Self::Other(error) => format!(
                "cannot be read ({}); check its owner and mode",
                error.kind()
            ),
        }
    }
}

pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String, ReadError> {
    let other = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => ReadError::Absent,
        _ => ReadError::Other(error),
    };
    if fs::metadata(path).map_err(other)?.is_dir() {
        return Err(ReadError::Directory);
    }
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
        .map_err(other)?;
    if bytes.len() as u64 > limit {
        return Err(ReadError::TooLarge(limit));
    }
    String::from_utf8(bytes).map_err(|_| ReadError::NotText)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_no_list_names_is_a_problem() {
        let sources = Sources {
            variables: BTreeMap::from([("MOTTO".to_owned(), "per aspera".to_owned())]),
            env_file: None,
            folder: PathBuf::new(),
            secrets: PathBuf::new(),
        };
        let mut reader = Reader::new(&sources, crate::groups::SPECS);
        assert_eq!(reader.text("MOTTO"), None);
        let problem = reader
            .problems
            .iter()
            .find(|problem| problem.name == "MOTTO");
        assert!(problem.is_some_and(|problem| problem.advice.contains("in no list of settings")));
    }
}
