//! Plans the import. Reads both databases and writes neither.

mod certificates;
mod model;
mod records;
mod users;

use super::ledger::Ledger;
use super::report::{Counts, Report};
use super::{ImportError, Options, Original, state};
use crate::Store;

pub(super) use certificates::parse;
pub(super) use model::{Plan, PlannedName, PlannedRequest, PlannedUser};

/// Determines what the import does with each row.
pub(super) async fn plan(
    store: &Store,
    original: &Original,
    options: &Options<'_>,
) -> Result<Plan, ImportError> {
    let db = store.reader();
    let begun = state::started(db).await?;
    let started = match begun {
        Some(at) => at,
        None => store.now().await?,
    };
    let ledger = Ledger::read(db).await?;
    let existing = users::list_existing(db).await?;
    let mut plan = Plan {
        started,
        users: Vec::new(),
        names: Vec::new(),
        certificates: Vec::new(),
        left_out: Vec::new(),
        report: Report::default(),
    };
    let owners = users::add(
        &mut plan,
        original.users().await?,
        existing,
        options,
        &ledger,
    );
    let taken = records::ExistingKeys::read(db).await?;
    let records = original.records().await?;
    let collisions = taken.count_ids_of(&records);
    if begun.is_none() && collisions > 0 {
        return Err(ImportError::NotEmpty(collisions));
    }
    records::add(&mut plan, records, &owners, options, &ledger, &taken);
    certificates::add(&mut plan, store, original, &owners, options, &ledger).await?;
    let users: usize = plan.users.iter().map(|user| user.entries.len()).sum();
    let Counts { new_records, .. } = plan.report.counts;
    plan.report.counts.to_do = users + new_records + plan.certificates.len() + plan.left_out.len();
    Ok(plan)
}
