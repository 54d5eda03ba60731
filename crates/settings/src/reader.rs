//! Finds a name's value by precedence, keeps every fault, and notes where each value came from.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use starchart_domain::secret::Secret;

use crate::env_file::{self, EnvFile};
use crate::misspelling::{self, FileScope};
use crate::report::showable;
use crate::settings::Environment;
use crate::spec::{self, Required, SettingSpec};
use crate::{FoundIn, Origin, Problem, Sources, parse};

/// A secret is a few lines; more is some other file.
const SECRET_BYTES: u64 = 64 * 1024;

/// Stands in every secret of config/dev-secrets.
const THROW_AWAY: &str = "development-only";

pub(crate) struct Reader<'a> {
    sources: &'a Sources,
    pub(crate) environment: Environment,
    file: Option<(PathBuf, BTreeMap<String, String>)>,
    secrets: PathBuf,
    pub(crate) problems: Vec<Problem>,
    pub(crate) notices: Vec<String>,
    origins: BTreeMap<&'static str, Origin>,
}

impl<'a> Reader<'a> {
    /// Reads the file of variables and finds out which environment this is.
    pub(crate) fn new(sources: &'a Sources) -> Self {
        let mut reader = Self {
            sources,
            environment: Environment::Development,
            file: None,
            secrets: sources.secrets.clone(),
            problems: Vec::new(),
            notices: Vec::new(),
            origins: BTreeMap::new(),
        };
        if let Some(path) = &sources.env_file {
            reader.file = reader.env_file(path, true);
        }
        reader.environment = reader.environment();
        if sources.env_file.is_none() && reader.environment == Environment::Development {
            reader.file = reader.env_file(Path::new(".env"), false);
            reader.refuse_another_environment();
        }
        if reader.flag("SECRETS_OVERRIDE") {
            reader.secrets = reader.path("dev-secrets");
            if reader.environment.is_production() {
                reader.notice("SECRETS_OVERRIDE: secrets are read from ./dev-secrets although this is production");
            }
        }
        reader.report_misspellings();
        reader
    }

    /// Relative paths start from the sources' folder.
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

    /// A problem with what a secret holds: names the file it was read from.
    pub(crate) fn secret_problem(&mut self, name: &'static str, advice: impl Into<String>) {
        let place = match self.origins.get(name).map(|origin| &origin.from) {
            Some(FoundIn::SecretFile(path)) => path.display().to_string(),
            _ => name.to_owned(),
        };
        self.problem(place, advice);
    }

    /// The origins in the table's order.
    pub(crate) fn into_origins(mut self) -> Vec<Origin> {
        spec::setting_specs()
            .iter()
            .filter_map(|spec| self.origins.remove(spec.name))
            .collect()
    }

