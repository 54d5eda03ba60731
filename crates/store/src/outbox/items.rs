//! The items of a mail about expiring records, read from the records.

use sea_orm::{
    ColumnTrait, DerivePartialModel, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use starchart_domain::expiry::last_day;
use starchart_domain::names::idn::with_letters;
use starchart_domain::notice::NoticeItem;
use starchart_domain::time::Timestamp;

use super::{Detail, MAX_ITEMS};
use crate::Error;
use crate::entity::dns_record::{self, Column};
use crate::tx::Tx;

#[derive(DerivePartialModel)]
#[sea_orm(entity = "dns_record::Entity")]
struct ExpiringRecord {
    fqdn: String,
    rtype: String,
    input: String,
    expires_at: i64,
}

/// Reads the records whose end this mail announces, which is sent at `now` at the earliest.
pub(super) async fn expiring_records(tx: &Tx, mail: i64, now: Timestamp) -> Result<Detail, Error> {
    let records = dns_record::Entity::find().filter(Column::NoticeId.eq(mail));
    let count = records.clone().count(tx.db()).await?;
    let rows: Vec<ExpiringRecord> = records
        .order_by_asc(Column::ExpiresAt)
        .order_by_asc(Column::Fqdn)
        .order_by_asc(Column::Rtype)
        .order_by_asc(Column::Id)
        .limit(MAX_ITEMS as u64)
        .into_partial_model()
        .all(tx.db())
        .await?;
    let items: Vec<NoticeItem> = rows
        .into_iter()
        .map(|row| {
            let last_day = last_day(Timestamp::from_millis(row.expires_at), None, now);
            record_item(row.fqdn, &row.rtype, &row.input, last_day.to_day())
        })
        .collect();
    let more = count.saturating_sub(items.len() as u64);
    Ok(Detail {
        more: u32::try_from(more).unwrap_or(u32::MAX),
        ..Detail::new(&items)
    })
}

/// How a mail names a record. `on` says when it happens, and by which clock.
pub(crate) fn record_item(name: String, rtype: &str, input: &str, on: String) -> NoticeItem {
    NoticeItem {
        name: with_letters(&name),
        what: Some(format!("{rtype} {}", super::shorten(input))),
        on: Some(on),
        reason: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_names_a_record_with_its_letters() {
        for (name, shown) in [
            ("www.example.com", "www.example.com"),
            (
                "xn--bcher-kva.example.com",
                "b\u{fc}cher.example.com (xn--bcher-kva.example.com)",
            ),
            // A label that people may take for another one is left as it is.
            ("xn--pple-43d.example.com", "xn--pple-43d.example.com"),
        ] {
            let item = record_item(name.to_owned(), "A", "192.0.2.1", String::new());
            assert_eq!(item.name, shown);
        }
    }
}
