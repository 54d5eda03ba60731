//! The wipe: drops and recreates all tables that our migrations create.
//!
//! The table `starchart_wipe`, which no migration creates and no wipe drops, stores the progress.
//! `wiping` is committed before the first table is dropped, so that the next process finishes a
//! wipe that was killed; `made` when the new tables exist, which are not dropped again; `done` when
//! the wipe is complete, so that a flag that is still set does not wipe again. A wipe by hand does
//! not change whether a flag may wipe. See docs/decisions/0010.

use migration::{SchemaManager, pre_release};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, FromQueryResult};
use starchart_domain::plural::pluralize;
use starchart_domain::time::Timestamp;

use crate::migrate::{self, STEPS_TABLE};
use crate::trail::{self, Entry};
use crate::{Error, Store, sql, zone};

/// The table with the mark: one row, or none while a flag may wipe.
const MARK: &str = "starchart_wipe";
const CREATE_MARK: &str = "CREATE TABLE IF NOT EXISTS starchart_wipe \
     (id INT NOT NULL PRIMARY KEY, state VARCHAR(16) NOT NULL, changed_at BIGINT NOT NULL)";
/// Another process may hold a table for as long as one transaction; this is longer.
const MYSQL_PREPARE: [&str; 2] = [
    "SET SESSION lock_wait_timeout = 60",
    "SET SESSION foreign_key_checks = 0",
];

/// Whether an earlier wipe prevents this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WipeMark {
    /// For the flag: does nothing if the database was wiped since [`Store::rearm_wipe`].
    Respect,
    /// For a wipe by hand: always wipes, and does not change whether a flag may wipe.
    Ignore,
}

/// The outcome of a request to wipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WipeOutcome {
    /// None of our tables existed: they were created, nothing was dropped.
    Initialised,
    /// These tables were dropped and recreated, and publishing is paused.
    Wiped {
        /// The tables in the order in which they were dropped.
        tables: Vec<String>,
    },
    /// The database was wiped at this time and the mark was respected. Nothing was changed.
    Already(Timestamp),
    /// `allowed` refused this number of users (without deleted ones). Nothing was changed.
    Refused(u64),
    /// An earlier wipe was interrupted; [`Store::migrate`] finishes it. Nothing was changed.
    HalfDone,
    /// The schema has these steps, which this program does not know, so it does not know their
    /// tables either. Nothing was changed.
    Unknown(Vec<String>),
}

/// What [`finish`] did.
pub(crate) struct Finished {
    /// Tables that were dropped.
    pub(crate) tables: Vec<String>,
    /// Steps that were applied.
    pub(crate) steps: usize,
}

impl Store {
    /// Drops all tables that our migrations create, runs the migrations again, and pauses
    /// publishing until a plan is approved or the audit finds the zone empty. Touches no other
    /// table and no RRset. Only one process wipes; others wait for the lock and see its result.
    /// Calls `allowed` under the lock with the number of users, except for an interrupted wipe,
    /// which a flag finishes in any case.
    pub async fn wipe(
        &self,
        mark: WipeMark,
        allowed: impl Fn(u64) -> bool,
    ) -> Result<WipeOutcome, Error> {
        self.locked(async |db| wipe(self, db, mark, &allowed).await)
            .await
    }

    /// Allows the next flag to wipe again; called at a start without the flag. Returns false if it
    /// could wipe already.
    pub async fn rearm_wipe(&self) -> Result<bool, Error> {
        if !SchemaManager::new(self.writer()).has_table(MARK).await? {
            return Ok(false);
        }
        Ok(sql::touch(
            self.writer(),
            "DELETE FROM starchart_wipe WHERE state = 'done'",
            vec![],
        )
        .await?
            > 0)
    }
}

