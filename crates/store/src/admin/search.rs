//! Finding people.

use sea_orm::{FromQueryResult, Value};
use starchart_domain::certificate::OrderStep;
use starchart_domain::time::Timestamp;

use super::Admin;
use crate::entity::user;
use crate::users::User;
use crate::{Error, Store, sql};

/// People on one page.
pub const PAGE_ROWS: u32 = 20;

/// Somebody who was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// Who.
    pub user: User,
    /// Whether an admin has suspended them.
    pub suspended: bool,
    /// How many records they have.
    pub records: u64,
    /// What about a certificate.
    pub certificate: CertificateStatus,
}

/// What a person has in the way of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateStatus {
    /// Nothing.
    None,
    /// The first is under way.
    Pending,
    /// One is in use.
    Issued {
        /// Until when it is valid.
        until: Timestamp,
    },
    /// There is none, since the last order failed.
    Failed,
}

/// One page of those who were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPage {
    /// By e-mail address.
    pub rows: Vec<UserRow>,
    /// How many there are on all pages.
    pub total: u64,
}

#[derive(FromQueryResult)]
struct Row {
    #[sea_orm(nested)]
    user: user::Model,
    records: i64,
    not_after: Option<i64>,
    live: i64,
    last_step: Option<String>,
}

const FOUND: &str = "FROM users u WHERE u.deleted_at IS NULL AND (LOWER(u.email) LIKE ? ESCAPE '!' \
     OR LOWER(u.display_name) LIKE ? ESCAPE '!' OR LOWER(u.username) LIKE ? ESCAPE '!' OR u.label LIKE ? ESCAPE '!' \
     OR u.email LIKE ? ESCAPE '!' OR u.display_name LIKE ? ESCAPE '!')";

/// People whose e-mail address, name, user name or domain contains the text, in any case; on
/// SQLite, which knows no other letters to have a case, those beyond ASCII as typed. Pages count
/// from 0.
pub async fn search_users(
    store: &Store,
    _: &Admin,
    text: &str,
    page: u32,
) -> Result<UserPage, Error> {
    let values = || -> Vec<Value> {
        let (folded, typed) = (pattern(text), anywhere(text));
        let mut values = vec![Value::from(folded); 4];
        values.extend([Value::from(typed.clone()), typed.into()]);
        values
    };
    let total = sql::number(
        store.reader(),
        &format!("SELECT COUNT(*) AS n {FOUND}"),
        values(),
    )
    .await?;
    let select = format!(
        "SELECT u.*, (SELECT COUNT(*) FROM dns_records r WHERE r.user_id = u.id) AS records, \
         (SELECT MAX(c.not_after) FROM certificates c WHERE c.user_id = u.id AND c.state = 'active') AS not_after, \
         (SELECT COUNT(*) FROM certificate_orders o WHERE o.user_id = u.id AND o.finished_at IS NULL) AS live, \
         (SELECT o.step FROM certificate_orders o WHERE o.user_id = u.id ORDER BY o.id DESC LIMIT 1) AS last_step \
         {FOUND} ORDER BY u.email, u.id LIMIT {PAGE_ROWS} OFFSET {}",
        u64::from(page) * u64::from(PAGE_ROWS)
    );
    let rows: Vec<Row> = sql::all(store.reader(), &select, values()).await?;
    let rows = rows
        .into_iter()
        .map(UserRow::try_from)
        .collect::<Result<_, _>>()?;
    Ok(UserPage {
        rows,
        total: total
            .and_then(|n| u64::try_from(n).ok())
            .unwrap_or_default(),
    })
}

/// What LIKE wants for a text that stands anywhere, taken literally, in lower case.
pub(super) fn pattern(text: &str) -> String {
    anywhere(&text.to_lowercase())
}

/// As typed.
fn anywhere(text: &str) -> String {
    let escaped: String = text.chars().flat_map(escape).collect();
    format!("%{escaped}%")
}

/// The backslash is no escape: MySQL takes one in its texts already.
fn escape(c: char) -> impl Iterator<Item = char> {
    matches!(c, '%' | '_' | '!')
        .then_some('!')
        .into_iter()
        .chain(std::iter::once(c))
}

impl TryFrom<Row> for UserRow {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let certificate = match (row.not_after, row.live, row.last_step.as_deref()) {
            (Some(until), ..) => CertificateStatus::Issued {
                until: Timestamp::from_millis(until),
            },
            (None, 1.., _) => CertificateStatus::Pending,
            (None, _, Some(step)) if step == OrderStep::Failed.as_str() => {
                CertificateStatus::Failed
            }
            _ => CertificateStatus::None,
        };
        Ok(Self {
            suspended: row.user.suspended_at.is_some(),
            user: row.user.try_into()?,
            records: u64::try_from(row.records).unwrap_or_default(),
            certificate,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_literally() {
        assert_eq!(pattern("A_b%!\\É"), "%a!_b!%!!\\é%");
    }
}
