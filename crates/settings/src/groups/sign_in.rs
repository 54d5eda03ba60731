//! Sign-in through the identity provider, and sessions.

use std::time::Duration;

use starchart_domain::secret::Secret;
use starchart_domain::user::{AttributeNames, GroupNames};

use crate::keys::{self, KeyKind};
use crate::reader::Reader;
use crate::spec::DefaultValue::{Same, Split, Unset};
use crate::spec::Required::{Always, InProduction, No};
use crate::spec::{SettingSpec, secret, variable};
use crate::{parse, urls};

/// The settings of this group, as `config/env.example` lists them.
pub(crate) const SPECS: &[SettingSpec] = &[
    secret(
        "SESSION_SECRET",
        Always,
        Unset,
        "32 bytes or more; several lines: the first signs, all verify",
    )
    .with_any_text(),
    variable(
        "SAML_IDP_METADATA_PATH",
        InProduction,
        Split(None, "config/idp-metadata-dev.xml"),
        "file with the identity provider's metadata",
    ),
    variable(
        "SAML_GROUP_PREFIX",
        No,
        Same("mycustomdomain"),
        "groups are PREFIX-students, PREFIX-faculty, PREFIX-admins",
    ),
    variable(
        "SAML_GROUP_STUDENTS",
        No,
        Unset,
        "name of the students' group, instead of the prefix",
    ),
    variable(
        "SAML_GROUP_FACULTY",
        No,
        Unset,
        "name of the faculty's group, instead of the prefix",
    ),
    variable(
        "SAML_GROUP_ADMINS",
        No,
        Unset,
        "name of the admins' group, instead of the prefix",
    ),
    variable(
        "SAML_SUBJECT_ATTRIBUTE",
        No,
        Same("sAMAccountName"),
        "attribute with the user's permanent identifier; do not change it later",
    ),
    variable(
        "SAML_ATTRIBUTE_DISPLAY_NAME",
        No,
        Same("displayname"),
        "attribute with the user's display name",
    ),
    variable(
        "SAML_ATTRIBUTE_EMAIL",
        No,
        Same("email"),
        "attribute with the mail address",
    ),
    variable(
        "SAML_ATTRIBUTE_GROUP",
        No,
        Same("group"),
        "attribute with the groups, one or many values",
    ),
    variable(
        "SAML_FORM_ACTION_ORIGINS",
        No,
        Unset,
        "further origins the sign-in form may be redirected to",
    ),
    variable(
        "SAML_CLOCK_SKEW_S",
        No,
        Same("60"),
        "seconds the identity provider's clock may be off, at most 120",
    ),
    secret(
        "SAML_DECRYPTION_KEY",
        No,
        Unset,
        "RSA key in PEM for which the identity provider may encrypt assertions",
    ),
];

/// Sessions, and sign-in through the identity provider (SAML 2.0).
#[derive(Debug, Clone)]
pub struct SignIn {
    /// `SESSION_SECRET`: the first one signs CSRF tokens and links, the others still verify. At
    /// least one.
    pub session_secrets: Vec<Secret>,
    /// The content of the file at `SAML_IDP_METADATA_PATH`, with a BOM if it has one. Required in
    /// production.
    pub idp_metadata: String,
    /// Group names from `SAML_GROUP_PREFIX`, or from `SAML_GROUP_STUDENTS`, `SAML_GROUP_FACULTY`
    /// and `SAML_GROUP_ADMINS`.
    pub groups: GroupNames,
    /// The attributes to read.
    pub attributes: AttributeNames,
    /// `SAML_FORM_ACTION_ORIGINS`: further origins to which the sign-in form may be redirected.
    pub form_action_origins: Vec<String>,
    /// `SAML_CLOCK_SKEW_S`: how far the clock of the identity provider may be off. At most 120 s.
    pub clock_skew: Duration,
    /// `SAML_DECRYPTION_KEY`: RSA key in PEM for which assertions may be encrypted.
    pub decryption_key: Option<Secret>,
}

/// Reads and checks this group. `None` if it has a fault, which is in the reader's problems.
pub(crate) fn read(reader: &mut Reader) -> Option<SignIn> {
    let session_secrets = session_secrets(reader);
    let path = reader.parsed("SAML_IDP_METADATA_PATH", |path| Ok(path.to_owned()));
    let idp_metadata = path.and_then(|path| reader.file("SAML_IDP_METADATA_PATH", path.as_ref()));
    let groups = group_names(reader);
    let subject = reader.parsed("SAML_SUBJECT_ATTRIBUTE", parse::text);
    let display_name = reader.parsed("SAML_ATTRIBUTE_DISPLAY_NAME", parse::text);
    let email = reader.parsed("SAML_ATTRIBUTE_EMAIL", parse::text);
    let group = reader.parsed("SAML_ATTRIBUTE_GROUP", parse::text);
    let form_action_origins = reader.list("SAML_FORM_ACTION_ORIGINS", urls::origin);
    let clock_skew = reader.parsed("SAML_CLOCK_SKEW_S", parse::seconds(0, 120));
    let decryption_key = decryption_key(reader);
    Some(SignIn {
        session_secrets: session_secrets?,
        idp_metadata: idp_metadata?,
        groups: groups?,
        attributes: AttributeNames {
            subject: subject?,
            display_name: display_name?,
            email: email?,
            group: group?,
        },
        form_action_origins,
        clock_skew: clock_skew?,
        decryption_key,
    })
}

fn session_secrets(reader: &mut Reader) -> Option<Vec<Secret>> {
    let text = reader.secret("SESSION_SECRET")?;
    let lines: Vec<_> = text
        .expose()
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    if lines.iter().any(|line| line.len() < 32) {
        reader.notice(
            "SESSION_SECRET has a line shorter than 32 bytes; make a longer one: openssl rand \
             -base64 48",
        );
    }
    Some(lines.into_iter().map(Secret::new).collect())
}

/// Reads the key that decrypts assertions.
fn decryption_key(reader: &mut Reader) -> Option<Secret> {
    let name = "SAML_DECRYPTION_KEY";
    let pem = reader.secret(name)?;
    if keys::kind(pem.expose()) == Ok(KeyKind::Rsa) {
        return Some(pem);
    }
    reader.value_problem(
        name,
        "holds no RSA key in PEM form without a passphrase; make one: openssl genrsa 3072",
    );
    None
}

/// Reads the group names: each from its own setting, or else from the prefix.
fn group_names(reader: &mut Reader) -> Option<GroupNames> {
    let prefix = reader.parsed("SAML_GROUP_PREFIX", parse::text)?;
    let of_prefix = GroupNames::with_prefix(&prefix);
    let mut name = |variable, default| reader.parsed(variable, parse::text).unwrap_or(default);
    let names = GroupNames {
        students: name("SAML_GROUP_STUDENTS", of_prefix.students),
        faculty: name("SAML_GROUP_FACULTY", of_prefix.faculty),
        admins: name("SAML_GROUP_ADMINS", of_prefix.admins),
    };
    if names.students == names.admins || names.faculty == names.admins {
        reader.problem(
            "SAML_GROUP_ADMINS",
            "is also another group's name; that would make all of them admins",
        );
    }
    Some(names)
}
