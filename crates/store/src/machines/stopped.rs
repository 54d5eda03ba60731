//! Machines that used to fetch the certificate and have stopped.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ColumnTrait, EntityTrait, JoinType, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    RelationDef, Select, Set,
};
use starchart_domain::machine::{SILENT_SHARE, silence_allowed_ms};
use starchart_domain::notice::{Notice, NoticeItem, NoticeKind};
use starchart_domain::time::Timestamp;
use starchart_domain::user::UserId;

use super::of_owner;
use crate::certificates::{Certificate, rows};
use crate::entity::certificate::{self, State};
use crate::entity::machine::{ActiveModel, Column, Entity, Model};
use crate::entity::token;
use crate::outbox::queue_mail;
use crate::tokens::{Token, TokenState};
use crate::tx::Tx;
use crate::{Error, Store, users};

/// How many machines fetch certificates, of all users.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MachineCounts {
    /// Machines that were seen on two days or more.
    pub regular: u64,
    /// Those of them that have not fetched for a quarter of their certificate's life: they break
    /// when it expires.
    pub stopped: u64,
}

/// Counts the machines of all users.
pub async fn count(store: &Store) -> Result<MachineCounts, Error> {
    let now = store.now().await?;
    let regular = Entity::find().filter(Column::IsRegular.eq(true));
    Ok(MachineCounts {
        regular: regular.count(store.reader()).await?,
        stopped: stopped(now).count(store.reader()).await?,
    })
}

/// Queues one mail for each of at most `limit` users whose machines have stopped, about all of
/// them. No other mail follows until a machine is seen again. Returns the number of mails.
pub async fn notify_stopped(store: &Store, limit: u64) -> Result<u64, Error> {
    let now = store.now().await?;
    let owners: Vec<i64> = stopped(now)
        .filter(Column::NotifiedAt.is_null())
        .select_only()
        .column(Column::UserId)
        .distinct()
        .order_by_asc(Column::UserId)
        .limit(limit)
        .into_tuple()
        .all(store.reader())
        .await?;
    let mut mails = 0;
    for owner in owners {
        mails += u64::from(notify(store, UserId(owner)).await?);
    }
    Ok(mails)
}

/// Selects machines that were seen on two days, and not for a quarter of the life of their user's
/// active certificate. One that has expired is not looked at: a mail has said so.
fn stopped(now: Timestamp) -> Select<Entity> {
    let now = now.as_millis();
    let to_certificate: RelationDef = Entity::belongs_to(certificate::Entity)
        .from(Column::UserId)
        .to(certificate::Column::UserId)
        .into();
    let end = Expr::col((certificate::Entity, certificate::Column::NotAfter));
    let start = Expr::col((certificate::Entity, certificate::Column::NotBefore));
    let silence = Expr::value(now).sub(Expr::col((Entity, Column::LastSeenAt)));
    Entity::find()
        .join(JoinType::InnerJoin, to_certificate)
        .filter(Column::IsRegular.eq(true))
        .filter(certificate::Column::State.eq(State::Active))
        .filter(certificate::Column::NotAfter.gt(now))
        .filter(silence.mul(SILENT_SHARE).gt(end.sub(start)))
}

async fn notify(store: &Store, owner: UserId) -> Result<bool, Error> {
    store
        .write(|tx| async move {
            if !users::lock(&tx, owner).await? {
                return Ok(false);
            }
            let active = rows::find_active(tx.db(), owner).await?;
            let Some(active) = active.map(Certificate::from) else {
                return Ok(false);
            };
            let now = tx.now().await?;
            let allowed = silence_allowed_ms(active.validity());
            let due = of_owner(owner)
                .filter(Column::IsRegular.eq(true))
                .filter(Column::NotifiedAt.is_null())
                .filter(Column::LastSeenAt.lt(now.plus(-allowed).as_millis()))
                .find_also_related(token::Entity)
                .order_by_asc(Column::Name)
                .order_by_asc(Column::Id)
                .all(tx.db())
                .await?;
            queue_notice(&tx, owner, due, now).await
        })
        .await
}

async fn queue_notice(
    tx: &Tx,
    owner: UserId,
    due: Vec<(Model, Option<token::Model>)>,
    now: Timestamp,
) -> Result<bool, Error> {
    let Some(first) = due.iter().map(|(row, _)| row.id).min() else {
        return Ok(false);
    };
    let ids: Vec<i64> = due.iter().map(|(row, _)| row.id).collect();
    let items = due.into_iter().map(|(row, token)| item(row, token, now));
    let notice = Notice {
        kind: NoticeKind::MachineStopped,
        items: items.collect::<Result<_, Error>>()?,
    };
    queue_mail(tx, owner, &format!("machine:{first}"), &notice).await?;
    Entity::update_many()
        .set(ActiveModel {
            notified_at: Set(Some(now.as_millis())),
            ..Default::default()
        })
        .filter(Column::Id.is_in(ids))
        .exec(tx.db())
        .await?;
    Ok(true)
}

/// Names a machine in a mail, with the reason if its token is over.
fn item(row: Model, token: Option<token::Model>, now: Timestamp) -> Result<NoticeItem, Error> {
    let token = token.map(Token::try_from).transpose()?;
    let reason = token.and_then(|token| match token.state(now) {
        TokenState::Live => None,
        TokenState::Ended(_) => Some(format!("Its API token “{}” has ended.", token.name)),
        TokenState::Expired(_) => Some(format!("Its API token “{}” has expired.", token.name)),
        TokenState::Idle(_) => Some(format!(
            "Its API token “{}” has ended, because it was not used.",
            token.name
        )),
    });
    Ok(NoticeItem {
        name: row.name,
        what: None,
        on: Some(Timestamp::from_millis(row.last_seen_at).to_minute()),
        reason,
    })
}
