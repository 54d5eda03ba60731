//! Sources of values: secret files, env files, the environment.

use std::collections::BTreeMap;
use std::fs;

use starchart_settings::{Environment, FoundIn, Settings, Sources};

use crate::site::{Site, aws, noticed};

#[test]
fn one_line_end_of_a_secret_file_is_removed() {
    let site = Site::production();
    for text in [
        "hunter2-key",
        "hunter2-key\n",
        "hunter2-key\r\n",
        "\u{feff}hunter2-key\n",
    ] {
        site.secret("AWS_SECRET_ACCESS_KEY", text);
        assert_eq!(
            aws(&site.good().settings).secret_access_key.expose(),
            "hunter2-key",
            "{text:?}"
        );
    }
    site.secret("NOTIFICATIONS_PASSWORD", " a password \r\n");
    let loaded = site.good();
    assert!(noticed(&loaded, "begins or ends with a blank"));
    assert_eq!(
        loaded.settings.mail.password.unwrap().expose(),
        " a password "
    );
    site.secret("NOTIFICATIONS_PASSWORD", "hunter2\n\n");
    assert!(
        site.bad()
            .contains("NOTIFICATIONS_PASSWORD: contains a line break")
    );
}

#[test]
fn unusable_secret_files_are_reported_without_content() {
    let site = Site::production();
    let path = site.folder.path().join("secrets/AWS_SECRET_ACCESS_KEY");
    let name = path.display().to_string();
    let assert_reported = |advice: &str| {
        let text = site.bad();
        assert!(
            text.starts_with("1 setting is wrong:") && text.contains(&format!("{name}: {advice}")),
            "{text}"
        );
    };
    for empty in ["", "\n", " \r\n", "\u{feff}"] {
        site.secret("AWS_SECRET_ACCESS_KEY", empty);
        assert_reported("is empty");
    }
    site.secret("AWS_SECRET_ACCESS_KEY", b"hunter2\xff");
    assert_reported("is not UTF-8");
    site.secret("AWS_SECRET_ACCESS_KEY", "hunter2".repeat(20_000));
    assert_reported("is larger than");
    fs::remove_file(&path).unwrap();
    assert_reported("this secret's file is missing");
    fs::create_dir(&path).unwrap();
    assert_reported("is a directory");
    fs::remove_dir(&path).unwrap();
    site.secret("AWS_SECRET_ACCESS_KEY", "hunter2\nhunter2");
    assert_reported("has white space around or inside it");
}

#[test]
fn in_production_a_secret_file_takes_precedence() {
    let site = Site::production().set("AWS_ACCESS_KEY_ID", "hunter2-variable");
    let loaded = site.good();
    assert_eq!(
        aws(&loaded.settings).access_key_id.expose(),
        "hunter2-key-id"
    );
    assert!(noticed(
        &loaded,
        "AWS_ACCESS_KEY_ID: the variable is ignored"
    ));

    fs::remove_file(site.folder.path().join("secrets/AWS_ACCESS_KEY_ID")).unwrap();
    let loaded = site.good();
    assert_eq!(
        aws(&loaded.settings).access_key_id.expose(),
        "hunter2-variable"
    );
    assert!(noticed(
        &loaded,
        "AWS_ACCESS_KEY_ID: taken from a plain variable"
    ));
}

#[test]
fn in_development_a_variable_takes_precedence_over_dev_secrets() {
    let site = Site::development()
        .set("SECRETS_OVERRIDE", "1")
        .unset("SESSION_SECRET");
    assert!(site.bad().contains("SESSION_SECRET: is required"));
    fs::create_dir(site.folder.path().join("dev-secrets")).unwrap();
    site.file(
        "dev-secrets/SESSION_SECRET",
        "from-the-file-0123456789-0123456789\nolder-0123456789-0123456789-0123456789\n",
    );
    let settings = site.good().settings;
    assert_eq!(
        settings.sign_in.session_secrets.len(),
        2,
        "one secret per line"
    );
    let site = site.set("SESSION_SECRET", "from-the-variable-0123456789-0123456789");
    let loaded = site.good();
    assert_eq!(
        loaded.settings.sign_in.session_secrets[0].expose(),
        "from-the-variable-0123456789-0123456789"
    );
    assert!(!noticed(&loaded, "plain variable"));
}

#[test]
fn development_secrets_are_refused_in_production() {
    let site = Site::production();
    site.secret("SESSION_SECRET", "development-only-0123456789-0123456789");
    assert!(
        site.bad()
            .contains("SESSION_SECRET: is the throw-away secret")
    );
}

#[test]
fn a_short_session_secret_is_accepted_with_a_notice() {
    let site = Site::production();
    site.secret("SESSION_SECRET", "hunter2");
    assert!(noticed(
        &site.good(),
        "SESSION_SECRET has a line shorter than 32 bytes"
    ));
}

