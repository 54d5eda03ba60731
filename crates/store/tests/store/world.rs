//! A database of its own for each test, and the short words that tests use.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use sqlx::Connection as _;
use starchart_domain::names::{BaseDomain, Label, ReservedLabels, RootDomain};
use starchart_domain::plan::{NameToPublish, OwnedRrset, PublishedName, RefusedName};
use starchart_domain::record::{NewRecord, RecordForm, RecordId, RecordType};
use starchart_domain::rrset::RrsetData;
use starchart_domain::secret::Secret;
use starchart_domain::time::Timestamp;
use starchart_domain::ttl::{Ttl, TtlLimits};
use starchart_domain::user::{Groups, Identity, NameId, Subject, UserId};
use starchart_domain::words::WordFilter;
use starchart_store::lease::{self, Lease, LeaseName};
use starchart_store::records::{self, Record, RecordError};
use starchart_store::trail::AuditContext;
use starchart_store::zone::{self, NameAnswers};
use starchart_store::{ConnectOptions, Store, users};
use starchart_testkit::mariadb::TestDb;

/// Held until the test ends.
enum Database {
    File(tempfile::TempDir),
    Server(TestDb),
}

pub(crate) struct World {
    database: Database,
    pub(crate) store: Store,
    /// How far the store's clock is ahead, in milliseconds.
    offset: AtomicI64,
}

pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

impl World {
    pub(crate) async fn sqlite() -> Self {
        Self::migrated(Database::File(tempfile::tempdir().unwrap())).await
    }

    pub(crate) async fn mysql() -> Self {
        Self::migrated(Database::Server(TestDb::create().await)).await
    }

    async fn migrated(database: Database) -> Self {
        let store = Store::connect(&options(&database)).await.unwrap();
        store.migrate().await.unwrap();
        Self {
            database,
            store,
            offset: AtomicI64::new(0),
        }
    }

    /// A handle with connections and a clock of its own, as another process has.
    pub(crate) async fn another(&self) -> Store {
        Store::connect(&options(&self.database)).await.unwrap()
    }

    /// Runs a statement behind the store's back.
    pub(crate) async fn run(&self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        match &self.database {
            Database::File(_) => {
                let mut db = sqlx::SqliteConnection::connect(&self.url()).await?;
                sqlx::raw_sql(sql).execute(&mut db).await.map(drop)
            }
            Database::Server(_) => {
                let mut db = sqlx::MySqlConnection::connect(&self.url()).await?;
                sqlx::raw_sql(sql).execute(&mut db).await.map(drop)
            }
        }
    }