async fn wipe(
    store: &Store,
    db: &DatabaseConnection,
    mark: WipeMark,
    allowed: &impl Fn(u64) -> bool,
) -> Result<WipeOutcome, Error> {
    let by_hand = mark == WipeMark::Ignore;
    let before = read(db).await?;
    match before {
        Some(Mark {
            how_far: HowFar::Wiping | HowFar::Made,
            ..
        }) if by_hand => {
            return Ok(WipeOutcome::HalfDone);
        }
        Some(Mark {
            how_far: how_far @ (HowFar::Wiping | HowFar::Made),
            ..
        }) => {
            // The flag that finishes it has had its wipe.
            write(store, db, Mark::of(how_far, false)).await?;
            return Ok(WipeOutcome::Wiped {
                tables: finish(store, db).await?.tables,
            });
        }
        Some(Mark {
            how_far: HowFar::Done,
            at,
            ..
        }) if !by_hand => {
            return Ok(WipeOutcome::Already(at));
        }
        Some(Mark {
            how_far: HowFar::Done,
            ..
        })
        | None => {}
    }
    let unknown = migrate::unknown(db).await?;
    if !unknown.is_empty() && !migrate::is_pre_release(&unknown) {
        return Ok(WipeOutcome::Unknown(unknown));
    }
    let present = present(db).await?;
    if present.is_empty() {
        migrate::apply(db).await?;
        if !by_hand {
            write(store, db, Mark::of(HowFar::Done, false)).await?;
        }
        return Ok(WipeOutcome::Initialised);
    }
    let users = match present.contains(&"users") {
        true => {
            sql::number(
                db,
                "SELECT COUNT(*) AS n FROM users WHERE deleted_at IS NULL",
                vec![],
            )
            .await?
        }
        false => None,
    };
    let users = users
        .and_then(|count| u64::try_from(count).ok())
        .unwrap_or_default();
    if !allowed(users) {
        return Ok(WipeOutcome::Refused(users));
    }
    write(
        store,
        db,
        Mark::of(HowFar::Wiping, by_hand && before.is_none()),
    )
    .await?;
    Ok(WipeOutcome::Wiped {
        tables: finish(store, db).await?.tables,
    })
}

/// Brings a wipe that was begun to its end; may be killed and repeated anywhere.
pub(crate) async fn finish(store: &Store, db: &DatabaseConnection) -> Result<Finished, Error> {
    let mark = read(db).await?;
    let stays_armed = mark.as_ref().is_some_and(|mark| mark.stays_armed);
    // Others may serve tables that were made already.
    let finished = match mark {
        Some(Mark {
            how_far: HowFar::Made,
            ..
        }) => Finished {
            tables: Vec::new(),
            steps: 0,
        },
        _ => {
            let finished = make_anew(db).await?;
            write(store, db, Mark::of(HowFar::Made, stays_armed)).await?;
            finished
        }
    };
    // The zone may still hold what the dropped rows wanted.
    zone::pause_after_wipe(store).await?;
    let detail = pluralize(finished.tables.len(), "table", "tables");
    trail::append(
        store,
        &Entry {
            action: "database.wipe",
            detail: &detail,
            ..Entry::default()
        },
    )
    .await?;
    match stays_armed {
        true => db
            .execute_unprepared("DELETE FROM starchart_wipe")
            .await
            .map(drop)?,
        false => write(store, db, Mark::of(HowFar::Done, false)).await?,
    }
    Ok(finished)
}

/// Drops what there is of our tables, and makes all of them.
async fn make_anew(db: &DatabaseConnection) -> Result<Finished, Error> {
    let is_sqlite = db.get_database_backend() == DbBackend::Sqlite;
    // No foreign key, not even one of a table that we do not know, may stop this half way.
    for statement in if is_sqlite {
        &["PRAGMA foreign_keys = OFF"][..]
    } else {
        &MYSQL_PREPARE
    } {
        db.execute_unprepared(statement).await?;
    }
    let mut tables = Vec::new();
    for table in present(db).await? {
        db.execute_unprepared(&format!("DROP TABLE `{table}`"))
            .await?;
        tables.push(table.to_owned());
    }
    db.execute_unprepared(if is_sqlite {
        "PRAGMA foreign_keys = ON"
    } else {
        "SET SESSION foreign_key_checks = 1"
    })
    .await?;
    let steps = migrate::apply(db).await?;
    Ok(Finished { tables, steps })
}

