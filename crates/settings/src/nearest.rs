//! Slips of the pen: a variable that begins like one of ours and is none.

use crate::known;

/// What the names that only we use begin with. (Not `AWS_`: other programs have variables of that kind.)
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

/// The notice for a variable of this name, if it looks like a slip.
pub(crate) fn slip(name: &str) -> Option<String> {
    let folded = name.to_ascii_uppercase();
    let own = known::find(name).is_none() && OWN.iter().any(|prefix| folded.starts_with(prefix));
    if !own {
        return None;
    }
    let near = known::known().iter().map(|known| (distance(&folded, known.name), known.name)).min();
    Some(match near {
        Some((edits, meant)) if edits <= NEAR => format!("{name} is not a setting and is ignored; {meant} is: was that meant?"),
        _ => format!("{name} is not a setting and is ignored"),
    })
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
            ("DANGER_DATABASE_WIPE_REINITIALISE", "DANGER_DATABASE_WIPE_REINITIALIZE"),
        ] {
            assert!(slip(slipped).unwrap().contains(&format!("{meant} is:")), "{slipped}");
        }
        assert_eq!(slip("SMTP_SOMETHING_ELSE").unwrap(), "SMTP_SOMETHING_ELSE is not a setting and is ignored");
    }

    #[test]
    fn other_programs_names_are_left_alone() {
        for name in ["PATH", "AWS_PROFILE", "HOME", "PORTS", "SAML_GROUP_PREFIX"] {
            assert_eq!(slip(name), None, "{name}");
        }
    }
}
