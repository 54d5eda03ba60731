//! Wipes the database, at a start with DANGER_DATABASE_WIPE_REINITIALIZE or by `starchart wipe`:
//! checks the confirmation, and clears Redis as well. `store` drops and recreates the tables.

use std::process::ExitCode;
use std::time::Duration;

use starchart_domain::error::error_chain;
use starchart_domain::plural::pluralize;
use starchart_jobs::clear;
use starchart_settings::{Problem, Problems, Redis, Settings};
use starchart_store::{Error, Store, WipeMark, WipeOutcome};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::database::Wait;

/// The setting that requests a wipe at a start.
const FLAG: &str = "DANGER_DATABASE_WIPE_REINITIALIZE";
/// The time limit for clearing Redis; remaining keys do no harm.
const REDIS_LIMIT: Duration = Duration::from_secs(10);

/// Returns the text that confirms a wipe of this number of users.
fn confirmation(settings: &Settings, users: u64) -> String {
    format!("{}:{users}", settings.zone.root_domain)
}

/// Wipes the database if the flag requests it. Returns false when stopped meanwhile.
///
/// # Errors
/// The wipe is not confirmed, or a later version made the schema; nothing was changed.
pub(crate) async fn by_flag(
    store: &Store,
    settings: &Settings,
    stop: &CancellationToken,
) -> anyhow::Result<bool> {
    let confirmed = |users: u64| {
        !settings.environment.is_production()
            || users == 0
            || settings
                .process
                .danger_confirm
                .as_ref()
                .is_some_and(|words| *words == confirmation(settings, users))
    };
    let wait = Wait::default();
    loop {
        // After an interruption, the next start finishes the wipe.
        let outcome = tokio::select! {
            outcome = store.wipe(WipeMark::Respect, confirmed) => outcome,
            () = stop.cancelled() => return Ok(false),
        };
        let retry_after = match outcome {
            Ok(outcome) => {
                wait.ended();
                return log_outcome(outcome, settings).await.map(|()| true);
            }
            Err(error) if error.is_temporary() && !matches!(error, Error::Denied(_)) => {
                wait.log(error_chain(&error))
            }
            Err(error) => {
                return Err(anyhow::Error::new(error)
                    .context(format!("{FLAG}: the database cannot be wiped")));
            }
        };
        tokio::select! {
            () = tokio::time::sleep(retry_after) => {}
            () = stop.cancelled() => return Ok(false),
        }
    }
}

async fn log_outcome(outcome: WipeOutcome, settings: &Settings) -> anyhow::Result<()> {
    match outcome {
        WipeOutcome::Initialised => {
            warn!("{FLAG}: there was nothing to wipe; the schema was created; remove the variable")
        }
        WipeOutcome::Already(at) => warn!(
            since = at.rfc3339(),
            "{FLAG} is still set: the wipe was done before and is not repeated; remove the variable"
        ),
        WipeOutcome::Wiped { tables } => {
            for table in tables {
                warn!(table, "{FLAG}: dropped and recreated");
            }
            match clear_redis(settings).await {
                Ok(Some(keys)) => warn!(keys, "{FLAG}: deleted keys from Redis"),
                Ok(None) => {}
                Err(reason) => warn!(
                    reason,
                    "REDIS_URL: not all keys were deleted; the remaining keys expire"
                ),
            }
            warn!(
                "{FLAG}: the database was wiped, the zone was not changed, publishing is paused; \
                 remove the variable"
            );
        }
        WipeOutcome::Refused(users) => {
            let words = confirmation(settings, users);
            let said = match &settings.process.danger_confirm {
                Some(_) => "does not match",
                None => "is not set",
            };
            let advice = format!(
                "{said}: to wipe the data of {} here it must be {words} (ROOT_DOMAIN:number of \
                 users). Nothing was changed. To \
                 keep the data, remove {FLAG}",
                pluralize(users, "user", "users")
            );
            return Err(Problems::from(Problem {
                name: "DANGER_CONFIRM".to_owned(),
                advice,
            })
            .into());
        }
        WipeOutcome::HalfDone => {
            return Err(Problems::from(Problem {
                name: FLAG.to_owned(),
                advice: HALF_DONE.to_owned(),
            })
            .into());
        }
        WipeOutcome::Unknown(steps) => {
            return Err(Problems::from(Problem {
                name: FLAG.to_owned(),
                advice: unknown(&steps),
            })
            .into());
        }
    }
    Ok(())
}

