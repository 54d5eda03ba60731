//! The audit trail: who did what. Entries are added and never changed.

use std::borrow::Cow;

use sea_orm::{EntityTrait, NotSet, Set};
use starchart_domain::user::UserId;

use crate::entity::audit_entry;
use crate::tx::Tx;
use crate::{Error, Store, sql};

/// Who acts, for the entry that is written in the transaction of the action.
#[derive(Debug, Clone, Copy)]
pub struct AuditContext<'a> {
    /// The user who acts.
    pub actor: UserId,
    /// The user whose rows change, while an admin impersonates them.
    pub on_behalf_of: Option<UserId>,
    /// Name and prefix of the API token by which the user acts; `None` for a page.
    pub token: Option<&'a str>,
    /// The id of the request.
    pub request_id: &'a str,
}

impl AuditContext<'_> {
    /// Adds the token to the details of an action.
    fn detail<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.token {
            None => Cow::Borrowed(text),
            Some(token) if text.is_empty() => Cow::Owned(format!("by the token {token}")),
            Some(token) => Cow::Owned(format!("{text}, by the token {token}")),
        }
    }
}

/// An action that the trail records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A user deleted a certificate.
    CertificateDelete,
    /// A user downloaded the private key of a certificate.
    CertificateKey,
    /// A user asked for a certificate.
    CertificateRequest,
    /// A user revoked a certificate.
    CertificateRevoke,
    /// An ACME client of a user answered a challenge.
    ChallengeAnswer,
    /// An ACME client of a user removed its answer.
    ChallengeRemove,
    /// The tables were dropped and recreated.
    DatabaseWipe,
    /// An admin stopped acting as another user, or had to.
    ImpersonationEnd,
    /// An admin began to act as another user.
    ImpersonationStart,
    /// A user got a label.
    LabelClaim,
    /// A user removed a machine from the list of those that fetch the certificate.
    MachineRemove,
    /// An admin retried a mail.
    MailRetry,
    /// An admin retried a name that the zone refused.
    NameRetry,
    /// A user created a record.
    RecordCreate,
    /// A user deleted a record.
    RecordDelete,
    /// A user edited a record.
    RecordEdit,
    /// A user renewed a record.
    RecordRenew,
    /// A user restored a record that had ended.
    RecordRestore,
    /// A user signed out.
    SessionEnd,
    /// A sign-in was refused.
    SessionRefused,
    /// A user signed in.
    SessionStart,
    /// The identity provider sent a response that no sign-in asked for.
    SessionUnsolicited,
    /// A user created an API token.
    TokenCreate,
    /// A user or an admin ended an API token.
    TokenEnd,
    /// An admin deleted a user.
    UserDelete,
    /// An admin added a word or label to a list of names.
    WordAdd,
    /// An admin removed one from a list of names.
    WordRemove,
    /// An operator made RRsets of the zone ours.
    ZoneAdopt,
    /// An operator approved a plan of changes to the zone.
    ZoneApprove,
    /// An operator adopted orphans so that publish deletes them.
    ZoneDeleteOrphans,
    /// An operator paused publishing.
    ZonePause,
}

impl Action {
    /// Returns the action as it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CertificateDelete => "certificate.delete",
            Self::CertificateKey => "certificate.key",
            Self::CertificateRequest => "certificate.request",
            Self::CertificateRevoke => "certificate.revoke",
            Self::ChallengeAnswer => "challenge.answer",
            Self::ChallengeRemove => "challenge.remove",
            Self::DatabaseWipe => "database.wipe",
            Self::ImpersonationEnd => "impersonation.end",
            Self::ImpersonationStart => "impersonation.start",
            Self::LabelClaim => "label.claim",
            Self::MachineRemove => "machine.remove",
            Self::MailRetry => "mail.retry",
            Self::NameRetry => "name.retry",
            Self::RecordCreate => "record.create",
            Self::RecordDelete => "record.delete",
            Self::RecordEdit => "record.edit",
            Self::RecordRenew => "record.renew",
            Self::RecordRestore => "record.restore",
            Self::SessionEnd => "session.end",
            Self::SessionRefused => "session.refused",
            Self::SessionStart => "session.start",
            Self::SessionUnsolicited => "session.unsolicited",
            Self::TokenCreate => "token.create",
            Self::TokenEnd => "token.end",
            Self::UserDelete => "user.delete",
            Self::WordAdd => "word.add",
            Self::WordRemove => "word.remove",
            Self::ZoneAdopt => "zone.adopt",
            Self::ZoneApprove => "zone.approve",
            Self::ZoneDeleteOrphans => "zone.delete-orphans",
            Self::ZonePause => "zone.pause",
        }
    }
}

/// An entry of the trail.
#[derive(Debug, Clone)]
pub struct TrailEntry<'a> {
    /// The user who acted; `None` when no user was signed in.
    pub actor: Option<UserId>,
    /// The user whose rows changed, when it was not the actor.
    pub on_behalf_of: Option<UserId>,
    /// What the user did.
    pub action: Action,
    /// What it was done to: a name, an id. No secrets.
    pub object: &'a str,
    /// Details of the action. No secrets.
    pub detail: &'a str,
    /// The id of the request.
    pub request_id: &'a str,
}

impl TrailEntry<'_> {
    /// Makes an entry of an action by the program itself or an operator, about nothing yet.
    pub const fn new(action: Action) -> Self {
        Self {
            actor: None,
            on_behalf_of: None,
            action,
            object: "",
            detail: "",
            request_id: "",
        }
    }
}

/// Appends an entry in a transaction of its own.
pub async fn append(store: &Store, entry: &TrailEntry<'_>) -> Result<(), Error> {
    store
        .write(|tx| async move { write_entry(&tx, entry).await })
        .await
}

/// Appends an entry about an action of a user in a transaction of its own.
pub async fn append_action(
    store: &Store,
    context: &AuditContext<'_>,
    action: Action,
    object: &str,
    detail: &str,
) -> Result<(), Error> {
    store
        .write(|tx| async move { write(&tx, context, action, object, detail).await })
        .await
}

/// Appends an entry in the transaction of the action, so that both are committed or neither is.
pub(crate) async fn write(
    tx: &Tx,
    context: &AuditContext<'_>,
    action: Action,
    object: &str,
    detail: &str,
) -> Result<(), Error> {
    let entry = TrailEntry {
        actor: Some(context.actor),
        on_behalf_of: context.on_behalf_of,
        action,
        object,
        detail: &context.detail(detail),
        request_id: context.request_id,
    };
    write_entry(tx, &entry).await
}

/// Appends an entry in the caller's transaction, also without a signed-in user.
pub(crate) async fn write_entry(tx: &Tx, entry: &TrailEntry<'_>) -> Result<(), Error> {
    let row = audit_entry::ActiveModel {
        id: NotSet,
        at: Set(tx.now().await?.as_millis()),
        actor_id: Set(entry.actor.map(|user| user.0)),
        on_behalf_of: Set(entry.on_behalf_of.map(|user| user.0)),
        action: Set(entry.action.as_str().to_owned()),
        object: Set(sql::cut(entry.object, 255)),
        detail: Set(sql::cut(entry.detail, 4_000)),
        request_id: Set(sql::cut(entry.request_id, 64)),
    };
    audit_entry::Entity::insert(row)
        .exec_without_returning(tx.db())
        .await?;
    Ok(())
}
