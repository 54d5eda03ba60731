//! `starchart import`: the rows of the application before this one.

mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use starchart_acme::{chain, keys};
use starchart_domain::secret::Secret;
use starchart_settings::database_url_in;
use starchart_store::Store;
use starchart_store::import::{self, Issued, Original, Progress, Report};

/// What to take over, and whether.
#[derive(Args)]
pub(crate) struct Options {
    /// A file with the original's DATABASE_URL: a secret's file, or one of NAME=value lines. Without more, nothing is written.
    #[arg(long, value_name = "PATH", required_unless_present = "skip")]
    from_file: Option<PathBuf>,
    /// Take the rows over. Publishing is paused first and stays so until `starchart reconcile --approve`.
    #[arg(long, requires = "from_file")]
    apply: bool,
    /// Write the whole report into a file; the screen shows the beginning of each list.
    #[arg(long, value_name = "FILE", requires = "from_file")]
    report: Option<PathBuf>,
    /// Note that no import is wanted, although the original's tables stand in our database.
    #[arg(long, conflicts_with_all = ["from_file", "apply"])]
    skip: bool,
}

pub(crate) async fn run(env_file: Option<PathBuf>, options: Options) -> anyhow::Result<ExitCode> {
    let loaded = super::begin(env_file)?;
    let stop = crate::stop::on_signal()?;
    let Some(store) = crate::boot::connect(&loaded.settings, &stop).await? else { return Ok(ExitCode::from(1)) };
    let Some(file) = &options.from_file else { return skip(&store).await };
    let (database, notices) = database_url_in(file).map_err(|fault| anyhow::anyhow!("--from-file: {fault}"))?;
    for notice in notices {
        tracing::warn!(notice, "--from-file");
    }
    let original = Original::open(&database.url).await.context("--from-file")?;
    let rules = import::Options {
        root: &loaded.settings.root_domain,
        groups: &loaded.settings.saml.groups,
        certificate: &read_certificate,
    };
    let report = if options.apply {
        import::apply(&store, &original, &rules).await
    } else {
        import::look(&store, &original, &rules).await
    };
    original.close().await;
    let report = report?;
    print!("{}", report::text(&report, report::Length::Short));
    if let Some(path) = &options.report {
        let text = report::text(&report, report::Length::Whole);
        std::fs::write(path, text).with_context(|| format!("--report {}", path.display()))?;
    }
    println!("\n{}", ending(&report, options.apply, import::progress(&store).await?));
    Ok(ExitCode::SUCCESS)
}

fn ending(report: &Report, applied: bool, progress: Progress) -> String {
    match (applied, report.counts.to_do, progress) {
        (_, 0, Progress::Finished(at)) => format!("Nothing is left to do: the import came to its end on {}.", at.date()),
        (true, ..) => {
            "The rows are here. Publishing is paused: see what `starchart reconcile --adopt` would change, then approve \
             its plan."
                .to_owned()
        }
        (false, ..) => "Nothing was written. With --apply it is done.".to_owned(),
    }
}

async fn skip(store: &Store) -> anyhow::Result<ExitCode> {
    if import::skip(store).await? {
        println!("No import is wanted: noted. The original's tables are left as they are.");
        return Ok(ExitCode::SUCCESS);
    }
    anyhow::bail!("an import was begun already; nothing was noted")
}

/// Reads a certificate of the original and compares it with its key.
fn read_certificate(key: &Secret, certificate: &str, chain: &str) -> Result<Issued, String> {
    let alone = chain::split(certificate).map_err(|fault| fault.to_string())?;
    let whole = match alone.intermediates.is_empty() {
        true => chain::split(&format!("{certificate}\n{chain}")).map_err(|fault| fault.to_string())?,
        false => alone,
    };
    match keys::matches(key, &whole.certificate) {
        Ok(true) => Ok(Issued {
            certificate: whole.certificate,
            chain: whole.intermediates,
            not_before: whole.leaf.not_before,
            not_after: whole.leaf.not_after,
        }),
        Ok(false) => Err("the private key is another certificate's".to_owned()),
        Err(fault) => Err(fault.to_string()),
    }
}
