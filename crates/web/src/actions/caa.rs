//! Asking before a change of CAA records stops the user's certificate.

use starchart_domain::certificate::caa::{self, CAA, IssuanceForbidden, newly_forbidden};
use starchart_domain::record::NewRecord;
use starchart_domain::time::Timestamp;
use starchart_store::Store;
use starchart_store::records::{self, Record};

use super::{ActionError, Conflict};
use crate::actor::User;
use crate::config::WebConfig;

/// What a change of CAA records must not do without the user's consent: forbid the certificate
/// authority in use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CaaCheck<'a> {
    /// The domains by which the authority is known in CAA records; empty without certificates.
    authority: &'a [String],
    /// What the user has confirmed: [`IssuanceForbidden::confirmation`].
    confirmed: Option<&'a str>,
}

impl<'a> CaaCheck<'a> {
    /// Creates the check for the authority in use. `confirmed` is what the channel's input
    /// confirms: the [`IssuanceForbidden::confirmation`] of an earlier refusal.
    pub(crate) fn new(config: &'a WebConfig, confirmed: Option<&'a str>) -> Self {
        let authority = match config.certificates_off {
            None => config.caa_identities.as_slice(),
            Some(_) => &[],
        };
        Self {
            authority,
            confirmed,
        }
    }

    /// Fails with [`Conflict::IssuanceForbidden`] when the change would forbid the authority to
    /// issue and the user has not confirmed it. The records of `old` are deleted, those of `new`
    /// created; an edit has both.
    pub(super) async fn check(
        self,
        store: &Store,
        owner: &User,
        old: &[&Record],
        new: &[&NewRecord],
    ) -> Result<(), ActionError> {
        match self.find_newly_forbidden(store, owner, old, new).await? {
            Some(forbidden) if self.confirmed != Some(forbidden.confirmation().as_str()) => Err(
                ActionError::Conflict(Conflict::IssuanceForbidden(forbidden)),
            ),
            _ => Ok(()),
        }
    }

    async fn find_newly_forbidden(
        self,
        store: &Store,
        owner: &User,
        old: &[&Record],
        new: &[&NewRecord],
    ) -> Result<Option<IssuanceForbidden>, ActionError> {
        let mut new = new.iter().filter(|new| new.value.rtype() == CAA).peekable();
        let changes_caa = new.peek().is_some() || old.iter().any(|record| record.rtype == CAA);
        if self.authority.is_empty() || !changes_caa {
            return Ok(None);
        }
        let present = load_caa_records(store, owner).await?;
        let kept = present
            .iter()
            .filter(|record| old.iter().all(|old| old.id != record.id));
        let before: Vec<_> = present.iter().map(pair).collect();
        let added = new.map(|new| (new.name.fqdn(), new.value.presentation()));
        let after: Vec<_> = kept.map(pair).chain(added).collect();
        let base = owner.base.as_str();
        Ok(newly_forbidden(base, &before, &after, self.authority))
    }
}

/// Returns what a change would stop, to ask before it: it deletes the records of `old` and creates
/// those of `new`.
pub(crate) async fn forbidden_by_change(
    store: &Store,
    owner: &User,
    old: &[&Record],
    new: &[&NewRecord],
    config: &WebConfig,
) -> Result<Option<IssuanceForbidden>, ActionError> {
    let check = CaaCheck::new(config, None);
    check.find_newly_forbidden(store, owner, old, new).await
}

/// What the user's CAA records do to the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CaaProblem {
    /// The day after which it begins, because a record expires; `None` means that it has begun.
    pub(crate) after: Option<Timestamp>,
    pub(crate) forbidden: IssuanceForbidden,
}

/// Returns why the user's CAA records do not allow the authority in use to issue, now or once a
/// record expires.
pub(crate) async fn find_caa_problem(
    store: &Store,
    owner: &User,
    config: &WebConfig,
) -> Result<Option<CaaProblem>, ActionError> {
    let authority = CaaCheck::new(config, None).authority;
    if authority.is_empty() {
        return Ok(None);
    }
    let present = load_caa_records(store, owner).await?;
    let base = owner.base.as_str();
    let forbidden = caa::issuance_forbidden(base, present.iter().map(pair), authority);
    if let Some(forbidden) = forbidden {
        return Ok(Some(CaaProblem {
            after: None,
            forbidden,
        }));
    }
    let now = store.now().await?;
    let until = present.iter().map(|record| {
        let (name, value) = pair(record);
        (name, value, record.last_day(now))
    });
    let later = caa::forbidden_by_expiry(base, &until.collect::<Vec<_>>(), authority);
    Ok(later.map(|(last_day, forbidden)| CaaProblem {
        after: Some(last_day),
        forbidden,
    }))
}

async fn load_caa_records(store: &Store, owner: &User) -> Result<Vec<Record>, ActionError> {
    let mut all = records::list(store, owner.id).await?;
    all.retain(|record| record.rtype == CAA);
    Ok(all)
}

fn pair(record: &Record) -> (&str, &str) {
    (&record.name, &record.presentation)
}
