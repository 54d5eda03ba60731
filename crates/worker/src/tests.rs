//! What the tests of the jobs share: a database, an in-memory DNS provider with a name server, a
//! certificate authority and a mail server, all in this process.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

pub(crate) mod authority;
pub(crate) mod mail_server;
mod name_server;
pub(crate) mod provider;
mod simulated_year;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sqlx::Connection as _;
use starchart_dns::engine::zone_verifier::ZoneVerifier;
use starchart_dns::propagation::Propagation;
use starchart_domain::certificate::budget::IssuanceLimits;
use starchart_domain::names::{BaseDomain, Label, ReservedLabels, RootDomain};
use starchart_domain::record::RecordForm;
use starchart_domain::secret::Secret;
use starchart_domain::timers::Timers;
use starchart_domain::ttl::TtlLimits;
use starchart_domain::user::{Groups, Identity, Subject, UserId};
use starchart_domain::words::WordFilter;
use starchart_jobs::{InProcessQueue, Outcome, Queue, WakeUp};
use starchart_store::certificates;
use starchart_store::lease::{self, Lease, LeaseName};
use starchart_store::records::{self, Record};
use starchart_store::trail::AuditContext;
use starchart_store::{ConnectOptions, Store, users};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::job::{Job, run_once};
use crate::jobs::certificate::Certificate;
use crate::jobs::publish::Publish;
use crate::jobs::track::Track;

use authority::ScriptedAuthority;
use provider::ScriptedProvider;

pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Longer than a new mail waits for further items.
pub(crate) const MAIL_GATHERED_MS: i64 = 6_000;

/// The parts of one process with background jobs.
pub(crate) struct World {
    pub(crate) context: Context,
    pub(crate) provider: Arc<ScriptedProvider>,
    pub(crate) authority: Arc<ScriptedAuthority>,
    queue: Arc<InProcessQueue>,
    /// The address of the zone's name server.
    pub(crate) name_server: SocketAddr,
    /// How far the store's clock is ahead, in milliseconds.
    offset: Arc<AtomicI64>,
    url: String,
    _folder: tempfile::TempDir,
}

