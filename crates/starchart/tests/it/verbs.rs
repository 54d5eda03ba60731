//! Output and exit codes of the other verbs, and the crates of the production build.

use starchart_testkit::wait::eventually;

use crate::app::{ROOT, TestEnv};
use crate::truth::{Ended, ended, signed_in, verb, zone_equals_pages};

const SECRETS: [&str; 2] = ["a secret for tests", "AKIDSECRETID"];

fn no_secret(ended: &Ended) {
    for secret in SECRETS {
        assert!(!ended.all.contains(secret), "{secret}: {}", ended.all);
    }
}

#[tokio::test]
async fn check_config_lists_every_setting_with_its_source() {
    let env = TestEnv::new()
        .await
        .set("AWS_ACCESS_KEY_ID", "AKIDSECRETID");
    let checked = verb(&env, &["check-config"]).await;
    assert_eq!(checked.code, 0, "{}", checked.all);
    for (name, shown) in [
        ("ROOT_DOMAIN", ROOT),
        ("SESSION_SECRET", "***"),
        ("DATABASE_URL", "***"),
        ("AWS_ACCESS_KEY_ID", "***"),
    ] {
        let line = checked
            .out
            .lines()
            .find(|line| line.starts_with(name))
            .expect(name);
        assert!(
            line.contains(shown) && line.ends_with("(variable)"),
            "{line}"
        );
    }
    assert!(
        checked.out.contains("The settings are complete."),
        "{}",
        checked.out
    );
    no_secret(&checked);
    let port = checked
        .out
        .lines()
        .find(|line| line.starts_with("PORT "))
        .unwrap();
    assert!(port.ends_with("(default)"), "{port}");
}

#[tokio::test]
async fn all_faults_of_the_settings_are_reported_at_once() {
    let env = TestEnv::new()
        .await
        .set("AWS_ACCESS_KEY_ID", "AKIDSECRETID")
        .set("APP_URL", "http://names.school.example");
    let env = env
        .set("ROOT_DOMAIN", "")
        .set("PORT", "70000")
        .set("DRAIN_S", "soon")
        .set("DANGER_DATABASE_WIPE_REINITIALIZE", "yes");
    for verb in ["run", "check-config"] {
        let ended = ended(env.command(&[verb])).await;
        assert_eq!(ended.code, 2, "{}", ended.all);
        for name in ["APP_URL: ", "ROOT_DOMAIN: ", "PORT: ", "DRAIN_S: "] {
            assert!(ended.all.contains(name), "{name}: {}", ended.all);
        }
        assert!(
            ended
                .all
                .contains("DANGER_DATABASE_WIPE_REINITIALIZE: only 1 sets it")
        );
        assert!(
            ended.all.starts_with("5 settings are wrong:"),
            "{}",
            ended.all
        );
        no_secret(&ended);
    }
}

#[tokio::test]
async fn version_and_health() {
    let env = TestEnv::new().await;
    let version = verb(&env, &["version"]).await;
    assert_eq!(version.code, 0);
    assert!(
        version.out.starts_with(concat!(
            "starchart ",
            env!("CARGO_PKG_VERSION"),
            " (commit "
        )),
        "{}",
        version.out
    );

    let app = env.start().await;
    let health = |port: u16| {
        let mut command = env.command(&["health"]);
        command.env("PORT", port.to_string());
        ended(command)
    };
    let ready = health(app.port).await;
    assert_eq!(
        (ready.code, ready.out.as_str()),
        (0, "alive"),
        "{}",
        ready.all
    );
    let absent = health(starchart_testkit::server::free_port()).await;
    assert_eq!(absent.code, 1, "{}", absent.all);
    assert!(
        absent.all.contains("nothing answers on port"),
        "{}",
        absent.all
    );
    no_secret(&absent);
}

