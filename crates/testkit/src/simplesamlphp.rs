//! SimpleSAMLphp as the identity provider, in PHP's built-in web server: an independent
//! implementation of SAML.

mod config;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::header::LOCATION;
use reqwest::{Client, Response, StatusCode};

use crate::html::{Form, forms, response_form};
use crate::server::{Server, free_port, scratch};

/// The folder of the pages in Debian's package.
const PAGES: &str = "/usr/share/simplesamlphp/www";
/// A sign-in takes four pages; more redirects than this are a loop.
const REDIRECT_LIMIT: usize = 10;

/// What the identity provider signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signed {
    /// Only the assertion in the response.
    Assertion,
    /// Only the response around it.
    Response,
    /// The assertion and the response, with a signature each.
    Both,
}

impl Signed {
    /// Returns the word for the identity providers of [`crate::pysaml2`] and [`crate::samlp`].
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Assertion => "assertion",
            Self::Response => "response",
            Self::Both => "both",
        }
    }
}

/// The service provider (our application) as the identity provider knows it.
#[derive(Debug, Clone)]
pub struct ServiceProvider {
    /// The SAML entity id: `APP_URL/sp`.
    pub entity_id: String,
    /// The URL of the assertion consumer service: `APP_URL/login/callback`.
    pub acs_url: String,
    /// The URL that receives the response to a single logout: `APP_URL/logout/callback`.
    pub slo_url: Option<String>,
    /// The certificate for which assertions are encrypted (aes128-cbc, rsa-oaep), in base64 without
    /// the PEM lines. `None`: no encryption.
    pub encrypt_for: Option<String>,
    /// What is signed for it.
    pub signed: Signed,
}

impl ServiceProvider {
    /// Describes the application at `app_url`; assertion and response are signed, not encrypted.
    #[must_use]
    pub fn at(app_url: &str) -> Self {
        Self {
            entity_id: format!("{app_url}/sp"),
            acs_url: format!("{app_url}/login/callback"),
            slo_url: Some(format!("{app_url}/logout/callback")),
            encrypt_for: None,
            signed: Signed::Both,
        }
    }
}

/// A user of the identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdpUser {
    /// The user name in the login form; also the attribute `sAMAccountName`, the subject.
    pub username: &'static str,
    /// The password in the login form.
    pub password: &'static str,
    /// The value of the attribute `displayname`.
    pub display_name: &'static str,
    /// The value of the attribute `email`.
    pub email: &'static str,
    /// The values of the attribute `group`.
    pub groups: &'static [&'static str],
}

/// Every user who can sign in, here, at [`PySaml`](crate::pysaml2::PySaml) and at
/// [`Samlp`](crate::samlp::Samlp).
pub const USERS: [IdpUser; 4] = [
    IdpUser {
        username: "user1",
        password: "user1pass",
        display_name: "Johannes Kepler",
        email: "user1@example.com",
        groups: &["mycustomdomain-students"],
    },
    IdpUser {
        username: "user2",
        password: "user2pass",
        display_name: "Galileo Galilei",
        email: "user2@example.com",
        groups: &["mycustomdomain-faculty"],
    },
    IdpUser {
        username: "user3",
        password: "user3pass",
        display_name: "Adam Mason",
        email: "user3@example.com",
        groups: &["mycustomdomain-admins"],
    },
    IdpUser {
        username: "han.solo",
        password: "starchart",
        display_name: "Han Solo",
        email: "han.solo@example.com",
        groups: &["mycustomdomain-faculty", "mycustomdomain-admins"],
    },
];

/// A SimpleSAMLphp on loopback.
#[derive(Debug)]
pub struct SimpleSaml {
    server: Server,
    url: String,
}

impl SimpleSaml {
    /// Starts one for the service provider `provider`.
    ///
    /// # Panics
    /// When PHP, SimpleSAMLphp or the openssl command is missing, or it does not answer.
    pub async fn start(provider: &ServiceProvider) -> Self {
        assert!(
            Path::new(PAGES).is_dir(),
            "SimpleSAMLphp is not installed ({PAGES}); script/test installs it"
        );
        let dir = scratch("simplesamlphp");
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        for folder in ["config", "metadata", "cert", "log", "tmp", "sessions"] {
            fs::create_dir(dir.join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        }
        write(&dir, "config/config.php", &config::main(&url));
        write(&dir, "config/authsources.php", &config::users(&USERS));
        write(
            &dir,
            "metadata/saml20-idp-hosted.php",
            &config::hosted(&entity_id(&url)),
        );
        write(
            &dir,
            "metadata/saml20-sp-remote.php",
            &config::remote(provider),
        );
        make_key(&dir.join("cert"));
        let mut server = Server::start(dir.clone(), "php", |command| {
            command
                .env("SIMPLESAMLPHP_CONFIG_DIR", dir.join("config"))
                // Without a cache of compiled files, so that `serve` takes effect at once.
                .args(["-d", "opcache.enable=0", "-d", "opcache.enable_cli=0"])
                .args(["-S", &format!("127.0.0.1:{port}"), "-t", PAGES]);
        });
        server.wait_for_http(&entity_id(&url)).await;
        Self { server, url }
    }

    /// Replaces the service provider, to change what is signed.
    pub fn serve(&self, provider: &ServiceProvider) {
        write(
            self.server.dir(),
            "metadata/saml20-sp-remote.php",
            &config::remote(provider),
        );
    }

    /// Returns its metadata: the content of the file at SAML_IDP_METADATA_PATH.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn metadata_xml(&self) -> String {
        let answer = get(&crate::http::client(), &entity_id(&self.url)).await;
        answer
            .text()
            .await
            .unwrap_or_else(|error| panic!("SimpleSAMLphp's metadata: {error}"))
    }

