//! `starchart import`: imports the original's database.

mod orphans;
mod report;

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use starchart_acme::{chain, keys};
use starchart_domain::plural::pluralize;
use starchart_domain::secret::Secret;
use starchart_settings::{Settings, read_database_url_file};
use starchart_store::import::{self, IssuedCertificate, Original, Progress, Report, Topic};
use starchart_store::{Store, zone};
use starchart_worker::Context;

use super::reconcile;
use report::Length;

/// Import users, records and certificates from the original's database.
#[derive(Args)]
pub(crate) struct Options {
    /// A file with the original's DATABASE_URL: the secret file, or a file of NAME=value lines.
    /// Without --apply, nothing is written.
    #[arg(long, value_name = "PATH", required_unless_present_any = ["skip", "orphans"])]
    from_file: Option<PathBuf>,
    /// Import the rows, and adopt the RRsets in the zone that belong to them. Publishing is paused
    /// until `starchart reconcile --approve`.
    #[arg(long, requires = "from_file")]
    apply: bool,
    /// Write the complete report to a file (-: standard output). Without this option, only the
    /// beginning of each list is printed.
    #[arg(long, value_name = "FILE", requires = "from_file")]
    report: Option<PathBuf>,
    /// Record that no import is wanted, although the original's tables are in our database.
    #[arg(long, conflicts_with_all = ["from_file", "apply", "report", "orphans", "count", "keep"])]
    skip: bool,
    /// List or delete orphans: RRsets in the zone at users' names that belong to no record.
    #[arg(long, value_enum, conflicts_with_all = ["from_file", "apply", "report"])]
    orphans: Option<Orphans>,
    /// Confirm the number of orphans to delete, as `--orphans list` prints it, without those of
    /// --keep.
    #[arg(
        long,
        value_name = "N",
        requires = "orphans",
        required_if_eq("orphans", "delete")
    )]
    count: Option<usize>,
    /// Keep the orphans at this name, which do not count. Repeatable.
    #[arg(long, value_name = "NAME", requires = "count", value_parser = reconcile::name)]
    keep: Vec<String>,
}

/// The action on orphans.
#[derive(Clone, Copy, ValueEnum)]
enum Orphans {
    /// List them with values and age.
    List,
    /// Delete all of them if `--count` is their number.
    Delete,
}

pub(crate) async fn run(env_file: Option<PathBuf>, options: Options) -> anyhow::Result<ExitCode> {
    if let (Some(Orphans::List), Some(_)) = (options.orphans, options.count) {
        eprintln!(
            "error: --count and --keep are for --orphans delete; --orphans list shows all of them"
        );
        return Ok(ExitCode::from(2));
    }
    let loaded = super::begin(env_file)?;
    let stop = crate::stop::on_signal()?;
    let Some(store) = crate::database::connect(&loaded.settings, &stop).await? else {
        return Ok(ExitCode::from(1));
    };
    super::schema_fits(&store).await?;
    let context = reconcile::context_with_store(&loaded.settings, store.clone(), stop.clone())?;
    match (&options.from_file, options.orphans) {
        (Some(file), _) => {
            let report = tokio::select! {
                report = import(&store, &loaded.settings, file, &options) => report?,
                // Imported rows are recorded; the next import waits until this lease expires.
                () = stop.cancelled() => {
                    eprintln!("Stopped; run it again to continue.");
                    return Ok(ExitCode::from(1));
                }
            };
            own(&context, &report, options.apply).await
        }
        (None, Some(Orphans::List)) => orphans::list(&context).await,
        (None, Some(Orphans::Delete)) => {
            orphans::delete(&context, options.count.unwrap_or_default(), &options.keep).await
        }
        (None, None) => skip(&store).await,
    }
}