#[test]
fn variables_take_precedence_over_env_files() {
    let site = Site::development().set("PORT", "8081");
    site.file(
        ".env",
        "PORT=9000\nSCHOOL_NAME=\"Night School\"\nSAML_GROUP_PREFX=x\n",
    );
    let loaded = site.good();
    assert_eq!(
        (
            loaded.settings.app.port,
            loaded.settings.app.site.school.as_str()
        ),
        (8081, "Night School")
    );
    assert!(noticed(
        &loaded,
        "SAML_GROUP_PREFX in .env is not a setting and is ignored; SAML_GROUP_PREFIX is"
    ));
    let school = loaded
        .origins
        .iter()
        .find(|origin| origin.name == "SCHOOL_NAME")
        .unwrap();
    assert_eq!(school.from, FoundIn::EnvFile(".env".into()));

    // Tests and production do not read ./.env. A file given by --env-file must exist.
    assert_eq!(
        site.set("STARCHART_ENV", "test")
            .good()
            .settings
            .app
            .site
            .school,
        "School"
    );
    let production = Site::production();
    production.file(".env", "SCHOOL_NAME=Night School");
    assert_eq!(production.good().settings.app.site.school, "School");
    let mut sources = production.sources();
    sources.env_file = Some(".env".into());
    assert_eq!(
        Settings::read(&sources).unwrap().settings.app.site.school,
        "Night School"
    );
    sources.env_file = Some("absent.env".into());
    assert!(
        Settings::read(&sources)
            .unwrap_err()
            .to_string()
            .contains("absent.env: is missing")
    );
}

#[test]
fn unknown_names_in_a_given_env_file_are_reported() {
    let site = Site::production();
    site.file(
        "our.env",
        "PORT=1\nSMPT_HOST=mail.example\nELSEWHERE=x\nPORT=8082\n",
    );
    let loaded = Settings::read(&Sources {
        env_file: Some("our.env".into()),
        ..site.sources()
    })
    .unwrap();
    site.file(
        "faulty.env",
        "SCHOOL_NAME=Night School\nnonsense\nPORT=no\n",
    );
    let faulty = Settings::read(&Sources {
        env_file: Some("faulty.env".into()),
        ..site.sources()
    })
    .unwrap_err()
    .to_string();
    for text in [
        "2 settings are wrong:",
        "faulty.env: line 2 has no `=`",
        "PORT: \"no\" is not a port",
    ] {
        assert!(faulty.contains(text), "{text}: {faulty}");
    }
    assert_eq!(loaded.settings.app.port, 8082);
    for text in [
        "PORT is set more than once in our.env; line 4 is used",
        "SMTP_HOST is: was that meant?",
        "ELSEWHERE in our.env",
    ] {
        assert!(noticed(&loaded, text), "{text}: {:?}", loaded.notices);
    }
}

#[test]
fn white_space_around_values_is_removed_except_in_secrets() {
    let site = Site::production();
    let around: BTreeMap<_, _> = site
        .variables
        .iter()
        .map(|(name, value)| (name.clone(), format!(" \t{value}\u{a0}")))
        .collect();
    let around = Site {
        variables: around,
        ..site
    }
    .set("PORT", " 8083 ")
    .set("SMTP_PORT", " 25");
    around.secret(
        "DATABASE_URL",
        " mysql://star:hunter2-db@db:3306/starchart ",
    );
    let settings = around.good().settings;
    assert_eq!(
        (
            settings.app.port,
            settings.mail.port,
            settings.zone.root_domain.as_str()
        ),
        (8083, 25, "starchart.example")
    );
    around.secret("AWS_SECRET_ACCESS_KEY", "hunter2 ");
    assert!(around.bad().contains("has white space around or inside it"));
}

#[test]
fn dot_env_cannot_select_production() {
    let site = Site::development();
    site.file(".env", "STARCHART_ENV=production");
    assert!(
        site.bad()
            .contains("STARCHART_ENV: in ./.env can only be development")
    );
}

#[test]
fn node_env_is_accepted_with_a_notice() {
    let loaded = Site::production()
        .unset("STARCHART_ENV")
        .set("NODE_ENV", "production")
        .good();
    assert_eq!(loaded.settings.environment, Environment::Production);
    assert!(noticed(&loaded, "NODE_ENV=production is taken as"));
    let loaded = Site::development()
        .set("STARCHART_ENV", "development")
        .set("NODE_ENV", "production")
        .good();
    assert_eq!(loaded.settings.environment, Environment::Development);
    assert!(noticed(&loaded, "NODE_ENV is ignored"));
    // An invalid environment gets the strict rules.
    assert!(
        Site::development()
            .set("STARCHART_ENV", "prod")
            .bad()
            .contains("APP_URL: must begin with https://")
    );
}
