//! Rows of `import_rows` and `imports`: what was dealt with.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::report::Line;
use crate::tx::Tx;
use crate::{Error, sql};

/// Which table of the original a row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    User,
    Record,
    Certificate,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Record => "record",
            Self::Certificate => "certificate",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::User, Self::Record, Self::Certificate]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// What became of one row of the original.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    /// Its key there.
    pub(super) source: String,
    /// The row here; none: it was left out.
    pub(super) target: Option<i64>,
    pub(super) lines: Vec<Line>,
}

/// Everything that was dealt with.
#[derive(Debug, Default)]
pub(super) struct Ledger(HashMap<(Kind, String), Entry>);

impl Ledger {
    pub(super) async fn read(on: &impl ConnectionTrait) -> Result<Self, Error> {
        #[derive(FromQueryResult)]
        struct Row {
            kind: String,
            source: String,
            target: Option<i64>,
            notes: String,
        }
        let rows: Vec<Row> = sql::all(
            on,
            "SELECT kind, source, target, notes FROM import_rows",
            vec![],
        )
        .await?;
        let entry = |row: Row| {
            let corrupt = || {
                Error::Corrupt(format!(
                    "note of the import about {} {}",
                    row.kind, row.source
                ))
            };
            let kind = Kind::parse(&row.kind).ok_or_else(corrupt)?;
            let lines = serde_json::from_str(&row.notes).map_err(|_| corrupt())?;
            Ok((
                (kind, row.source.clone()),
                Entry {
                    kind,
                    source: row.source,
                    target: row.target,
                    lines,
                },
            ))
        };
        rows.into_iter()
            .map(entry)
            .collect::<Result<_, Error>>()
            .map(Self)
    }

    pub(super) fn get(&self, kind: Kind, source: &str) -> Option<&Entry> {
        self.0.get(&(kind, source.to_owned()))
    }
}

/// Notes what became of these rows, in the transaction that did it.
pub(super) async fn note(tx: &Tx, entries: &[Entry]) -> Result<(), Error> {
    if entries.is_empty() {
        return Ok(());
    }
    let rows = vec!["(?, ?, ?, ?)"; entries.len()].join(", ");
    let mut values: Vec<Value> = Vec::with_capacity(entries.len() * 4);
    for entry in entries {
        let notes =
            serde_json::to_string(&entry.lines).map_err(|fault| Error::Fault(Box::new(fault)))?;
        values.extend([
            entry.kind.as_str().into(),
            entry.source.as_str().into(),
            entry.target.into(),
            notes.into(),
        ]);
    }
    let insert = format!("INSERT INTO import_rows (kind, source, target, notes) VALUES {rows}");
    sql::touch(tx.db(), &insert, values).await.map(drop)
}