#[tokio::test]
async fn keys_rotate_reencrypts_private_keys_and_says_which_keys_are_needed() {
    const OLD: &str = "old:ZGV2ZWxvcG1lbnQgb25seTogMzIgYnl0ZXMsIG9uZSE=";
    const NEW: &str = "new:ZGV2ZWxvcG1lbnQgb25seTogMzIgYnl0ZXMsIHR3byE=";
    let rotate = async |env: &TestEnv| verb(env, &["keys", "rotate"]).await;
    let env = TestEnv::new().await.set("KEY_ENCRYPTION_KEYS", OLD);
    env.start().await;
    let empty = rotate(&env).await;
    assert_eq!(
        (empty.code, empty.out.as_str()),
        (0, "Re-encrypted 0 private keys.\nold: 0 private keys"),
        "{}",
        empty.all
    );

    let user = "INSERT INTO users (id, subject, username, label, display_name, email, \
                created_at, updated_at) VALUES (77, 's77', 'user77', 'user77', 'n', 'e', 1, 1)";
    env.db.run(user).await;
    let lost = "INSERT INTO certificates (user_id, domain, state, certificate, chain, key_id, \
                key_nonce, key_ciphertext, not_before, not_after, renew_at, created_at) \
                VALUES (77, 'd', 'active', 'c', 'c', 'lost', 'n', 'k', 1, 2, 2, 1)";
    env.db.run(lost).await;
    let env = env.set("KEY_ENCRYPTION_KEYS", &format!("{NEW}\n{OLD}"));
    let needed = rotate(&env).await;
    assert_eq!(needed.code, 1, "{}", needed.all);
    for text in [
        "has no key `lost`",
        "lost: 1 private key",
        "Still needed: lost.",
    ] {
        assert!(needed.all.contains(text), "{text}: {}", needed.all);
    }
    env.db.run("DELETE FROM certificates").await;
    let done = rotate(&env).await;
    assert!(
        done.code == 0
            && done
                .out
                .contains("remove the other lines of KEY_ENCRYPTION_KEYS"),
        "{}",
        done.all
    );
    let none = rotate(&env.set("KEY_ENCRYPTION_KEYS", "")).await;
    assert!(
        none.code == 1 && none.all.contains("KEY_ENCRYPTION_KEYS is not set"),
        "{}",
        none.all
    );
}

#[tokio::test]
async fn keys_new_prints_secrets_that_the_settings_accept() {
    let env = TestEnv::new().await;
    let printed = verb(&env, &["keys", "new", "--id", "first"]).await;
    assert_eq!(printed.code, 0, "{}", printed.all);
    for text in [
        "docker secret create LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM - <<'EOF'\n\
         -----BEGIN PRIVATE KEY-----",
        "docker secret create KEY_ENCRYPTION_KEYS - <<'EOF'\nfirst:",
    ] {
        assert!(printed.out.contains(text), "{}", printed.out);
    }

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    assert_eq!(verb(&env, &["keys", "new", "--folder", path]).await.code, 0);
    let again = verb(&env, &["keys", "new", "--folder", path]).await;
    assert_eq!(
        again.code, 1,
        "what is there is not overwritten: {}",
        again.all
    );
    assert!(
        again.all.contains("and KEY_ENCRYPTION_KEYS are in")
            && again.all.contains("no key is overwritten"),
        "{}",
        again.all
    );
    let missing = verb(
        &env,
        &["keys", "new", "--folder", &format!("{path}/missing")],
    )
    .await;
    assert!(
        missing.code == 1 && missing.all.contains("make the folder first: mkdir -m 700"),
        "{}",
        missing.all
    );
    let file = verb(
        &env,
        &[
            "keys",
            "new",
            "--folder",
            &format!("{path}/KEY_ENCRYPTION_KEYS"),
        ],
    )
    .await;
    assert!(
        file.code == 1 && file.all.contains("is a file; name a folder"),
        "{}",
        file.all
    );
    let half = tempfile::tempdir().unwrap();
    std::fs::write(half.path().join("KEY_ENCRYPTION_KEYS"), "mine").unwrap();
    assert_eq!(
        verb(
            &env,
            &["keys", "new", "--folder", half.path().to_str().unwrap()]
        )
        .await
        .code,
        1
    );
    assert_eq!(
        std::fs::read_dir(half.path()).unwrap().count(),
        1,
        "both or neither"
    );
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let names = [
        "LETS_ENCRYPT_ACCOUNT_PRIVATE_KEY_PEM",
        "KEY_ENCRYPTION_KEYS",
    ];
    let env = names
        .into_iter()
        .fold(env, |env, name| env.set(name, &read(name)));
    let checked = verb(&env, &["check-config"]).await;
    assert!(
        checked.code == 0 && !checked.out.contains("certificates are off"),
        "{}",
        checked.all
    );
    for secret in names.map(read) {
        let part = secret
            .lines()
            .find(|line| !line.starts_with('-'))
            .unwrap()
            .rsplit(':')
            .next()
            .unwrap()
            .to_owned();
        assert!(!checked.all.contains(&part), "{}", checked.all);
    }

    let no_root = folder.path().join("KEY_ENCRYPTION_KEYS");
    let faulty = verb(
        &env.set("ACME_CA_ROOT_PATH", no_root.to_str().unwrap()),
        &["check-config"],
    )
    .await;
    assert!(
        faulty.code == 2 && faulty.all.contains("ACME_CA_ROOT_PATH: "),
        "{}",
        faulty.all
    );
    assert!(
        !faulty.all.contains("The settings are complete."),
        "{}",
        faulty.all
    );
}

