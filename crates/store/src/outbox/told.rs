//! What a notice says about records, read from the records.

use sea_orm::FromQueryResult;
use starchart_domain::notice::NoticeItem;
use starchart_domain::time::Timestamp;

use super::{Detail, ITEMS};
use crate::tx::Tx;
use crate::{Error, sql};

/// The records of which this mail tells that they end.
pub(super) async fn by(tx: &Tx, mail: i64) -> Result<Detail, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        fqdn: String,
        rtype: String,
        input: String,
        expires_at: i64,
    }
    let count = sql::number(
        tx.db(),
        "SELECT COUNT(*) AS n FROM dns_records WHERE notice_id = ?",
        vec![mail.into()],
    )
    .await?;
    let select = format!(
        "SELECT fqdn, type AS rtype, input, expires_at FROM dns_records WHERE notice_id = ? \
         ORDER BY expires_at, fqdn, type, id LIMIT {ITEMS}"
    );
    let rows: Vec<Row> = sql::all(tx.db(), &select, vec![mail.into()]).await?;
    let items: Vec<NoticeItem> = rows
        .into_iter()
        .map(|row| item(row.fqdn, &row.rtype, &row.input, row.expires_at))
        .collect();
    let more = usize::try_from(count.unwrap_or_default())
        .unwrap_or_default()
        .saturating_sub(items.len());
    Ok(Detail {
        more: u32::try_from(more).unwrap_or(u32::MAX),
        ..Detail::of(&items)
    })
}

/// How a mail names a record.
pub(crate) fn item(name: String, rtype: &str, input: &str, expires_at: i64) -> NoticeItem {
    NoticeItem {
        name,
        what: Some(format!("{rtype} {}", super::shorten(input))),
        on: Some(Timestamp::from_millis(expires_at).date()),
        reason: None,
    }
}