    /// The one number that a query gives.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        match &self.database {
            Database::File(_) => {
                let mut db = sqlx::SqliteConnection::connect(&self.url()).await.unwrap();
                sqlx::query_scalar(sql).fetch_one(&mut db).await.unwrap()
            }
            Database::Server(_) => {
                let mut db = sqlx::MySqlConnection::connect(&self.url()).await.unwrap();
                sqlx::query_scalar(sql).fetch_one(&mut db).await.unwrap()
            }
        }
    }

    pub(crate) fn url(&self) -> String {
        url(&self.database)
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self.database, Database::File(_))
    }

    /// Creates a user with the label of this name.
    pub(crate) async fn user(&self, name: &str) -> TestUser {
        let user = users::sign_in(&self.store, &identity(name)).await.unwrap();
        let label = Label::from_username(name, &ReservedLabels::default()).unwrap();
        users::claim_label(&self.store, user.id, &label)
            .await
            .unwrap();
        let context = AuditContext {
            actor: user.id,
            on_behalf_of: None,
            token: None,
            request_id: "request",
        };
        TestUser {
            id: user.id,
            base: root().base(&label),
            context,
        }
    }

    pub(crate) async fn create(
        &self,
        who: &TestUser,
        name: &str,
        kind: &str,
        value: &str,
    ) -> Result<Record, RecordError> {
        records::create(
            &self.store,
            who.id,
            &who.record(name, kind, value),
            None,
            &who.context,
        )
        .await
    }

    /// Creates the record that most tests begin with: `www`, A, 192.168.1.1.
    pub(crate) async fn create_www(&self, who: &TestUser) -> Record {
        self.create(who, "www", "A", "192.168.1.1").await.unwrap()
    }

    pub(crate) async fn edit(
        &self,
        who: &TestUser,
        id: RecordId,
        name: &str,
        kind: &str,
        value: &str,
    ) -> Result<Record, RecordError> {
        let new = who.record(name, kind, value);
        records::edit(&self.store, who.id, id, &new, &who.context).await
    }

    pub(crate) async fn delete(&self, who: &TestUser, id: RecordId) -> Result<Record, RecordError> {
        records::delete(&self.store, who.id, id, &who.context).await
    }

    pub(crate) async fn renew(&self, who: &TestUser, id: RecordId) -> Result<Record, RecordError> {
        records::renew(&self.store, who.id, id, &who.context).await
    }

    pub(crate) async fn renew_all(&self, who: &TestUser) {
        for record in records::list(&self.store, who.id).await.unwrap() {
            self.renew(who, record.id).await.unwrap();
        }
    }

    /// So many days after the test began.
    pub(crate) fn at_days(&self, days: f64) {
        self.shift((days * DAY_MS as f64) as i64);
    }

    /// At the beginning of a day, that many days after this one.
    pub(crate) async fn at_start_of_day(&self, days: i64) {
        self.shift(0);
        let today = self.store.now().await.unwrap().as_millis();
        self.shift((today / DAY_MS + days) * DAY_MS - today + 1);
    }

    /// Sets the clock to this time.
    pub(crate) async fn at(&self, time: Timestamp) {
        self.shift(0);
        self.shift(time.since(self.store.now().await.unwrap()));
    }

    /// So much later than the clock stands.
    pub(crate) fn later(&self, millis: i64) {
        self.shift(self.offset.load(Ordering::SeqCst) + millis);
    }

    fn shift(&self, millis: i64) {
        self.offset.store(millis, Ordering::SeqCst);
        self.store.set_clock_offset(millis);
    }

    /// Copies the user's one record until there are `count`, all ending at the same moment.
    pub(crate) async fn copies(&self, who: &TestUser, count: usize) {
        for n in 1..count {
            let columns = "class, user_id, type, input, presentation, value_hash, ttl, \
                           created_at, updated_at, expires_at";
            let name = format!("copy{n}.{}", who.base);
            self.run(&format!(
                "INSERT INTO names (fqdn, user_id, class, created_at, updated_at) \
                 VALUES ('{name}', {id}, 'other', 0, 0); \
                 INSERT INTO dns_records (fqdn, {columns}) SELECT '{name}', {columns} \
                 FROM dns_records WHERE user_id = {id} ORDER BY id LIMIT 1",
                id = who.id
            ))
            .await
            .unwrap();
        }
    }

    /// A record of the user that ends in a week.
    pub(crate) async fn due_now(&self, who: &TestUser, name: &str) {
        let made = self.create(who, name, "A", "192.168.1.1").await.unwrap();
        let end = self.store.now().await.unwrap().plus(7 * DAY_MS).as_millis();
        self.run(&format!(
            "UPDATE dns_records SET expires_at = {end} WHERE id = {}",
            made.id.0
        ))
        .await
        .unwrap();
    }

    /// A certificate of the user that is valid from this moment for so many days.
    pub(crate) async fn certificate(&self, who: &TestUser, days: i64) {
        let now = self.store.now().await.unwrap();
        let end = now.plus(days * DAY_MS).as_millis();
        self.run(&format!(
            "INSERT INTO certificates (user_id, domain, state, certificate, chain, key_id, \
             key_nonce, key_ciphertext, not_before, not_after, renew_at, created_at) \
             VALUES ({}, '{}', 'active', 'c', 'c', 'one', 'n', 'k', {now}, {end}, {end}, {now})",
            who.id,
            who.base,
            now = now.as_millis()
        ))
        .await
        .unwrap();
    }

    /// The whole ownership registry: name and set, by name.
    pub(crate) async fn owned(&self) -> Vec<(String, OwnedRrset)> {
        let owned = zone::read_snapshot(&self.store)
            .await
            .unwrap()
            .owned
            .into_iter();
        owned
            .flat_map(|(name, sets)| sets.into_iter().map(move |set| (name.clone(), set)))
            .collect()
    }

    pub(crate) async fn lease(&self) -> Lease {
        lease::acquire(&self.store, LeaseName::Publish, "one", 15_000)
            .await
            .unwrap()
            .unwrap()
    }

    /// Reads the names that publish would work on.
    pub(crate) async fn unpublished(&self) -> Vec<NameToPublish> {
        let names = zone::list_unpublished(&self.store, 10).await.unwrap();
        zone::read_work(&self.store, &names).await.unwrap()
    }

    /// Reads what publish needs to know about a name.
    pub(crate) async fn work(&self, fqdn: &str) -> NameToPublish {
        zone::read_work(&self.store, &[fqdn.to_owned()])
            .await
            .unwrap()
            .remove(0)
    }

    /// Commits that the sets of a name are about to be sent.
    pub(crate) async fn intend(&self, lease: &Lease, name: &PublishedName) {
        let is_written = zone::intend(&self.store, lease, 0, std::slice::from_ref(name)).await;
        assert!(is_written.unwrap());
    }

    /// Publishes the name as the worker does when all goes well.
    pub(crate) async fn publish(&self, lease: &Lease, fqdn: &str, change: &str) -> PublishedName {
        let outcome = self.outcome(fqdn).await;
        self.intend(lease, &outcome).await;
        assert!(
            zone::confirm(
                &self.store,
                lease,
                std::slice::from_ref(&outcome),
                Some(change)
            )
            .await
            .unwrap()
        );
        outcome
    }

    /// Milliseconds until the next attempt at a refused name.
    pub(crate) async fn next_attempt_in(&self) -> i64 {
        let at = self.number("SELECT MIN(next_attempt_at) FROM names").await;
        at - self.store.now().await.unwrap().as_millis()
    }

    /// What the zone holds once everything wanted at this name was sent.
    pub(crate) async fn outcome(&self, fqdn: &str) -> PublishedName {
        let work = self.work(fqdn).await;
        let mut sets: Vec<_> = work
            .desired
            .iter()
            .map(|set| (set.rtype, Some(set.body.clone())))
            .collect();
        let gone = work
            .owned
            .iter()
            .filter(|owned| !work.desired.iter().any(|set| set.rtype == owned.rtype));
        sets.extend(gone.map(|owned| (owned.rtype, None)));
        PublishedName {
            name: work.name,
            generation: work.generation,
            sets,
        }
    }
}