#[tokio::test]
async fn a_port_in_use_is_reported_with_its_setting() {
    let env = TestEnv::new().await;
    let taken = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for name in ["PORT", "METRICS_PORT"] {
        let mut run = env.command(&["run"]);
        let ended = ended({
            run.env("PORT", "0").env(name, &port);
            run
        })
        .await;
        let message = format!("{name}: port {port} cannot be opened");
        assert!(
            ended.code == 1 && ended.all.contains(&message),
            "{}",
            ended.all
        );
        assert!(
            ended.all.contains("stop that one, or choose another port"),
            "{}",
            ended.all
        );
    }
}

/// Returns the error message of a failed verb.
fn last_words(ended: &Ended) -> String {
    ended
        .all
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("starchart: "))
        .expect(&ended.all)
        .to_owned()
}

#[tokio::test]
async fn a_failing_verb_prints_its_cause_once() {
    let env = TestEnv::new().await;
    assert_eq!(verb(&env, &["migrate"]).await.code, 0);
    let absent = format!("127.0.0.1:{}", starchart_testkit::server::free_port());
    let database = env.db.url();
    let (server, _) = database.rsplit_once('/').unwrap();
    for (name, value, words) in [
        (
            "AWS_ENDPOINT_URL",
            format!("http://{absent}"),
            "cannot list the zone: the DNS provider cannot be reached (check",
        ),
        (
            "AWS_ROUTE53_HOSTED_ZONE_ID",
            "ZNOPE".to_owned(),
            "AWS_ROUTE53_HOSTED_ZONE_ID is no hosted zone of this account",
        ),
        (
            "DATABASE_URL",
            format!("{server}/nosuch"),
            "DATABASE_URL: no such database; create it, or correct the name: 1049",
        ),
        (
            "DATABASE_URL",
            database.replace("mysql://", "mysql://nobody:bad"),
            "DATABASE_URL: the database refuses this user; correct",
        ),
    ] {
        let mut command = env.command(&["reconcile", "--dry-run"]);
        let ended = ended({
            command.env(name, &value);
            command
        })
        .await;
        let message = last_words(&ended);
        assert!(ended.code == 1 && message.contains(words), "{}", ended.all);
        assert!(
            !message.contains(" { ") && !message.contains("Failure("),
            "no debug text: {message}"
        );
        let cause = message.rsplit(": ").next().unwrap();
        assert_eq!(message.matches(cause).count(), 1, "said once: {message}");
    }
}

