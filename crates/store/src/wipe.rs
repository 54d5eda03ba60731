//! The wipe: drops and recreates all tables that our migrations create.
//!
//! The table `starchart_wipe`, which no migration creates and no wipe drops, stores the progress.
//! `wiping` is committed before the first table is dropped, so that the next process finishes a
//! wipe that was killed; `made` when the new tables exist, which are not dropped again; `done` when
//! the wipe is complete, so that a flag that is still set does not wipe again. A wipe by hand does
//! not change whether a flag may wipe. See docs/decisions/0010.

pub(crate) mod mark;

use migration::{SchemaManager, pre_release};
use sea_orm::sea_query::Table;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, PaginatorTrait,
    QueryFilter, QuerySelect,
};
use starchart_domain::plural::pluralize;
use starchart_domain::time::Timestamp;

use crate::entity::user;
use crate::entity::wipe_mark::State;
use crate::schema::{self, STEPS_TABLE};
use crate::trail::{self, Action, TrailEntry};
use crate::{Error, Store, zone};

/// Prepares a session of MySQL for dropping tables. Another process may hold a table for as long as
/// one transaction; the wait is longer. No foreign key may stop the wipe half way, not even one of
/// a table that we do not know.
const PREPARE_MYSQL: [&str; 2] = [
    "SET SESSION lock_wait_timeout = 60",
    "SET SESSION foreign_key_checks = 0",
];
const PREPARE_SQLITE: [&str; 1] = ["PRAGMA foreign_keys = OFF"];
const RESTORE_MYSQL: &str = "SET SESSION foreign_key_checks = 1";
const RESTORE_SQLITE: &str = "PRAGMA foreign_keys = ON";

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

/// The outcome of [`finish`].
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
        mark::delete_done(self.writer()).await
    }
}

async fn wipe(
    store: &Store,
    db: &DatabaseConnection,
    mark: WipeMark,
    allowed: &impl Fn(u64) -> bool,
) -> Result<WipeOutcome, Error> {
    let by_hand = mark == WipeMark::Ignore;
    let before = mark::find(db).await?;
    match &before {
        Some(mark) if mark.state == State::Done && !by_hand => {
            let at = Timestamp::from_millis(mark.changed_at);
            return Ok(WipeOutcome::Already(at));
        }
        Some(mark) if mark.state != State::Done && by_hand => return Ok(WipeOutcome::HalfDone),
        Some(mark) if mark.state != State::Done => {
            // The flag that finishes it has had its wipe.
            mark::save(store, db, mark.state.disarmed()).await?;
            return Ok(WipeOutcome::Wiped {
                tables: finish(store, db).await?.tables,
            });
        }
        _ => {}
    }
    let unknown = schema::list_unknown(db).await?;
    if !unknown.is_empty() && !schema::is_pre_release(&unknown) {
        return Ok(WipeOutcome::Unknown(unknown));
    }
    let tables = list_tables(db).await?;
    if tables.is_empty() {
        schema::apply(db).await?;
        if !by_hand {
            mark::save(store, db, State::Done).await?;
        }
        return Ok(WipeOutcome::Initialised);
    }
    let users = if tables.contains(&"users") {
        count_users(db).await?
    } else {
        0
    };
    if !allowed(users) {
        return Ok(WipeOutcome::Refused(users));
    }
    let state = if by_hand && before.is_none() {
        State::WipingArmed
    } else {
        State::Wiping
    };
    mark::save(store, db, state).await?;
    Ok(WipeOutcome::Wiped {
        tables: finish(store, db).await?.tables,
    })
}

/// Counts the users without the deleted ones. The table may be one of a pre-release build, so no
/// other column is read.
async fn count_users(db: &DatabaseConnection) -> Result<u64, Error> {
    Ok(user::Entity::find()
        .select_only()
        .column(user::Column::Id)
        .filter(user::Column::DeletedAt.is_null())
        .count(db)
        .await?)
}

/// Finishes a wipe that began. May be interrupted and repeated at any point.
pub(crate) async fn finish(store: &Store, db: &DatabaseConnection) -> Result<Finished, Error> {
    let state = mark::find(db).await?.map(|mark| mark.state);
    let is_armed = state.is_some_and(State::is_armed);
    let finished = match state {
        // Other processes may serve the new tables already.
        Some(State::Made | State::MadeArmed) => Finished {
            tables: Vec::new(),
            steps: 0,
        },
        _ => {
            let finished = recreate_tables(db).await?;
            let made = if is_armed {
                State::MadeArmed
            } else {
                State::Made
            };
            mark::save(store, db, made).await?;
            finished
        }
    };
    // The zone may still hold what the dropped rows wanted.
    zone::pause_after_wipe(store).await?;
    let detail = pluralize(finished.tables.len(), "table", "tables");
    trail::append(
        store,
        &TrailEntry {
            detail: &detail,
            ..TrailEntry::new(Action::DatabaseWipe)
        },
    )
    .await?;
    if is_armed {
        mark::delete(db).await?;
    } else {
        mark::save(store, db, State::Done).await?;
    }
    Ok(finished)
}

/// Drops those of our tables that exist, and creates all of them.
async fn recreate_tables(db: &DatabaseConnection) -> Result<Finished, Error> {
    let is_sqlite = db.get_database_backend() == DbBackend::Sqlite;
    let prepare: &[&str] = if is_sqlite {
        &PREPARE_SQLITE
    } else {
        &PREPARE_MYSQL
    };
    for statement in prepare {
        db.execute_unprepared(statement).await?;
    }
    let mut tables = Vec::new();
    for table in list_tables(db).await? {
        db.execute(&Table::drop().table(table).to_owned()).await?;
        tables.push(table.to_owned());
    }
    let restore = if is_sqlite {
        RESTORE_SQLITE
    } else {
        RESTORE_MYSQL
    };
    db.execute_unprepared(restore).await?;
    let steps = schema::apply(db).await?;
    Ok(Finished { tables, steps })
}

/// Lists those of our tables that exist, in the order to drop them: first the list of steps, so
/// that an interrupted wipe leaves a schema that is known to be incomplete; then each table before
/// those that it refers to.
async fn list_tables(db: &DatabaseConnection) -> Result<Vec<&'static str>, Error> {
    let mut tables = Vec::new();
    let manager = SchemaManager::new(db);
    let applied = schema::list_applied(db).await?;
    let is_pre_release = schema::is_pre_release(&applied);
    if is_pre_release {
        // Before the list of steps: a wipe that is interrupted here knows them again.
        for table in pre_release::DROPPED_TABLES {
            if manager.has_table(table).await? {
                tables.push(table);
            }
        }
    }
    // Another program that uses sea-orm may share the schema; its list of steps is not ours.
    let known = schema::list_known();
    if is_pre_release || applied.iter().any(|step| known.contains(step)) {
        tables.push(STEPS_TABLE);
    }
    for table in migration::tables().into_iter().rev() {
        if manager.has_table(table).await? {
            tables.push(table);
        }
    }
    Ok(tables)
}
