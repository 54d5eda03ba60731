//! `starchart demo`: runs everything on this machine, with its own identity provider, name server
//! and certificate authority.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use starchart_demo::{DEMO_USERS, DemoAuthority, IdentityProvider, NameServer, open_zone};
use starchart_dns::provider::memory::Memory;
use starchart_jobs::InProcessQueue;
use starchart_mail::Mailer;
use starchart_settings::{Settings, Sources};
use tokio::sync::oneshot;

use super::keys;
use crate::boot::{self, Service};
use crate::role::Role;

const ROOT: &str = "starchart.com";
const GROUP_PREFIX: &str = "mycustomdomain";

/// Run everything on this machine.
#[derive(Args)]
pub(crate) struct Options {
    /// The folder for the demo's data, kept between starts.
    #[arg(long, value_name = "FOLDER", default_value = ".demo")]
    data: PathBuf,
    /// Start with an empty folder: delete the data of earlier starts.
    #[arg(long)]
    fresh: bool,
    /// The port of the web pages; 0 selects a free port.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The port of the identity provider; 0 selects a free port.
    #[arg(long, default_value_t = 8081)]
    idp_port: u16,
    /// The port of the name server, UDP and TCP; 0 selects a free port.
    #[arg(long, default_value_t = 8053)]
    dns_port: u16,
    /// The maximum of records for each user.
    #[arg(long, default_value_t = 10)]
    limit: u32,
    /// The validity of certificates in days; up to 10 days, they have no subject.
    #[arg(
        long,
        value_name = "DAYS",
        default_value_t = 90,
        value_parser = clap::value_parser!(u16).range(1..=825)
    )]
    certificate_days: u16,
    /// Print one line of JSON when ready, instead of text.
    #[arg(long)]
    json: bool,
    /// The log level: error, warn, info, debug or trace.
    #[arg(long, default_value = "warn")]
    log_level: String,
}

/// The files of the demo in its folder.
const FILES: [&str; 10] = [
    "starchart.db",
    "starchart.db-wal",
    "starchart.db-shm",
    "starchart.db.migrate-lock",
    "zone.json",
    "zone.new",
    "idp-key.pem",
    "idp-certificate.pem",
    "idp-metadata.xml",
    "secrets/KEY_ENCRYPTION_KEYS",
];

pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    crate::telemetry::start(&options.log_level, false);
    let data = &options.data;
    let _lock = lock_folder(data)?;
    if options.fresh {
        for file in FILES.into_iter().chain(DemoAuthority::FILES) {
            remove(&data.join(file))?;
        }
        remove_folder(&data.join("mail"))?;
    }
    let port = free_port(options.port).context("--port")?;
    let app_url = format!("http://localhost:{port}");
    let peers = Peers::start(&options, &app_url).await?;
    let authority = DemoAuthority::open(data, peers.server.address(), options.certificate_days)?;
    let announced = Announced {
        url: app_url,
        idp: peers.idp.url().to_owned(),
        inbox: peers.idp.inbox_url(),
        names: peers.server.address(),
        ca_root: std::path::absolute(authority.root_path())?,
    };
    encryption_key(data)?;
    let (ready, is_ready) = oneshot::channel();
    let service = service(&options, port, &announced.url, &peers, authority, ready)?;
    let announcing = tokio::spawn(announce(is_ready, options.json, announced));
    let code = boot::serve(service).await;
    announcing.abort();
    code
}

/// Creates the folder for the demo's data and locks it against another demo. Dropping the file
/// unlocks it.
fn lock_folder(data: &Path) -> anyhow::Result<File> {
    std::fs::create_dir_all(data)
        .with_context(|| format!("--data: {} cannot be made", data.display()))?;
    let lock = File::create(data.join("demo.lock"))
        .with_context(|| format!("--data: {}", data.display()))?;
    if lock.try_lock().is_err() {
        anyhow::bail!(
            "--data: another demo is running on {}; stop it, or choose another folder",
            data.display()
        );
    }
    Ok(lock)
}

/// The servers that a laptop lacks. They stop when this is dropped.
struct Peers {
    idp: IdentityProvider,
    /// The file for `SAML_IDP_METADATA_PATH`.
    idp_metadata: PathBuf,
    zone: Arc<Memory>,
    server: NameServer,
    /// The folder of the inbox.
    mails: PathBuf,
}

impl Peers {
    async fn start(options: &Options, app_url: &str) -> anyhow::Result<Self> {
        let data = &options.data;
        let mails = data.join("mail");
        let idp = IdentityProvider::start(
            loopback(options.idp_port),
            app_url,
            GROUP_PREFIX,
            data,
            &mails,
        )
        .await
        .context("--idp-port")?;
        let idp_metadata = data.join("idp-metadata.xml");
        std::fs::write(&idp_metadata, idp.metadata())
            .with_context(|| format!("writing {}", idp_metadata.display()))?;
        let zone = Arc::new(open_zone(ROOT, &data.join("zone.json"))?);
        let server = NameServer::start(Arc::clone(&zone), loopback(options.dns_port))
            .await
            .context("--dns-port")?;
        Ok(Self {
            idp,
            idp_metadata,
            zone,
            server,
            mails,
        })
    }
}