/// Whether a wipe was begun and did not end. Nothing may be served from such a schema.
pub(crate) async fn is_half_done(db: &DatabaseConnection) -> Result<bool, Error> {
    Ok(read(db)
        .await?
        .is_some_and(|mark| mark.how_far != HowFar::Done))
}

/// The tables of ours that there are, in the order to drop them: first the list of steps, so that
/// what is left is known to be incomplete; then those that refer to others before these.
async fn present(db: &DatabaseConnection) -> Result<Vec<&'static str>, Error> {
    let mut present = Vec::new();
    let schema = SchemaManager::new(db);
    let applied = migrate::applied(db).await?;
    let is_pre_release = migrate::is_pre_release(&applied);
    if is_pre_release {
        // Before the list of steps: a wipe that is interrupted here knows them again.
        for table in pre_release::DROPPED_TABLES {
            if schema.has_table(table).await? {
                present.push(table);
            }
        }
    }
    // Another program that uses sea-orm may share the schema; its list of steps is not ours.
    let known = migrate::steps();
    if is_pre_release || applied.iter().any(|step| known.contains(step)) {
        present.push(STEPS_TABLE);
    }
    for table in migration::tables().into_iter().rev() {
        if schema.has_table(table).await? {
            present.push(table);
        }
    }
    Ok(present)
}

/// The progress of a wipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HowFar {
    /// Tables are being dropped.
    Wiping,
    /// The new tables exist; publishing may not be paused yet.
    Made,
    Done,
}

/// The row of [`MARK`].
struct Mark {
    how_far: HowFar,
    /// The wipe was begun by hand while a flag could wipe: the row is deleted when it is done.
    stays_armed: bool,
    at: Timestamp,
}

impl Mark {
    /// All values of the column `state`.
    const TEXTS: [(&'static str, HowFar, bool); 5] = [
        ("wiping", HowFar::Wiping, false),
        ("wiping, armed", HowFar::Wiping, true),
        ("made", HowFar::Made, false),
        ("made, armed", HowFar::Made, true),
        ("done", HowFar::Done, false),
    ];

    /// The text for the row.
    fn of(how_far: HowFar, stays_armed: bool) -> &'static str {
        let text = Self::TEXTS
            .iter()
            .find(|(_, far, armed)| (*far, *armed) == (how_far, stays_armed));
        text.map_or("done", |(text, ..)| text)
    }
}

async fn read(db: &DatabaseConnection) -> Result<Option<Mark>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        state: String,
        changed_at: i64,
    }
    if !SchemaManager::new(db).has_table(MARK).await? {
        return Ok(None);
    }
    let row: Option<Row> = sql::one(
        db,
        "SELECT state, changed_at FROM starchart_wipe WHERE id = 1",
        vec![],
    )
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (_, how_far, stays_armed) = Mark::TEXTS
        .into_iter()
        .find(|(text, ..)| *text == row.state)
        .ok_or_else(|| Error::Corrupt(format!("the mark of a wipe says {:?}", row.state)))?;
    Ok(Some(Mark {
        how_far,
        stays_armed,
        at: Timestamp::from_millis(row.changed_at),
    }))
}

async fn write(store: &Store, db: &DatabaseConnection, state: &str) -> Result<(), Error> {
    db.execute_unprepared(CREATE_MARK).await?;
    let values = vec![state.into(), store.now_on(db).await?.as_millis().into()];
    if sql::touch(
        db,
        "UPDATE starchart_wipe SET state = ?, changed_at = ? WHERE id = 1",
        values.clone(),
    )
    .await?
        == 0
    {
        sql::touch(
            db,
            "INSERT INTO starchart_wipe (state, changed_at, id) VALUES (?, ?, 1)",
            values,
        )
        .await?;
    }
    Ok(())
}
