//! What is known about a setting before it is read: meaning, whether it is required, and default.

use crate::environment::Environment;

/// The specification of one setting.
#[derive(Debug, Clone, Copy)]
pub struct SettingSpec {
    /// The name of the variable, and of the file for a secret.
    pub name: &'static str,
    /// Whether the value is a secret, which is read from a file and never printed.
    pub secret: bool,
    /// In which environments the setting is required.
    pub required: Required,
    /// The value when the setting is not set.
    pub default: DefaultValue,
    /// Whether every text is a valid value. Quotes and the like around the value are then a notice,
    /// because they may be meant.
    pub takes_any_text: bool,
    /// What the setting means, as in `config/env.example`.
    pub description: &'static str,
}

impl SettingSpec {
    /// Returns this setting as one for which every text is a valid value.
    pub(crate) const fn with_any_text(self) -> Self {
        Self {
            takes_any_text: true,
            ..self
        }
    }
}

/// In which environments a setting is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Required {
    /// Required in every environment.
    Always,
    /// Required in production only.
    InProduction,
    /// Optional in every environment.
    No,
}

/// The default of a setting, as an operator would write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultValue {
    /// No default: the feature is off, or the setting is required.
    Unset,
    /// One value for every environment.
    Same(&'static str),
    /// One value for production (`None`: no default) and one for other environments.
    Split(Option<&'static str>, &'static str),
    /// One value each for production, development and tests.
    Each(&'static str, &'static str, &'static str),
}

impl DefaultValue {
    /// Returns the default in an environment.
    pub fn in_environment(self, environment: Environment) -> Option<&'static str> {
        match self {
            Self::Unset => None,
            Self::Same(text) => Some(text),
            Self::Split(production, elsewhere) => {
                if environment.is_production() {
                    production
                } else {
                    Some(elsewhere)
                }
            }
            Self::Each(production, development, test) => Some(match environment {
                Environment::Production => production,
                Environment::Development => development,
                Environment::Test => test,
            }),
        }
    }
}

/// Describes a setting that is a variable.
pub(crate) const fn variable(
    name: &'static str,
    required: Required,
    default: DefaultValue,
    description: &'static str,
) -> SettingSpec {
    SettingSpec {
        name,
        secret: false,
        required,
        default,
        takes_any_text: false,
        description,
    }
}

/// Describes a secret, which is read from a file.
pub(crate) const fn secret(
    name: &'static str,
    required: Required,
    default: DefaultValue,
    description: &'static str,
) -> SettingSpec {
    SettingSpec {
        name,
        secret: true,
        required,
        default,
        takes_any_text: false,
        description,
    }
}

/// The settings of several groups, in the order in which they are printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SpecList(pub(crate) &'static [&'static [SettingSpec]]);

impl SpecList {
    /// Iterates over every setting.
    pub(crate) fn iter(self) -> impl Iterator<Item = &'static SettingSpec> {
        self.0.iter().copied().flatten()
    }

    /// Finds a setting by name.
    pub(crate) fn find(self, name: &str) -> Option<&'static SettingSpec> {
        self.iter().find(|spec| spec.name == name)
    }
}