/// Assembles the server process from the demo's settings and servers.
fn service(
    options: &Options,
    port: u16,
    app_url: &str,
    peers: &Peers,
    authority: DemoAuthority,
    ready: oneshot::Sender<SocketAddr>,
) -> anyhow::Result<Service> {
    let names = peers.server.address();
    let settings = settings(options, port, app_url, &peers.idp_metadata, names)?;
    let saml = Arc::new(crate::wire::saml(&settings, crate::wire::clock())?);
    let theme = crate::wire::mail::mail_theme(&settings);
    let mailer = Mailer::folder(theme, &format!("starchart@{ROOT}"), &peers.mails)?;
    Ok(Service {
        settings,
        role: Role::All,
        saml,
        provider: Arc::<Memory>::clone(&peers.zone),
        certificates: Ok(Arc::new(authority) as Arc<_>),
        mailer: Some(Arc::new(mailer)),
        queue: Arc::new(InProcessQueue::default()),
        ready: Some(ready),
    })
}

/// Reads the demo's settings with the code that reads an operator's.
fn settings(
    options: &Options,
    port: u16,
    app_url: &str,
    metadata: &Path,
    names: SocketAddr,
) -> anyhow::Result<Settings> {
    let database = std::path::absolute(options.data.join("starchart.db"))?;
    let variables: BTreeMap<String, String> = [
        ("STARCHART_ENV", "test".to_owned()),
        ("APP_URL", app_url.to_owned()),
        ("PORT", port.to_string()),
        ("LOG_LEVEL", options.log_level.clone()),
        ("ROOT_DOMAIN", ROOT.to_owned()),
        ("DATABASE_URL", format!("sqlite://{}", database.display())),
        ("REDIS_URL", "memory".to_owned()),
        ("DNS_SERVERS", names.to_string()),
        (
            "SAML_IDP_METADATA_PATH",
            std::path::absolute(metadata)?.display().to_string(),
        ),
        ("SAML_GROUP_PREFIX", GROUP_PREFIX.to_owned()),
        (
            "SESSION_SECRET",
            format!(
                "{:032x}{:032x}",
                rand::random::<u128>(),
                rand::random::<u128>()
            ),
        ),
        ("USER_DNS_RECORD_LIMIT", options.limit.to_string()),
        ("DRAIN_S", "0".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let sources = Sources {
        variables,
        env_file: None,
        folder: options.data.clone(),
        secrets: options.data.join("secrets"),
    };
    Ok(Settings::read(&sources)?.settings)
}

/// Creates the demo's key that encrypts private keys in its database, at the first start in this
/// folder.
fn encryption_key(data: &Path) -> anyhow::Result<()> {
    let secrets = data.join("secrets");
    std::fs::create_dir_all(&secrets)
        .with_context(|| format!("--data: {} cannot be made", secrets.display()))?;
    let path = secrets.join(keys::ENCRYPTION);
    if path.exists() {
        Ok(())
    } else {
        keys::store(&path, &keys::encryption_key("development"))
    }
}

/// The addresses and files that the demo prints when it is ready.
struct Announced {
    url: String,
    idp: String,
    inbox: String,
    names: SocketAddr,
    ca_root: PathBuf,
}

async fn announce(ready: oneshot::Receiver<SocketAddr>, json: bool, announced: Announced) {
    let Announced {
        url,
        idp,
        inbox,
        names,
        ca_root,
    } = announced;
    if ready.await.is_err() {
        return;
    }
    if json {
        let users: Vec<_> = DEMO_USERS
            .iter()
            .map(|user| serde_json::json!({"username": user.username, "password": user.password}))
            .collect();
        let line = serde_json::json!({
            "url": url,
            "idp": idp,
            "inbox": inbox,
            "dns": names.to_string(),
            "root": ROOT,
            "ca_root": ca_root,
            "users": users,
        });
        println!("{line}");
        return;
    }
    println!("\nStarchart is ready:  {url}\n");
    println!("Sign in as one of these (the identity provider is {idp}):");
    for user in DEMO_USERS {
        println!(
            "  {:<10} {:<12} {} ({})",
            user.username,
            user.password,
            user.display_name,
            user.groups.join(", ")
        );
    }
    println!("\nMail to them arrives here:  {inbox}");
    println!("\nMake the record www of user1, then ask the name server:");
    println!(
        "  dig @{} -p {} www.user1.{ROOT}\n",
        names.ip(),
        names.port()
    );
    println!(
        "Request its certificate, download certificate and chain, then check them against the \
         demo's own authority:"
    );
    println!(
        "  openssl verify -CAfile {} -untrusted user1.{ROOT}.chain.pem \
         user1.{ROOT}.certificate.pem\n",
        ca_root.display()
    );
    println!("Ctrl-C stops the demo; its data is kept, --fresh deletes it at the next start.");
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Returns the port if it can be opened, or a free port for 0.
fn free_port(port: u16) -> anyhow::Result<u16> {
    let listener = TcpListener::bind(loopback(port))
        .with_context(|| format!("port {port} is taken; choose another"))?;
    Ok(listener.local_addr()?.port())
}

fn remove_folder(folder: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("--fresh: {} cannot be removed", folder.display()))
        }
        _ => Ok(()),
    }
}

fn remove(file: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("--fresh: {} cannot be removed", file.display()))
        }
        _ => Ok(()),
    }
}