fn url(database: &Database) -> String {
    match database {
        Database::File(folder) => {
            format!("sqlite://{}", folder.path().join("starchart.db").display())
        }
        Database::Server(server) => server.url(),
    }
}

/// A line of KEY_ENCRYPTION_KEYS for each of these ids; `one` is that of [`World::store`].
pub(crate) fn encryption_key(id: &str) -> (String, Secret) {
    let key = match id {
        "one" => "ZGV2ZWxvcG1lbnQgb25seTogMzIgYnl0ZXMsIG9uZSE=",
        _ => "ZGV2ZWxvcG1lbnQgb25seTogMzIgYnl0ZXMsIHR3byE=",
    };
    (id.to_owned(), Secret::new(key))
}

fn options(database: &Database) -> ConnectOptions {
    ConnectOptions {
        max_connections: Some(8),
        key_encryption_keys: vec![encryption_key("one")],
        ..ConnectOptions::new(Secret::new(url(database)))
    }
}

/// A user with a base domain.
pub(crate) struct TestUser {
    pub(crate) id: UserId,
    pub(crate) base: BaseDomain,
    /// For what the user does without an impersonation.
    pub(crate) context: AuditContext<'static>,
}

impl TestUser {
    pub(crate) fn record(&self, name: &str, kind: &str, value: &str) -> NewRecord {
        let form = RecordForm {
            name: name.into(),
            rtype: kind.into(),
            input: value.into(),
            ..RecordForm::default()
        };
        form.check(&self.base, &WordFilter::default(), &TtlLimits::default())
            .unwrap()
    }

    /// Makes an MX record with a preference.
    pub(crate) fn mx(&self, name: &str, preference: &str, host: &str) -> NewRecord {
        let form = RecordForm {
            name: name.into(),
            rtype: "MX".into(),
            input: host.into(),
            parts: BTreeMap::from([("priority", preference.to_owned())]),
            ..RecordForm::default()
        };
        form.check(&self.base, &WordFilter::default(), &TtlLimits::default())
            .unwrap()
    }

    pub(crate) fn fqdn(&self, name: &str) -> String {
        format!("{name}.{}", self.base)
    }
}

pub(crate) fn root() -> RootDomain {
    RootDomain::parse("starchart.com").unwrap()
}

pub(crate) fn identity(name: &str) -> Identity {
    Identity {
        subject: Subject::parse(name).unwrap(),
        username: name.to_owned(),
        display_name: "Johannes Kepler".to_owned(),
        email: "user1@starchart.com".to_owned(),
        groups: Groups {
            student: true,
            ..Groups::default()
        },
        name_id: Some(name_id()),
        session_index: Some("_session".to_owned()),
    }
}

pub(crate) fn name_id() -> NameId {
    let some = |text: &str| Some(text.to_owned());
    NameId {
        value: "_nameid".to_owned(),
        format: some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"),
        name_qualifier: some("https://idp.example/metadata"),
        sp_name_qualifier: some("https://names.example/sp"),
        sp_provided_id: some("7"),
    }
}

pub(crate) fn body(values: &[&str]) -> RrsetData {
    RrsetData {
        ttl: Ttl::DEFAULT.as_seconds(),
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    }
}

pub(crate) fn outcome(
    name: &str,
    generation: i64,
    sets: &[(RecordType, Option<RrsetData>)],
) -> PublishedName {
    PublishedName {
        name: name.to_owned(),
        generation,
        sets: sets.to_vec(),
    }
}

pub(crate) fn refused(
    name: &str,
    generation: i64,
    rtype: Option<RecordType>,
    reason: &str,
) -> [RefusedName; 1] {
    [RefusedName {
        name: name.to_owned(),
        generation,
        rtype,
        reason: reason.to_owned(),
    }]
}

pub(crate) fn answers(name: &str, generation: i64, by: u32, of: u32) -> [NameAnswers; 1] {
    [NameAnswers {
        fqdn: name.to_owned(),
        generation,
        by,
        of,
    }]
}
