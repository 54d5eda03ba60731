//! `starchart seed`: creates users and records for development.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use starchart_domain::names::{Label, ReservedLabels};
use starchart_domain::record::RecordForm;
use starchart_domain::user::{Groups, Identity, Subject};
use starchart_domain::words::WordFilter;
use starchart_settings::Settings;
use starchart_store::Store;
use starchart_store::records::{self, RecordError};
use starchart_store::trail::AuditContext;
use starchart_store::users::{self, User};

/// The users of the development identity provider, who see these records after signing in.
const USERS: [(&str, &str, Groups); 4] = [
    (
        "user1",
        "Johannes Kepler",
        Groups {
            student: true,
            faculty: false,
            admin: false,
            not_sent: false,
        },
    ),
    (
        "user2",
        "Galileo Galilei",
        Groups {
            student: false,
            faculty: true,
            admin: false,
            not_sent: false,
        },
    ),
    (
        "user3",
        "Adam Mason",
        Groups {
            student: false,
            faculty: false,
            admin: true,
            not_sent: false,
        },
    ),
    (
        "han.solo",
        "Han Solo",
        Groups {
            student: false,
            faculty: true,
            admin: true,
            not_sent: false,
        },
    ),
];

/// Name, type and value of each user's records, one of each type, with documentation addresses
/// (RFC 5737, RFC 3849).
const RECORDS: [(&str, &str, &str); 5] = [
    ("www", "A", "192.0.2.10"),
    ("www", "AAAA", "2001:db8::10"),
    ("blog", "CNAME", "pages.school.example"),
    ("@", "MX", "mail.school.example"),
    ("@", "TXT", "v=spf1 mx -all"),
];

pub(crate) async fn run(env_file: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let settings = super::begin(env_file)?.settings;
    if settings.environment.is_production() {
        bail!(
            "seed creates example users and is for development: STARCHART_ENV is \
             production; nothing was changed"
        );
    }
    let stop = crate::stop::on_signal()?;
    let Some(store) = crate::database::connect(&settings, &stop).await? else {
        return Ok(ExitCode::from(1));
    };
    super::schema_fits(&store).await?;
    for (username, display_name, groups) in USERS {
        let user = sign_in(&store, username, display_name, groups)
            .await
            .with_context(|| username.to_owned())?;
        let label = user
            .label
            .as_ref()
            .with_context(|| format!("{username} has no name of their own"))?;
        println!(
            "{username} ({display_name}), {}",
            settings.zone.root_domain.base(label)
        );
        for (name, kind, value) in RECORDS {
            let outcome = record(&store, &settings, &user, label, [name, kind, value]).await?;
            println!("  {outcome:<8} {name} {kind} {value}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Signs the user in and claims the label of the user name.
async fn sign_in(
    store: &Store,
    username: &str,
    display_name: &str,
    groups: Groups,
) -> anyhow::Result<User> {
    let subject = Subject::parse(username).map_err(|fault| anyhow::anyhow!("{fault:?}"))?;
    let identity = Identity {
        subject,
        username: username.to_owned(),
        display_name: display_name.to_owned(),
        email: format!("{username}@school.example"),
        groups,
        name_id: None,
        session_index: None,
    };
    let mut user = users::sign_in(store, &identity).await?;
    if user.label.is_none() {
        let label = Label::from_username(username, &ReservedLabels::default())
            .map_err(|fault| anyhow::anyhow!("{fault:?}"))?;
        users::claim_label(store, user.id, &label).await?;
        user.label = Some(label);
    }
    Ok(user)
}

/// Creates the record unless it exists or conflicts, and returns which.
async fn record(
    store: &Store,
    settings: &Settings,
    user: &User,
    label: &Label,
    [name, kind, value]: [&str; 3],
) -> anyhow::Result<&'static str> {
    let form = RecordForm {
        name: name.to_owned(),
        rtype: kind.to_owned(),
        input: value.to_owned(),
        course: "OSD700".to_owned(),
        description: "made by starchart seed".to_owned(),
        ..RecordForm::default()
    };
    let new = form
        .check(
            &settings.zone.root_domain.base(label),
            &WordFilter::default(),
            &settings.limits.ttl,
        )
        .map_err(|faults| anyhow::anyhow!("{name} {kind}: {faults:?}"))?;
    let act = AuditContext {
        actor: user.id,
        on_behalf_of: None,
        token: None,
        request_id: "seed",
    };
    match records::create(store, user.id, &new, settings.limits.records_per_user, &act).await {
        Ok(_) => Ok("made"),
        Err(RecordError::Duplicate) => Ok("is there"),
        Err(RecordError::CnameConflict { .. } | RecordError::QuotaReached { .. }) => Ok("left out"),
        Err(error) => Err(error).with_context(|| format!("{name} {kind}")),
    }
}

#[cfg(all(test, feature = "demo"))]
mod tests {
    use super::*;

    /// The demo's identity provider and `seed` have the same users.
    #[test]
    fn users_are_those_of_the_demo() {
        let ours = USERS.map(|(username, display_name, groups)| {
            let of = [
                (groups.student, "students"),
                (groups.faculty, "faculty"),
                (groups.admin, "admins"),
            ];
            (
                username,
                display_name,
                of.iter()
                    .filter(|(is, _)| *is)
                    .map(|(_, name)| *name)
                    .collect::<Vec<_>>(),
            )
        });
        let theirs = starchart_demo::DEMO_USERS
            .map(|user| (user.username, user.display_name, user.groups.to_vec()));
        assert_eq!(ours, theirs);
    }
}
