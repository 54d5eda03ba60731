//! Slips of the pen: a variable that begins like one of ours and is none.

use std::path::Path;

use crate::known;

/// What the names that only we use begin with. (Not `AWS_`: other programs have variables of that
/// kind.)
const OWN: &[&str] = &[
    "SAML_",
    "SMTP_",
    "LETS_ENCRYPT_",
    "ROUTE53_",
    "AWS_ROUTE53_",
    "RATE_LIMIT_",
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

/// A name this many edits away is likely meant.
const NEAR: usize = 4;

/// Whom a file of variables is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// This program alone.
    Ours,
    /// Other programs too.
    Shared,
}

/// The notice for a variable of this name in the environment, if it looks like a slip.
pub(crate) fn slip(name: &str) -> Option<String> {
    is_slip(name).then(|| notice(name, name, NEAR))
}

/// The notice for a variable of this name in a file, if it is a slip: every unknown one in a file
/// for us alone.
pub(crate) fn slip_in(path: &Path, name: &str, whose: Whose) -> Option<String> {
    let edits = if is_slip(name) {
        NEAR
    } else {
        name.len().div_ceil(3).min(NEAR)
    };
    let told = || notice(name, &format!("{name} in {}", path.display()), edits);
    match whose {
        _ if known::find(name).is_some() => None,
        Whose::Shared if !is_slip(name) && nearest(name, edits).is_none() => None,
        Whose::Ours | Whose::Shared => Some(told()),
    }
}

fn is_slip(name: &str) -> bool {
    let folded = name.to_ascii_uppercase();
    known::find(name).is_none() && OWN.iter().any(|prefix| folded.starts_with(prefix))
}

fn notice(name: &str, shown: &str, edits: usize) -> String {
    match nearest(name, edits) {
        Some(meant) => {
            format!("{shown} is not a setting and is ignored; {meant} is: was that meant?")
        }
        None => format!("{shown} is not a setting and is ignored"),
    }
}

/// The setting that is likely meant, so many edits away at most.
fn nearest(name: &str, edits: usize) -> Option<&'static str> {
    let folded = name.to_ascii_uppercase();
    let near = known::known()
        .iter()
        .map(|known| (distance(&folded, known.name), known.name))
        .min();
    near.filter(|(away, _)| *away <= edits)
        .map(|(_, meant)| meant)
}

/// Letters to insert, remove or change to get from one to the other.
fn distance(from: &str, to: &str) -> usize {
    let to = to.as_bytes();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let changed = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    #[test]
    fn a_slip_is_met_with_the_name_that_was_meant() {
        for (slipped, meant) in [
            ("SAML_GROUP_PREFX", "SAML_GROUP_PREFIX"),
            ("SAML_GROUPS_PREFIX", "SAML_GROUP_PREFIX"),
            ("saml_group_prefix", "SAML_GROUP_PREFIX"),
            ("LETS_ENCRYPT_ACCOUNT_MAIL", "LETS_ENCRYPT_ACCOUNT_EMAIL"),
            (
                "DANGER_DATABASE_WIPE_REINITIALISE",
                "DANGER_DATABASE_WIPE_REINITIALIZE",
            ),
        ] {
            assert!(
                slip(slipped).unwrap().contains(&format!("{meant} is:")),
                "{slipped}"
            );
        }
        assert_eq!(
            slip("SMTP_SOMETHING_ELSE").unwrap(),
            "SMTP_SOMETHING_ELSE is not a setting and is ignored"
        );
    }

    #[test]
    fn a_file_for_us_alone_has_no_other_names() {
        let told = |name: &str, whose: Whose| slip_in(Path::new("our.env"), name, whose);
        let near = "PROT in our.env is not a setting and is ignored; PORT is: was that meant?";
        assert_eq!(told("PROT", Whose::Ours).unwrap(), near);
        assert_eq!(told("PROT", Whose::Shared).unwrap(), near);
        assert!(
            told("SMPT_PORT", Whose::Shared)
                .unwrap()
                .contains("SMTP_PORT is:")
        );
        assert_eq!(
            told("COMPOSE_FILE", Whose::Ours).unwrap(),
            "COMPOSE_FILE in our.env is not a setting and is ignored"
        );
        assert_eq!(told("COMPOSE_FILE", Whose::Shared), None);
        assert_eq!(told("PORT", Whose::Ours), None);
    }

    #[test]
    fn other_programs_names_are_left_alone() {
        for name in ["PATH", "AWS_PROFILE", "HOME", "PORTS", "SAML_GROUP_PREFIX"] {
            assert_eq!(slip(name), None, "{name}");
        }
    }
}
