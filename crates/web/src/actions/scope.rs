//! What an API token may do. Every action that a user can call asks here, so that no channel can
//! forget it; a session may do everything.

use starchart_domain::record::RecordType;
use starchart_domain::token::TokenRights;
use starchart_store::records::{HistoryEntry, Record};

use super::{ActionError, Denial};
use crate::actor::User;

impl User {
    /// Returns whether records with this fqdn and type may be read.
    pub(crate) fn may_read(&self, fqdn: &str, rtype: RecordType) -> bool {
        self.may(fqdn, |rights, relative| {
            rights.may_read_record(relative, rtype)
        })
    }

    /// Fails with [`ActionError::NotFound`] unless records with this fqdn and type may be read: a
    /// token does not learn what it may not read.
    pub(crate) fn check_read(&self, fqdn: &str, rtype: RecordType) -> Result<(), ActionError> {
        match self.may_read(fqdn, rtype) {
            true => Ok(()),
            false => Err(ActionError::NotFound),
        }
    }

    /// Fails with [`Denial::TokenScope`] unless records with this fqdn and type may be created,
    /// changed and deleted.
    pub(crate) fn check_write(&self, fqdn: &str, rtype: RecordType) -> Result<(), ActionError> {
        self.check_name(fqdn, |rights, relative| {
            rights.may_write_record(relative, rtype)
        })
    }

    /// Fails with [`Denial::TokenScope`] unless the token's rights allow this for the name.
    pub(crate) fn check_name(
        &self,
        fqdn: &str,
        is_allowed: impl Fn(&TokenRights, &str) -> bool,
    ) -> Result<(), ActionError> {
        allow(self.may(fqdn, is_allowed))
    }

    /// Fails with [`Denial::TokenScope`] unless ACME challenges for this fqdn, which has no
    /// `_acme-challenge` in front of it, may be answered.
    pub(crate) fn check_challenge(&self, fqdn: &str) -> Result<(), ActionError> {
        self.check_name(fqdn, TokenRights::may_answer_challenge)
    }

    /// Fails with [`Denial::TokenScope`] unless the addresses of this fqdn may be set.
    pub(crate) fn check_address(&self, fqdn: &str) -> Result<(), ActionError> {
        self.check_name(fqdn, TokenRights::may_set_address)
    }

    /// Fails with [`Denial::TokenScope`] unless the rights about the certificate are enough.
    pub(crate) fn check_certificate(
        &self,
        is_enough: impl Fn(&TokenRights) -> bool,
    ) -> Result<(), ActionError> {
        allow(
            self.token
                .as_ref()
                .is_none_or(|token| is_enough(&token.rights)),
        )
    }

    /// Fails with [`Denial::NeedsSession`] for a token: no right of any token allows the action.
    pub(crate) fn check_session(&self) -> Result<(), ActionError> {
        match self.token {
            None => Ok(()),
            Some(_) => Err(ActionError::Denied(Denial::NeedsSession)),
        }
    }

    /// Returns whether a change may be seen: the record before and after it.
    pub(crate) fn may_read_change(&self, entry: &HistoryEntry) -> bool {
        let mut versions = entry.before.iter().chain(&entry.after);
        versions.all(|version| self.may_read(&version.name, version.rtype))
    }

    /// Asks the token's rights about a name; a name outside the user's domain is covered by none.
    fn may(&self, fqdn: &str, is_allowed: impl Fn(&TokenRights, &str) -> bool) -> bool {
        let Some(token) = &self.token else {
            return true;
        };
        let relative = self.base.relative(fqdn);
        relative.is_some_and(|relative| is_allowed(&token.rights, relative))
    }
}

/// Keeps the records that may be read.
pub(super) fn retain_readable(owner: &User, records: &mut Vec<Record>) {
    records.retain(|record| owner.may_read(&record.name, record.rtype));
}

/// Fails with [`Denial::TokenScope`] unless every record may be changed.
pub(super) fn check_all<'a>(
    owner: &User,
    records: impl IntoIterator<Item = &'a Record>,
) -> Result<(), ActionError> {
    let mut records = records.into_iter();
    records.try_for_each(|record| owner.check_write(&record.name, record.rtype))
}

fn allow(is_allowed: bool) -> Result<(), ActionError> {
    match is_allowed {
        true => Ok(()),
        false => Err(ActionError::Denied(Denial::TokenScope)),
    }
}
