//! Finds variables that are likely misspelt settings.

use std::path::Path;

use strsim::levenshtein;

use crate::spec::SpecList;

/// Prefixes of names that only this program uses. `AWS_` is not among them: other programs have
/// variables that begin so.
const OWN_PREFIXES: &[&str] = &[
    "SAML_",
    "SMTP_",
    "LETS_ENCRYPT_",
    "ROUTE53_",
    "AWS_ROUTE53_",
    "RATE_LIMIT_",
    "RECORD_TTL_",
    "DANGER_",
    "NOTIFICATIONS_",
    "STARCHART_",
    "ACME_CA_",
    "USER_DNS_",
    "EXPIRATION_",
    "JOB_REMOVAL_",
    "KEY_ENCRYPTION_",
    "ALLOW_APP_",
    "TRUSTED_PROX",
    "SECRETS_OVER",
    "ROOT_DOMAIN",
    "SESSION_SECRET",
    "APP_URL",
    "REDIS_URL",
    "DATABASE_URL",
];

/// The largest edit distance at which a setting is suggested.
const MAX_DISTANCE: usize = 4;

/// Which programs read an env file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileScope {
    /// Only this program: every unknown name in the file is reported.
    Own,
    /// Others as well, as for `./.env`: only likely misspellings are reported.
    Shared,
}

/// Returns a notice when a variable of the environment looks like a misspelt setting.
pub(crate) fn in_environment(specs: SpecList, name: &str) -> Option<String> {
    has_own_prefix(specs, name).then(|| notice(specs, name, name, MAX_DISTANCE))
}

/// Returns a notice when a variable of an env file looks like a misspelt setting, or is unknown in
/// a file that only this program reads.
pub(crate) fn in_file(
    specs: SpecList,
    path: &Path,
    name: &str,
    scope: FileScope,
) -> Option<String> {
    if specs.find(name).is_some() {
        return None;
    }
    let has_prefix = has_own_prefix(specs, name);
    // Without our prefix a short name is close to many others.
    let distance = if has_prefix {
        MAX_DISTANCE
    } else {
        name.len().div_ceil(3).min(MAX_DISTANCE)
    };
    if scope == FileScope::Shared && !has_prefix && nearest_setting(specs, name, distance).is_none()
    {
        return None;
    }
    let shown = format!("{name} in {}", path.display());
    Some(notice(specs, name, &shown, distance))
}

fn has_own_prefix(specs: SpecList, name: &str) -> bool {
    let folded = name.to_ascii_uppercase();
    specs.find(name).is_none() && OWN_PREFIXES.iter().any(|prefix| folded.starts_with(prefix))
}

fn notice(specs: SpecList, name: &str, shown: &str, max_distance: usize) -> String {
    match nearest_setting(specs, name, max_distance) {
        Some(suggestion) => {
            format!("{shown} is not a setting and is ignored; {suggestion} is: was that meant?")
        }
        None => format!("{shown} is not a setting and is ignored"),
    }
}

/// Finds the setting whose name is nearest by edit distance, if it is near enough.
fn nearest_setting(specs: SpecList, name: &str, max_distance: usize) -> Option<&'static str> {
    let folded = name.to_ascii_uppercase();
    specs
        .iter()
        .map(|spec| (levenshtein(&folded, spec.name), spec.name))
        .min()
        .filter(|(distance, _)| *distance <= max_distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;
    use crate::groups::SPECS;

    #[test]
    fn a_misspelt_setting_is_suggested() {
        for (name, suggestion) in [
            ("SAML_GROUP_PREFX", "SAML_GROUP_PREFIX"),
            ("SAML_GROUPS_PREFIX", "SAML_GROUP_PREFIX"),
            ("saml_group_prefix", "SAML_GROUP_PREFIX"),
            ("LETS_ENCRYPT_ACCOUNT_MAIL", "LETS_ENCRYPT_ACCOUNT_EMAIL"),
            (
                "DANGER_DATABASE_WIPE_REINITIALISE",
                "DANGER_DATABASE_WIPE_REINITIALIZE",
            ),
        ] {
            let notice = in_environment(SPECS, name).unwrap();
            assert!(notice.contains(&format!("{suggestion} is:")), "{notice}");
        }
        assert_eq!(
            in_environment(SPECS, "SMTP_SOMETHING_ELSE").unwrap(),
            "SMTP_SOMETHING_ELSE is not a setting and is ignored"
        );
    }

    #[test]
    fn every_unknown_name_in_an_own_file_is_reported() {
        let notice = |name: &str, scope| in_file(SPECS, Path::new("our.env"), name, scope);
        let near = "PROT in our.env is not a setting and is ignored; PORT is: was that meant?";
        assert_eq!(notice("PROT", FileScope::Own).unwrap(), near);
        assert_eq!(notice("PROT", FileScope::Shared).unwrap(), near);
        assert!(
            notice("SMPT_PORT", FileScope::Shared)
                .unwrap()
                .contains("SMTP_PORT is:")
        );
        assert_eq!(
            notice("COMPOSE_FILE", FileScope::Own).unwrap(),
            "COMPOSE_FILE in our.env is not a setting and is ignored"
        );
        assert_eq!(notice("COMPOSE_FILE", FileScope::Shared), None);
        assert_eq!(notice("PORT", FileScope::Own), None);
    }

    #[test]
    fn names_of_other_programs_are_not_reported() {
        for name in ["PATH", "AWS_PROFILE", "HOME", "PORTS", "SAML_GROUP_PREFIX"] {
            assert_eq!(in_environment(SPECS, name), None, "{name}");
        }
    }
}