const HALF_DONE: &str = "A wipe was begun and is not finished: `starchart migrate` finishes it \
                         (what is left of our old tables goes). Nothing was changed now";

fn unknown(steps: &[String]) -> String {
    format!(
        "the schema has steps that this version does not know ({}), so it does not know all \
         tables; wipe with the version that made \
         them. Nothing was changed",
        steps.join(", ")
    )
}

/// Drop and recreate all of Starchart's tables; the zone is not changed.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Options {
    /// Confirm the wipe in production: ROOT_DOMAIN and the number of users, joined by a colon.
    #[arg(long, value_name = "ROOT_DOMAIN:COUNT")]
    confirm: Option<String>,
    /// Confirm the wipe in development.
    #[arg(long)]
    yes: bool,
}

/// Wipes the database for `starchart wipe` and prints the dropped tables. DANGER_CONFIRM is not
/// used here.
///
/// # Errors
/// The database failed; the next start or `starchart migrate` finishes the wipe.
pub(crate) async fn by_hand(
    store: &Store,
    settings: &Settings,
    options: &Options,
    stop: &CancellationToken,
) -> anyhow::Result<ExitCode> {
    let production = settings.environment.is_production();
    let confirmed = |users: u64| match &options.confirm {
        Some(words) => *words == confirmation(settings, users),
        None => options.yes && !production,
    };
    let outcome = tokio::select! {
        outcome = store.wipe(WipeMark::Ignore, confirmed) => outcome?,
        () = stop.cancelled() => {
            eprintln!(
                "Stopped. If the wipe had begun to drop tables, `starchart migrate` or the next \
                 start finishes it; if not, nothing was changed."
            );
            return Ok(ExitCode::from(1));
        }
    };
    match outcome {
        WipeOutcome::Initialised => println!("There was nothing to wipe; the schema was created."),
        WipeOutcome::Already(at) => {
            println!(
                "The database was wiped at {}; nothing was changed.",
                at.rfc3339()
            )
        }
        WipeOutcome::Wiped { tables } => {
            report_wiped(&tables, clear_redis(settings).await);
        }
        WipeOutcome::Refused(users) => {
            let words = confirmation(settings, users);
            let or_yes = if production { "" } else { ", or --yes" };
            let users = pluralize(users, "user", "users");
            match &options.confirm {
                // A wrong number is not corrected; without --confirm the number is printed.
                Some(_) => eprintln!(
                    "--confirm does not match: it takes ROOT_DOMAIN:COUNT, COUNT being the number \
                     of users. \
                     Nothing was changed. `starchart wipe` without --confirm prints it"
                ),
                None => {
                    eprintln!(
                        "This would wipe the data of {users}. Nothing was changed. To do it: \
                         --confirm {words}{or_yes}"
                    )
                }
            }
            return Ok(ExitCode::from(2));
        }
        WipeOutcome::HalfDone => {
            eprintln!("{HALF_DONE}.");
            return Ok(ExitCode::from(2));
        }
        WipeOutcome::Unknown(steps) => {
            eprintln!("{}.", unknown(&steps));
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what a wipe removed, and how publishing resumes.
fn report_wiped(tables: &[String], redis_keys: Result<Option<u64>, String>) {
    for table in tables {
        println!("dropped and recreated: {table}");
    }
    match redis_keys {
        Ok(Some(keys)) => println!("removed from Redis: {}", pluralize(keys, "key", "keys")),
        Ok(None) => {}
        Err(reason) => println!("Redis: {reason}; the remaining keys expire"),
    }
    println!(
        "{} wiped. The zone was not changed, and publishing is paused.",
        pluralize(tables.len(), "table was", "tables were")
    );
    println!(
        "Publishing resumes when the zone is empty; otherwise `starchart reconcile --adopt` lists \
         its RRsets,"
    );
    println!("and `starchart reconcile --approve HASH` resumes publishing.");
}

/// Deletes our keys; returns `None` where Redis is not configured.
async fn clear_redis(settings: &Settings) -> Result<Option<u64>, String> {
    let Redis::Url(url) = &settings.redis else {
        return Ok(None);
    };
    match tokio::time::timeout(REDIS_LIMIT, clear(url)).await {
        Ok(cleared) => cleared.map(Some).map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", REDIS_LIMIT.as_secs())),
    }
}
