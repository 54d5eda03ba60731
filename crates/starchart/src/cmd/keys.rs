//! `starchart keys`: generates the two secrets that certificates need, and re-encrypts the private
//! keys in the database under a new one.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use starchart_domain::plural::pluralize;
use starchart_domain::secret::Secret;
use starchart_settings::{Settings, Sources};
use starchart_store::Store;
use starchart_store::certificates::rotation;

const ACCOUNT: &str = "LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM";
pub(crate) const ENCRYPTION: &str = "KEY_ENCRYPTION_KEYS";

/// What to do with keys.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Generate the secrets, and print the commands that store them.
    New(Options),
    /// Encrypt every private key in the database under the first key of KEY_ENCRYPTION_KEYS, and
    /// print how many each key encrypts. Can be stopped and run again, also while the servers run.
    /// Exit code 0: the other keys are not needed any more, 1: some are.
    Rotate,
}

/// Generate the secrets, and print the commands that store them.
#[derive(Args)]
pub(crate) struct Options {
    /// The id of the encryption key: 1 to 32 letters, digits, - or _. Default: today's date.
    #[arg(long, value_name = "ID", value_parser = id)]
    id: Option<String>,
    /// Write the secrets into files in this folder, readable by their owner only, instead of
    /// printing them.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

pub(crate) async fn run(env_file: Option<PathBuf>, verb: Verb) -> anyhow::Result<ExitCode> {
    match verb {
        Verb::New(options) => new(options),
        Verb::Rotate => rotate(env_file).await,
    }
}

async fn rotate(env_file: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let settings = Settings::read(&Sources::from_process(env_file))?.settings;
    let store = Store::connect(&crate::wire::connect_options(&settings))
        .await
        .context("the database cannot be reached")?;
    super::schema_fits(&store).await?;
    let stale = rotation::list_stale_keys(&store).await?;
    let mut reencrypted: u64 = 0;
    for key in stale {
        match rotation::reencrypt(&store, key).await {
            Ok(done) => reencrypted += u64::from(done),
            // The other keys do not suffer from it.
            Err(error) if rotation::is_of_one_key(&error) => {
                eprintln!("{key}: {error}");
            }
            Err(error) => return Err(error.into()),
        }
    }
    println!(
        "Re-encrypted {}.",
        pluralize(reencrypted, "private key", "private keys")
    );
    let counts = rotation::count_by_encryption_key(&store).await?;
    for (id, keys) in &counts {
        println!("{id}: {}", pluralize(*keys, "private key", "private keys"));
    }
    let others = counts.get(1..).unwrap_or_default();
    let needed: Vec<&str> = others
        .iter()
        .filter(|(_, keys)| *keys > 0)
        .map(|(id, _)| id.as_str())
        .collect();
    if !needed.is_empty() {
        println!("Still needed: {}.", needed.join(", "));
        return Ok(ExitCode::FAILURE);
    }
    if !others.is_empty() {
        println!(
            "The first key encrypts all. Once every replica has it, remove the other lines of \
             {ENCRYPTION}."
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn new(Options { id, folder }: Options) -> anyhow::Result<ExitCode> {
    let account = starchart_acme::keys::generate()?;
    let encryption = encryption_key(&id.unwrap_or_else(|| crate::wire::clock().date()));
    match folder {
        Some(folder) => {
            fits(&folder)?;
            for (name, secret) in [(ACCOUNT, &account), (ENCRYPTION, &encryption)] {
                let path = folder.join(name);
                store(&path, secret)?;
                println!("{}", path.display());
            }
        }
        None => print(&account, &encryption),
    }
    Ok(ExitCode::SUCCESS)
}

/// Verifies before the first write that both secrets can be written.
fn fits(folder: &Path) -> anyhow::Result<()> {
    let shown = folder.display();
    match folder.metadata() {
        Ok(found) if !found.is_dir() => bail!("--folder: {shown} is a file; name a folder"),
        Ok(_) => {}
        Err(error) => bail!(
            "--folder: {shown} cannot be used ({error}); make the folder first: mkdir -m 700 \
             {shown}"
        ),
    }
    let there: Vec<&str> = [ACCOUNT, ENCRYPTION]
        .into_iter()
        .filter(|name| folder.join(name).exists())
        .collect();
    if !there.is_empty() {
        let are = if there.len() == 1 { "is" } else { "are" };
        let there = there.join(" and ");
        bail!(
            "--folder: {there} {are} in {shown} already, and no key is overwritten: what it \
             sealed or registered could not be used \
             any more. Name an empty folder"
        );
    }
    Ok(())
}

/// A line of KEY_ENCRYPTION_KEYS: an id and 32 random bytes.
pub(crate) fn encryption_key(id: &str) -> Secret {
    Secret::new(format!(
        "{id}:{}\n",
        STANDARD.encode(rand::random::<[u8; 32]>())
    ))
}

/// Writes a secret to a new file that only its owner can read. One that is there already is not
/// touched.
pub(crate) fn store(path: &Path, secret: &Secret) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| {
            format!(
                "{} cannot be made; check the folder's owner and mode",
                path.display()
            )
        })?;
    file.write_all(secret.expose().as_bytes())
        .with_context(|| format!("writing {}", path.display()))
}

fn print(account: &Secret, encryption: &Secret) {
    println!(
        "# The key of the account at the certificate authority (P-256). It is not tied to a \
         database; keep one for all."
    );
    println!("{}", command(ACCOUNT, account));
    println!(
        "# What encrypts private keys in the database. Keep a copy apart from the database's \
         backups: without it nobody can"
    );
    println!(
        "# read them. To change it, put a new line above the old ones; the first encrypts, all \
         decrypt."
    );
    println!("{}", command(ENCRYPTION, encryption));
    println!(
        "# For files instead: starchart keys new --folder FOLDER. Nothing was stored; each call \
         makes new keys."
    );
}

/// The command that stores a secret in a swarm.
fn command(name: &str, secret: &Secret) -> String {
    format!(
        "docker secret create {name} - <<'EOF'\n{}\nEOF\n",
        secret.expose().trim_end()
    )
}

fn id(text: &str) -> Result<String, String> {
    let good = (1..=32).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if good {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 32 letters, digits, - or _".to_owned())
    }
}
