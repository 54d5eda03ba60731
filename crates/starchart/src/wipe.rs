//! Wiping the database: by the flag at a start, and by hand. Rows and schema are the store's; here
//! is who may, what is said, and what else goes.

use std::process::ExitCode;
use std::time::Duration;

use starchart_domain::error::error_chain;
use starchart_domain::plural::pluralize;
use starchart_jobs::clear;
use starchart_settings::{Problem, Problems, Redis, Settings};
use starchart_store::{Store, WipeMark, WipeOutcome};
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// The setting that wipes at a start.
const FLAG: &str = "DANGER_DATABASE_WIPE_REINITIALIZE";
/// Redis gets so long; nothing depends on what is left there.
const REDIS_LIMIT: Duration = Duration::from_secs(10);
/// Between two tries while the database is away or busy.
const RETRY: Duration = Duration::from_secs(10);

/// The words that confirm a wipe of this many people's data.
fn confirmation(settings: &Settings, users: u64) -> String {
    format!("{}:{users}", settings.root_domain)
}

/// Does what the flag asks for. False: told to stop meanwhile.
///
/// # Errors
/// The flag is not confirmed, or the schema is a later version's; nothing was changed then.
pub(crate) async fn by_flag(
    store: &Store,
    settings: &Settings,
    stop: &CancellationToken,
) -> anyhow::Result<bool> {
    let confirmed = |users: u64| {
        !settings.environment.is_production()
            || users == 0
            || settings
                .danger_confirm
                .as_ref()
                .is_some_and(|words| *words == confirmation(settings, users))
    };
    loop {
        // Cut off in the middle, the mark says so and the next start goes on.
        let outcome = tokio::select! {
            outcome = store.wipe(WipeMark::Respect, confirmed) => outcome,
            () = stop.cancelled() => return Ok(false),
        };
        match outcome {
            Ok(outcome) => return told(outcome, settings).await.map(|()| true),
            Err(error) if error.is_temporary() => {
                warn!(
                    error = error_chain(&error),
                    "{FLAG}: waiting for the database"
                )
            }
            Err(error) => {
                return Err(anyhow::Error::new(error)
                    .context(format!("{FLAG}: the database cannot be wiped")));
            }
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = stop.cancelled() => return Ok(false),
        }
    }
}

async fn told(outcome: WipeOutcome, settings: &Settings) -> anyhow::Result<()> {
    match outcome {
        WipeOutcome::Initialised => {
            warn!("{FLAG}: there was nothing to wipe; the schema was made; remove the variable")
        }
        WipeOutcome::Already(at) => warn!(
            since = at.rfc3339(),
            "{FLAG} is still set: it has had its effect and wipes nothing more; remove the variable"
        ),
        WipeOutcome::Wiped { tables } => {
            for table in tables {
                warn!(table, "{FLAG}: dropped and made anew");
            }
            match clear_redis(settings).await {
                Ok(Some(keys)) => warn!(keys, "{FLAG}: removed from Redis"),
                Ok(None) => {}
                Err(reason) => warn!(
                    reason,
                    "REDIS_URL: not everything was removed; what is left goes by time"
                ),
            }
            warn!(
                "{FLAG}: the database was wiped, the zone was not touched, publishing is paused; remove the variable"
            );
        }
        WipeOutcome::Refused(users) => {
            let words = confirmation(settings, users);
            let said = match &settings.danger_confirm {
                Some(_) => "does not say what is to be lost",
                None => "is not set",
            };
            let advice = format!(
                "{said}: to wipe the data of {} here it must be {words} (ROOT_DOMAIN:number of users). Nothing was changed. To \
                 keep the data, remove {FLAG}",
                pluralize(users, "person", "people")
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

/// What is said when there is nothing to ask for any more.
const HALF_DONE: &str = "A wipe was begun and is not finished: `starchart migrate` finishes it (what is left of our old tables goes). Nothing was changed now";

fn unknown(steps: &[String]) -> String {
    format!(
        "the schema has steps that this version does not know ({}), so it does not know all tables; wipe with the version that made \
         them. Nothing was changed",
        steps.join(", ")
    )
}

/// What the wish by hand came with.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Options {
    /// In production: what is to be lost, as ROOT_DOMAIN:number of users.
    #[arg(long, value_name = "ROOT_DOMAIN:COUNT")]
    confirm: Option<String>,
    /// In development: do it.
    #[arg(long)]
    yes: bool,
}

/// Does what a person asks for, and prints what went. DANGER_CONFIRM is the flag's and says nothing
/// here.
///
/// # Errors
/// The database is away, or a statement failed: the next start or `starchart migrate` goes on then.
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
            eprintln!("Stopped; run it again to go on.");
            return Ok(ExitCode::from(1));
        }
    };
    match outcome {
        WipeOutcome::Initialised => println!("There was nothing to wipe; the schema was made."),
        WipeOutcome::Already(at) => {
            println!(
                "The database was wiped at {}; nothing was changed.",
                at.rfc3339()
            )
        }
        WipeOutcome::Wiped { tables } => {
            for table in &tables {
                println!("dropped and made anew: {table}");
            }
            match clear_redis(settings).await {
                Ok(Some(keys)) => {
                    println!("removed from Redis: {}", pluralize(keys, "key", "keys"))
                }
                Ok(None) => {}
                Err(reason) => println!("Redis: {reason}; what is left there goes by time"),
            }
            println!(
                "{} wiped. The zone was not touched, and publishing is paused:",
                pluralize(tables.len(), "table was", "tables were")
            );
            println!(
                "where the zone is empty it goes on by itself; else `starchart reconcile --adopt` shows what stands there,"
            );
            println!("and `starchart reconcile --approve HASH` lets it go on.");
        }
        WipeOutcome::Refused(users) => {
            let words = confirmation(settings, users);
            let or_yes = if production { "" } else { ", or --yes" };
            let people = pluralize(users, "person", "people");
            match &options.confirm {
                // Who guesses is not told how many there are; who asks is.
                Some(_) => eprintln!(
                    "--confirm does not say what would be lost: it takes ROOT_DOMAIN:COUNT, the number of people whose data go. \
                     Nothing was changed. `starchart wipe` without --confirm says the number"
                ),
                None => {
                    eprintln!(
                        "This would wipe the data of {people}. Nothing was changed. To do it: --confirm {words}{or_yes}"
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

/// Removes our keys; none where there is no Redis.
async fn clear_redis(settings: &Settings) -> Result<Option<u64>, String> {
    let Redis::Url(url) = &settings.redis else {
        return Ok(None);
    };
    match tokio::time::timeout(REDIS_LIMIT, clear(url)).await {
        Ok(cleared) => cleared.map(Some).map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", REDIS_LIMIT.as_secs())),
    }
}