#[tokio::test]
async fn reconcile_prints_the_difference_and_changes_nothing() {
    let env = TestEnv::new().await;
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    for name in ["gone", "edited", "same"] {
        assert_eq!(browser.create(name, "A", "192.168.1.1").await.status, 303);
    }
    let fqdn = |name: &str| format!("{name}.user1.{ROOT}");
    zone_equals_pages(&env, std::slice::from_mut(&mut browser)).await;
    let set = |name: &str, value: &str| {
        starchart_testkit::route53::Set::new(&fqdn(name), "A", 300, [value])
    };
    env.zone.remove(&fqdn("gone"), "A").unwrap();
    env.zone.put(set("edited", "192.168.9.9")).unwrap();
    env.zone.put(set("foreign", "192.168.8.8")).unwrap();
    let before = env.zone.sets();

    let found = verb(&env, &["reconcile", "--dry-run"]).await;
    assert_eq!(found.code, 0, "{}", found.all);
    assert!(
        found
            .out
            .contains(&format!("+ {} A 192.168.1.1", fqdn("gone"))),
        "{}",
        found.out
    );
    assert!(found.out.contains(&fqdn("edited")), "{}", found.out);
    assert!(!found.out.contains(&fqdn("same")), "{}", found.out);
    assert!(
        found
            .out
            .contains(&format!("\n  {} A 192.168.8.8 (new)", fqdn("foreign"))),
        "{}",
        found.out
    );
    assert!(
        found.out.ends_with("\n2 differences; nothing was changed"),
        "{}",
        found.out
    );
    assert_eq!(env.zone.sets(), before);
    no_secret(&found);
    let refused = verb(&env, &["reconcile"]).await;
    assert_eq!(
        refused.code, 2,
        "it has to be said what for: {}",
        refused.all
    );
    for odd in [
        &["--approve", "1234567"][..],
        &["--approve", "not-a-hash"],
        &["--pause", " "],
        &["--adopt", "--now"],
    ] {
        let arguments: Vec<&str> = std::iter::once("reconcile")
            .chain(odd.iter().copied())
            .collect();
        assert_eq!(verb(&env, &arguments).await.code, 2, "{odd:?}");
    }
}

#[tokio::test]
async fn seed_creates_users_with_records_once_and_never_in_production() {
    let env = TestEnv::new().await;
    let refused = verb(&env, &["seed"]).await;
    assert_eq!(refused.code, 1, "{}", refused.all);
    assert!(
        refused
            .all
            .contains("STARCHART_ENV is production; nothing was changed"),
        "{}",
        refused.all
    );

    let env = env.set("STARCHART_ENV", "test");
    let early = verb(&env, &["seed"]).await;
    assert!(
        early.code == 1
            && early
                .all
                .contains("run `starchart migrate` first; nothing was changed"),
        "{}",
        early.all
    );
    assert_eq!(verb(&env, &["migrate"]).await.code, 0);
    let made = verb(&env, &["seed"]).await;
    assert_eq!(
        (made.code, made.out.matches("  made ").count()),
        (0, 20),
        "{}",
        made.all
    );
    assert!(
        made.out
            .contains("han.solo (Han Solo), hansolo.starchart.example"),
        "{}",
        made.out
    );
    let again = verb(&env, &["seed"]).await;
    assert_eq!(
        (again.code, again.out.matches("  is there ").count()),
        (0, 20),
        "{}",
        again.all
    );
    assert_eq!(env.db.number("SELECT COUNT(*) FROM dns_records").await, 20);

    let env = env.set("STARCHART_ENV", "production");
    let app = env.start().await;
    let mut browser = signed_in(&env, &app, "user1").await;
    let types: Vec<_> = browser
        .rows()
        .await
        .into_iter()
        .map(|row| row.rtype)
        .collect();
    assert_eq!(
        types,
        ["CNAME", "MX", "TXT", "A", "AAAA"],
        "theirs when they sign in"
    );
    let published = async || {
        env.zone
            .set(&format!("blog.hansolo.{ROOT}"), "CNAME")
            .is_some()
    };
    eventually("published like any record", published).await;
}

#[tokio::test]
async fn the_production_build_contains_no_demo_crate() {
    let tree = async |features: &[&str]| {
        let mut cargo = tokio::process::Command::new(env!("CARGO"));
        cargo
            .args([
                "tree",
                "-p",
                "starchart",
                "-e",
                "normal,features",
                "--offline",
                "--locked",
            ])
            .args(features);
        let tree = ended({
            cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
            cargo
        })
        .await;
        assert_eq!(tree.code, 0, "{}", tree.all);
        tree.all
    };
    let unwanted = [
        "starchart-demo",
        "libsqlite3-sys",
        "starchart-saml feature \"issuer\"",
        "sqlx-sqlite",
    ];
    let production = tree(&["--no-default-features"]).await;
    let development = tree(&[]).await;
    for name in unwanted {
        assert!(
            !production.contains(name),
            "the production build holds {name}"
        );
        assert!(development.contains(name), "{name} is how the tree says it");
    }
}