    /// The variable's value or its default.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        let found = self.variable(name);
        self.settle(name, found)
    }

    /// The variable's value or its default, read by `parse`; a value that cannot be read is a
    /// problem.
    pub(crate) fn parsed<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(name)?;
        match parse(text.trim()) {
            Ok(value) => Some(value),
            Err(advice) => {
                self.problem(name, advice);
                None
            }
        }
    }

    /// Like [`Self::parsed`], nothing for a value that is absent or wrong.
    pub(crate) fn list<T>(
        &mut self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        self.parsed(name, |text| parse::list(text, &parse))
            .unwrap_or_default()
    }

    /// Yes or no; no for a value that is wrong (and a problem).
    pub(crate) fn flag(&mut self, name: &'static str) -> bool {
        self.parsed(name, parse::flag).unwrap_or(false)
    }

    /// A secret: in production its file before a variable, elsewhere a variable before its file.
    pub(crate) fn secret(&mut self, name: &'static str) -> Option<Secret> {
        let path = self.secrets.join(name);
        let file = self
            .secret_file(&path)
            .map(|text| (text, FoundIn::SecretFile(path)));
        let variable = self.variable(name);
        let found = match (file, variable) {
            (Some(file), Some(_)) if self.environment.is_production() => {
                self.notice(format!("{name}: the variable is ignored because the secret's file is there; remove the variable"));
                Some(file)
            }
            (_, Some(variable)) => {
                if self.environment.is_production() {
                    self.notice(format!(
                        "{name}: taken from a plain variable, which others on the machine may read; use a secret's file"
                    ));
                }
                Some(variable)
            }
            (file, None) => file,
        };
        let secret = self.settle(name, found).map(Secret::new)?;
        if self.environment.is_production() && secret.expose().contains(THROW_AWAY) {
            self.secret_problem(
                name,
                "is the throw-away one of config/dev-secrets, which everybody knows; make your own",
            );
            return None;
        }
        Some(secret)
    }

    /// Notes the origin, adds the default, and reports what is needed and absent.
    fn settle(&mut self, name: &'static str, found: Option<(String, FoundIn)>) -> Option<String> {
        let spec = spec::find(name)?;
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
        self.origins.insert(name, Origin { name, from, shown });
        let needed = spec.required == Required::Always
            || spec.required == Required::InProduction && self.environment.is_production();
        if found.is_none() && needed {
            self.absent(name, spec);
        }
        found.map(|(value, _)| value)
    }

    fn absent(&mut self, name: &'static str, spec: &SettingSpec) {
        let file = self.secrets.join(name);
        // A file that is there but unusable has had its own line.
        if self
            .problems
            .iter()
            .any(|problem| problem.name == file.display().to_string())
        {
            return;
        }
        let doc = spec.description;
        match spec.secret {
            true if self.environment.is_production() => {
                self.problem(
                    file.display().to_string(),
                    format!("this secret's file is missing; store it there ({doc})"),
                );
            }
            true => self.problem(
                name,
                format!(
                    "is required; set it, or SECRETS_OVERRIDE=1 with dev-secrets/{name} ({doc})"
                ),
            ),
            false => self.problem(name, format!("is required; set it ({doc})")),
        }
    }

    /// The variable from the environment or the file; an empty one is not set, as compose files
    /// pass empty ones.
    fn variable(&mut self, name: &'static str) -> Option<(String, FoundIn)> {
        let in_file = |(path, variables): &(PathBuf, BTreeMap<String, String>)| {
            variables
                .get(name)
                .map(|value| (value.clone(), FoundIn::EnvFile(path.clone())))
        };
        let filled = |(value, _): &(String, FoundIn)| !value.trim().is_empty();
        let plain = self
            .sources
            .variables
            .get(name)
            .map(|value| (value.clone(), FoundIn::Variable))
            .filter(filled);
        let found = plain.or_else(|| self.file.as_ref().and_then(in_file).filter(filled))?;
        if found.0.contains('\u{fffd}') {
            self.problem(name, "is not UTF-8; write it anew");
            return None;
        }
        Some(found)
    }

    /// The text of a secret's file, without one line end. An unusable file is a problem that names
    /// it.
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
            Err(Unread::Absent) => None,
            Err(unread) => {
                self.problem(path.display().to_string(), unread.advice());
                None
            }
        }
    }

    /// The text of a file that a setting names.
    pub(crate) fn file(&mut self, name: &'static str, path: &Path, limit: u64) -> Option<String> {
        match read_text(&self.path(path), limit) {
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

    fn env_file(
        &mut self,
        path: &Path,
        needed: bool,
    ) -> Option<(PathBuf, BTreeMap<String, String>)> {
        let shown = path.display();
        let text = match read_text(&self.path(path), SECRET_BYTES) {
            Ok(text) => text,
            Err(Unread::Absent) if !needed => return None,
            Err(unread) => {
                self.problem(shown.to_string(), unread.advice());
                return None;
            }
        };
        let EnvFile {
            variables,
            twice,
            faults,
        } = env_file::parse(&text);
        if !faults.is_empty() {
            self.problem(shown.to_string(), faults.join("; "));
        }
        for (name, line) in twice {
            self.notice(format!(
                "{name} stands in {shown} more than once; line {line} counts"
            ));
        }
        Some((path.to_owned(), variables))
    }

    fn environment(&mut self) -> Environment {
        let node = self.parsed("NODE_ENV", parse::environment);
        let set = self.variable("STARCHART_ENV").is_some();
        let ours = self.parsed("STARCHART_ENV", parse::environment);
        let Some(node) = node else {
            return ours.unwrap_or(Environment::Production);
        };
        if set {
            self.notice("NODE_ENV is ignored because STARCHART_ENV is set");
            return ours.unwrap_or(Environment::Production);
        }
        self.notice(format!(
            "NODE_ENV={} is taken for STARCHART_ENV; better set STARCHART_ENV",
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

    /// `./.env` is read because this is development; it cannot say that it is not.
    fn refuse_another_environment(&mut self) {
        let Some((_, variables)) = &self.file else {
            return;
        };
        for name in ["STARCHART_ENV", "NODE_ENV"] {
            if variables.get(name).is_some_and(|value| {
                parse::environment(value.trim()) != Ok(Environment::Development)
            }) {
                self.problem(name, "in ./.env can only be development; set it in the environment, or use --env-file");
                return;
            }
        }
    }

    /// A notice for every name that looks like ours and is none of ours.
    fn report_misspellings(&mut self) {
        let mut notices: Vec<String> = self
            .sources
            .variables
            .keys()
            .filter_map(|name| misspelling::in_environment(name))
            .collect();
        if let Some((path, variables)) = &self.file {
            // ./.env may be read by other programs too; a file that was named is for this one
            // alone.
            let scope = if self.sources.env_file.is_some() {
                FileScope::Own
            } else {
                FileScope::Shared
            };
            let names = variables
                .keys()
                .filter(|name| !self.sources.variables.contains_key(*name));
            notices.extend(names.filter_map(|name| misspelling::in_file(path, name, scope)));
        }
        self.notices.extend(notices);
    }
}

/// Why a file could not be read.
pub(crate) enum Unread {
    Absent,
    Directory,
    TooLarge(u64),
    NotText,
    Other(std::io::Error),
}

impl Unread {
    pub(crate) fn advice(&self) -> String {
        match self {
            Self::Absent => "is missing".to_owned(),
            Self::Directory => "is a directory; put a file there (a bind mount of a missing file makes a directory)".to_owned(),
            Self::TooLarge(limit) => format!("is larger than {limit} bytes; this cannot be the right file"),
            Self::NotText => "is not UTF-8 text; convert it".to_owned(),
            Self::Other(error) => format!("cannot be read ({}); check its owner and mode", error.kind()),
        }
    }
}

pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String, Unread> {
    let other = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Unread::Absent,
        _ => Unread::Other(error),
    };
    if fs::metadata(path).map_err(other)?.is_dir() {
        return Err(Unread::Directory);
    }
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
        .map_err(other)?;
    if bytes.len() as u64 > limit {
        return Err(Unread::TooLarge(limit));
    }
    String::from_utf8(bytes).map_err(|_| Unread::NotText)
}