    /// Writes its metadata to a file and returns the path. The file is deleted with the server.
    pub async fn metadata_file(&self) -> PathBuf {
        write(
            self.server.dir(),
            "idp-metadata.xml",
            &self.metadata_xml().await,
        );
        self.server.dir().join("idp-metadata.xml")
    }

    /// Returns its origin: `http://127.0.0.1:PORT`, without a slash.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Signs in as a browser would: opens `login_url` (our redirect to the identity provider),
    /// fills in the form, and returns the form with `SAMLResponse` and `RelayState` that the page
    /// then posts to the assertion consumer service. A `client` that has signed in before gets the
    /// form without a password.
    ///
    /// # Panics
    /// When a page has no such form; the message contains the page.
    pub async fn login(
        &self,
        client: &Client,
        login_url: &str,
        username: &str,
        password: &str,
    ) -> Form {
        let (address, page) = self.follow(client, get(client, login_url).await).await;
        if let Some(form) = response_form(&page) {
            return form;
        }
        let form = forms(&page)
            .into_iter()
            .find(|form| form.value("password").is_some());
        let form = form
            .unwrap_or_else(|| panic!("no login form at {address}:\n{page}"))
            .with("username", username)
            .with("password", password);
        // The form's action is "?": the same page without its query.
        let target = address.split('?').next().unwrap_or(&address);
        let answer = client
            .post(target)
            .form(&form.fields)
            .send()
            .await
            .unwrap_or_else(|error| panic!("{target}: {error}"));
        let (address, page) = self.follow(client, answer).await;
        response_form(&page).unwrap_or_else(|| {
            panic!(
                "no SAMLResponse for {username} at {address}:\n{page}\n{}",
                self.log()
            )
        })
    }

    /// Opens `login_url` and returns whether the client is signed in there: no password is asked.
    ///
    /// # Panics
    /// When a page does not answer.
    pub async fn is_signed_in(&self, client: &Client, login_url: &str) -> bool {
        let (_, page) = self.follow(client, get(client, login_url).await).await;
        response_form(&page).is_some()
    }

    /// Returns what SimpleSAMLphp and PHP logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.server.dir().join("log/simplesamlphp.log")).unwrap_or_default()
            + &self.server.log()
    }

    /// Follows redirects; returns the last URL and its page.
    async fn follow(&self, client: &Client, mut answer: Response) -> (String, String) {
        for _ in 0..REDIRECT_LIMIT {
            if !answer.status().is_redirection() {
                let address = answer.url().to_string();
                let status = answer.status();
                let page = answer.text().await.unwrap_or_default();
                assert!(
                    status == StatusCode::OK,
                    "{status} at {address}:\n{page}\n{}",
                    self.log()
                );
                return (address, page);
            }
            let target = answer
                .headers()
                .get(LOCATION)
                .and_then(|location| location.to_str().ok());
            let target = target.and_then(|location| answer.url().join(location).ok());
            let target =
                target.unwrap_or_else(|| panic!("a redirect to nowhere at {}", answer.url()));
            answer = get(client, target.as_str()).await;
        }
        panic!("redirects without end at {}", answer.url())
    }
}

async fn get(client: &Client, url: &str) -> Response {
    client
        .get(url)
        .send()
        .await
        .unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn entity_id(url: &str) -> String {
    format!("{url}/saml2/idp/metadata.php")
}

fn write(dir: &Path, file: &str, text: &str) {
    fs::write(dir.join(file), text).unwrap_or_else(|error| panic!("{file}: {error}"));
}

/// Writes a new RSA key (idp.pem) and a self-signed certificate for it (idp.crt) into `dir`.
pub(crate) fn make_key(dir: &Path) {
    let output = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=development identity provider",
        ])
        .args(["-keyout", "idp.pem", "-out", "idp.crt"])
        .current_dir(dir)
        .output()
        .unwrap_or_else(|error| panic!("openssl: {error}"));
    assert!(
        output.status.success(),
        "openssl: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
