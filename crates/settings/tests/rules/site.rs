//! A folder with complete settings, for tests to modify.

use std::collections::BTreeMap;
use std::fs;

use starchart_settings::{Aws, DnsProvider, Loaded, Problems, Settings, Sources};
use tempfile::TempDir;

/// A folder with complete settings.
pub(crate) struct Site {
    pub(crate) folder: TempDir,
    pub(crate) variables: BTreeMap<String, String>,
}

const SECRETS: &[(&str, &str)] = &[
    (
        "DATABASE_URL",
        "mysql://star:hunter2-db@db:3306/starchart\n",
    ),
    ("SESSION_SECRET", "hunter2-session-0123456789-0123456789\n"),
    ("AWS_ACCESS_KEY_ID", "hunter2-key-id\n"),
    ("AWS_SECRET_ACCESS_KEY", "hunter2-key\n"),
    ("NOTIFICATIONS_USERNAME", "hunter2-user\n"),
    ("NOTIFICATIONS_PASSWORD", "hunter2-mail\n"),
];

impl Site {
    pub(crate) fn production() -> Self {
        let site = Self {
            folder: TempDir::new().unwrap(),
            variables: BTreeMap::new(),
        };
        fs::create_dir(site.folder.path().join("secrets")).unwrap();
        for (name, value) in SECRETS {
            site.secret(name, value);
        }
        site.file("idp.xml", "\u{feff}<EntityDescriptor/>");
        fs::create_dir(site.folder.path().join("words")).unwrap();
        site.file("words/refused-words.txt", "\u{feff}# A comment\r\nDarn\r\n");
        site.set("STARCHART_ENV", "production")
            .set("APP_URL", "https://mycustomdomain.school.example")
            .set("ROOT_DOMAIN", "starchart.example")
            .set("AWS_ROUTE53_HOSTED_ZONE_ID", "Z0123456789ABC")
            .set("LETS_ENCRYPT_ACCOUNT_EMAIL", "hostmaster@school.example")
            .set(
                "LETS_ENCRYPT_DIRECTORY_URL",
                "https://acme.example/directory",
            )
            .set("SAML_IDP_METADATA_PATH", "idp.xml")
            .set("TRUSTED_PROXIES", "10.0.0.0/8")
    }

    pub(crate) fn development() -> Self {
        let site = Self {
            folder: TempDir::new().unwrap(),
            variables: BTreeMap::new(),
        };
        fs::create_dir(site.folder.path().join("config")).unwrap();
        site.file("config/idp-metadata-dev.xml", "<EntityDescriptor/>");
        site.set("APP_URL", "http://localhost:8080")
            .set("DATABASE_URL", "sqlite://starchart.db")
            .set("SESSION_SECRET", "hunter2-session-0123456789-0123456789")
    }

    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(crate) fn unset(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    pub(crate) fn file(&self, path: &str, text: impl AsRef<[u8]>) {
        fs::write(self.folder.path().join(path), text).unwrap();
    }

    pub(crate) fn secret(&self, name: &str, text: impl AsRef<[u8]>) {
        self.file(&format!("secrets/{name}"), text);
    }

    pub(crate) fn sources(&self) -> Sources {
        Sources {
            variables: self.variables.clone(),
            env_file: None,
            folder: self.folder.path().to_owned(),
            secrets: self.folder.path().join("secrets"),
        }
    }

    pub(crate) fn read(&self) -> Result<Loaded, Problems> {
        Settings::read(&self.sources())
    }

    /// Reads the settings; panics if they have faults.
    #[track_caller]
    pub(crate) fn good(&self) -> Loaded {
        self.read().expect("these settings are valid")
    }

    /// Reads the settings and returns their faults as text; panics if there are none.
    #[track_caller]
    pub(crate) fn bad(&self) -> String {
        let text = self
            .read()
            .expect_err("these settings have faults")
            .to_string();
        assert!(!text.contains("hunter2"), "a secret is shown: {text}");
        text
    }
}

pub(crate) fn noticed(loaded: &Loaded, text: &str) -> bool {
    loaded.notices.iter().any(|notice| notice.contains(text))
}

/// The settings section of Route53.
pub(crate) fn aws(settings: &Settings) -> &Aws {
    let DnsProvider::Route53(aws) = &settings.zone.provider;
    aws
}