/// Imports the rows, or reports what an import would do.
async fn import(
    store: &Store,
    settings: &Settings,
    file: &Path,
    options: &Options,
) -> anyhow::Result<Report> {
    let (url, notices) =
        read_database_url_file(file).map_err(|fault| anyhow::anyhow!("--from-file: {fault}"))?;
    for notice in notices {
        tracing::warn!(notice, "--from-file");
    }
    // Open the file before the import, so that the report cannot be lost.
    let mut file = match options.report.as_deref() {
        Some(path) if path != Path::new("-") => {
            // Keep an earlier report until the new one is written.
            let file = File::options()
                .write(true)
                .create(true)
                .truncate(false)
                .open(path);
            Some(file.with_context(|| format!("--report {} cannot be written", path.display()))?)
        }
        _ => None,
    };
    let original = Original::open(&url.secret).await.context("--from-file")?;
    let reserved = crate::wire::name_rules(settings, store).await?.reserved;
    let rules = import::Options {
        root: &settings.zone.root_domain,
        groups: &settings.sign_in.groups,
        reserved: &reserved,
        certificate: &read_certificate,
    };
    let report = match options.apply {
        true => import::apply(store, &original, &rules).await,
        false => import::preview(store, &original, &rules).await,
    };
    original.close().await;
    let report = report?;
    if let Some(file) = &mut file {
        file.set_len(0).context("--report")?;
        file.write_all(report::text(&report, Length::Whole).as_bytes())
            .context("--report")?;
    }
    let on_screen = if options.report.is_some() && file.is_none() {
        Length::Whole
    } else {
        Length::Short
    };
    print!("{}", report::text(&report, on_screen));
    println!();
    Ok(report)
}

/// Adopts the imported RRsets in the zone while publishing is paused, and prints the next steps.
async fn own(context: &Context, report: &Report, applied: bool) -> anyhow::Result<ExitCode> {
    if !applied {
        println!(
            "{}",
            dry_ending(report, import::progress(&context.store).await?)
        );
        return Ok(ExitCode::SUCCESS);
    }
    if zone::pause_reason(&context.store).await?.is_none() {
        println!("{}", ending(report));
        return Ok(ExitCode::SUCCESS);
    }
    reconcile::adopt(context).await
}

/// Returns the closing line when no approval is pending.
fn ending(report: &Report) -> String {
    match report.by_topic().get(&Topic::NoKeys) {
        Some(waiting) => format!(
            "Publishing continues. {} not imported yet: set KEY_ENCRYPTION_KEYS and run this \
             again.",
            pluralize(waiting.len(), "certificate is", "certificates are")
        ),
        None => {
            "Nothing is left to do: everything is imported, and publishing continues.".to_owned()
        }
    }
}

fn dry_ending(report: &Report, progress: Progress) -> String {
    match progress {
        Progress::Finished(_)
            if report.counts.to_do == 0 && report.by_topic().contains_key(&Topic::NoKeys) =>
        {
            ending(report)
        }
        Progress::Finished(at) if report.counts.to_do == 0 => {
            format!(
                "Nothing is left to do: the import was completed on {}.",
                at.date()
            )
        }
        _ => {
            let rows = pluralize(report.counts.to_do, "row is", "rows are");
            format!("Nothing was written. With --apply {rows} processed.")
        }
    }
}

async fn skip(store: &Store) -> anyhow::Result<ExitCode> {
    match import::progress(store).await? {
        Progress::None => {
            bail!(
                "--skip: the original's tables are not in this database, so no import is pending; \
                 nothing was noted"
            )
        }
        Progress::Skipped => {
            println!("It was noted before that no import is wanted; nothing was changed.")
        }
        // Another process may begin an import in this moment.
        _ if import::skip(store).await? => {
            println!("No import is wanted: noted. The original's tables are left as they are.");
        }
        Progress::Finished(at) => bail!(
            "--skip: an import was made, and came to its end on {}; nothing was noted",
            at.date()
        ),
        _ => bail!(
            "--skip: an import was begun already: run `starchart import --from-file PATH --apply` \
             again; nothing was noted"
        ),
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads a certificate of the original and compares it with its key.
fn read_certificate(
    key: &Secret,
    certificate: &str,
    chain: &str,
) -> Result<IssuedCertificate, String> {
    let alone = chain::split(certificate).map_err(|fault| fault.to_string())?;
    let whole = match alone.intermediates.is_empty() {
        true => {
            chain::split(&format!("{certificate}\n{chain}")).map_err(|fault| fault.to_string())?
        }
        false => alone,
    };
    match keys::matches_certificate(key, &whole.certificate) {
        Ok(true) => Ok(IssuedCertificate {
            certificate: whole.certificate,
            chain: whole.intermediates,
            not_before: whole.leaf.not_before,
            not_after: whole.leaf.not_after,
        }),
        Ok(false) => Err("the private key is another certificate's".to_owned()),
        Err(fault) => Err(fault.to_string()),
    }
}