impl World {
    /// Starts a process with an empty database and zone. Mail is off.
    pub(crate) async fn new() -> Self {
        // In memory where there is such a folder: some tests write thousands of transactions.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let folder = folder.unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        let key = Secret::new("ZGV2ZWxvcG1lbnQgb25seTogMzIgYnl0ZXMsIG9uZSE=");
        let store = Store::connect(&ConnectOptions {
            max_connections: Some(8),
            key_encryption_keys: vec![("one".to_owned(), key)],
            ..ConnectOptions::new(Secret::new(url.clone()))
        })
        .await
        .unwrap();
        store.migrate().await.unwrap();
        let root = RootDomain::parse("starchart.com").unwrap();
        let provider = Arc::new(ScriptedProvider::new(root.as_str()));
        let offset = Arc::new(AtomicI64::new(0));
        let authority = ScriptedAuthority::new(Arc::clone(&provider), Arc::clone(&offset));
        let authority = Arc::new(authority);
        let queue = Arc::new(InProcessQueue::default());
        let name_server = name_server::start(Arc::clone(&provider)).await;
        let context = Context {
            store,
            root: root.clone(),
            provider: Arc::clone(&provider) as _,
            zone_verifier: Arc::new(ZoneVerifier::new(root)),
            propagation: Arc::new(Propagation::new(vec![name_server.to_string()])),
            resolvers: Vec::new(),
            authority: Some(Arc::clone(&authority) as _),
            issuance: IssuanceLimits::default(),
            mailer: None,
            outages: Arc::default(),
            timers: Timers {
                sweep: Duration::from_secs(2),
                expiration_every: Duration::from_secs(86_400),
                audit_every: Duration::from_secs(3_600),
                job_removal_every: Duration::from_secs(7 * 86_400),
            },
            queue: Arc::clone(&queue) as _,
            holder: "one".to_owned(),
            stop: CancellationToken::new(),
        };
        Self {
            context,
            provider,
            authority,
            queue,
            name_server,
            offset,
            url,
            _folder: folder,
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.context.store
    }

    /// Runs a job once, as the runner does.
    pub(crate) async fn run<J: Job>(&self, job: &J) -> Outcome {
        run_once(job, &self.context).await
    }

    /// Moves the database's clock forward.
    pub(crate) fn later(&self, ms: i64) {
        let offset = self.offset.fetch_add(ms, Ordering::SeqCst) + ms;
        self.store().set_clock_offset(offset);
    }

    /// Returns the wake-ups that were sent since the last call.
    pub(crate) async fn woken(&self) -> Vec<WakeUp> {
        let mut woken = Vec::new();
        while let Ok(wake_up) =
            tokio::time::timeout(Duration::from_millis(1), self.queue.next()).await
        {
            woken.push(wake_up);
        }
        woken
    }

    /// Acquires a lease as this process does.
    pub(crate) async fn lease(&self, name: LeaseName) -> Lease {
        let acquired = lease::acquire(self.store(), name, "one", 60_000).await;
        acquired.unwrap().unwrap()
    }

    /// Acquires a lease as another process; `None` while it is held.
    pub(crate) async fn other_lease(&self, name: LeaseName) -> Option<Lease> {
        lease::acquire(self.store(), name, "two", 60_000)
            .await
            .unwrap()
    }

    /// Creates a user with a label of this name.
    pub(crate) async fn user(&self, name: &str) -> TestUser {
        let identity = Identity {
            subject: Subject::parse(name).unwrap(),
            username: name.to_owned(),
            display_name: "Johannes Kepler".to_owned(),
            email: format!("{name}@school.example"),
            groups: Groups {
                student: true,
                ..Groups::default()
            },
            name_id: None,
            session_index: None,
        };
        let user = users::sign_in(self.store(), &identity).await.unwrap();
        let label = Label::from_username(name, &ReservedLabels::default()).unwrap();
        users::claim_label(self.store(), user.id, &label)
            .await
            .unwrap();
        TestUser {
            id: user.id,
            base: self.context.root.base(&label),
        }
    }

    /// Creates a record; panics when it has a fault.
    pub(crate) async fn record(
        &self,
        user: &TestUser,
        name: &str,
        rtype: &str,
        value: &str,
    ) -> Record {
        let form = RecordForm {
            name: name.into(),
            rtype: rtype.into(),
            input: value.into(),
            ..RecordForm::default()
        };
        let record = form
            .check(&user.base, &WordFilter::default(), &TtlLimits::default())
            .unwrap();
        records::create(self.store(), user.id, &record, None, &user.audit_context())
            .await
            .unwrap()
    }

    /// Publishes until nothing is left to publish now.
    pub(crate) async fn publish(&self) {
        for _ in 0..20 {
            if self.run(&Publish).await == Outcome::Done {
                return;
            }
        }
        panic!("publishing does not end");
    }

    /// Requests a certificate for the user's domain.
    pub(crate) async fn request_certificate(&self, user: &TestUser) {
        let domain = user.base.as_str();
        certificates::request(self.store(), user.id, domain, 3, &user.audit_context())
            .await
            .unwrap();
    }

    /// Advances orders, publishes and tracks for so many rounds, two seconds apart.
    pub(crate) async fn advance_orders(&self, rounds: u32) {
        for _ in 0..rounds {
            self.run(&Certificate).await;
            self.publish().await;
            self.run(&Track).await;
            self.later(2_000);
        }
    }

    /// Advances the user's order until its certificate is issued, and returns the certificate.
    pub(crate) async fn issue_certificate(&self, user: &TestUser) -> certificates::Certificate {
        self.advance_orders(5).await;
        let overview = certificates::load_overview(self.store(), user.id).await;
        overview.unwrap().active.unwrap()
    }

    /// Runs a statement behind the store's back.
    pub(crate) async fn sql(&self, sql: &str) {
        let mut db = sqlx::SqliteConnection::connect(&self.url).await.unwrap();
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut db).await.unwrap();
    }

    /// Returns the number that a query yields.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let mut db = sqlx::SqliteConnection::connect(&self.url).await.unwrap();
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        sqlx::query_scalar(sql).fetch_one(&mut db).await.unwrap()
    }
}

/// A user with a domain.
pub(crate) struct TestUser {
    pub(crate) id: UserId,
    pub(crate) base: BaseDomain,
}

impl TestUser {
    pub(crate) fn fqdn(&self, name: &str) -> String {
        format!("{name}.{}", self.base)
    }

    pub(crate) fn audit_context(&self) -> AuditContext<'static> {
        AuditContext {
            actor: self.id,
            on_behalf_of: None,
            token: None,
            request_id: "test",
        }
    }
}
