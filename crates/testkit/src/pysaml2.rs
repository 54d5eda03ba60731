//! pysaml2 as the identity provider: a third implementation of SAML, besides ours and
//! SimpleSAMLphp.

use std::fs;
use std::path::Path;

use reqwest::Client;
use serde_json::{Value, json};

use crate::environment::variable;
use crate::html::{Form, forms, response_form};
use crate::server::{Server, free_port, scratch};
use crate::simplesamlphp::{Signed, USERS, make_key};

/// The variable that names a Python with pysaml2.
pub const PYTHON: &str = "STARCHART_TEST_PYSAML2";
/// The HTTP server around pysaml2, which has none.
const PROGRAM: &str = include_str!("pysaml2/idp.py");

/// An identity provider with pysaml2 on loopback. Its users are [`USERS`].
#[derive(Debug)]
pub struct PySaml {
    server: Server,
    url: String,
}

impl PySaml {
    /// Starts one; [`PySaml::serve`] sets its service provider.
    ///
    /// # Panics
    /// When pysaml2, xmlsec1 or the openssl command is missing, or it does not answer.
    pub async fn start() -> Self {
        let python = variable(PYTHON).unwrap_or_else(|| "python3".to_owned());
        let dir = scratch("pysaml2");
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        write(&dir, "idp.py", PROGRAM);
        write(&dir, "users.json", &users().to_string());
        make_key(&dir);
        let mut server = Server::start(dir.clone(), python, |command| {
            command
                .arg(dir.join("idp.py"))
                .arg(port.to_string())
                .arg(&dir);
        });
        server.wait_for_http(&format!("{url}/metadata")).await;
        Self { server, url }
    }

    /// Sets the service provider by its metadata, and what is signed for it.
    pub fn serve(&self, sp_metadata: &str, signed: Signed) {
        write(self.server.dir(), "sp.xml", sp_metadata);
        write(self.server.dir(), "signed", signed.as_str());
    }

    /// Returns its metadata: the content of the file at SAML_IDP_METADATA_PATH.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn metadata_xml(&self) -> String {
        let metadata = format!("{}/metadata", self.url);
        page(&self.server, crate::http::client().get(metadata)).await
    }

    /// Signs in as a browser would: opens `login_url` (our redirect to the identity provider),
    /// fills in the form, and returns the form that the page then posts to the assertion consumer
    /// service.
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
        login(&self.server, client, login_url, (username, password)).await
    }
}

/// Signs in at an identity provider with a login form, as a browser would; see [`PySaml::login`].
pub(crate) async fn login(
    server: &Server,
    client: &Client,
    login_url: &str,
    (username, password): (&str, &str),
) -> Form {
    let text = page(server, client.get(login_url)).await;
    let form = forms(&text)
        .into_iter()
        .find(|form| form.value("password").is_some());
    let form = form
        .unwrap_or_else(|| panic!("no login form:\n{text}"))
        .with("username", username)
        .with("password", password);
    let text = page(server, client.post(&form.action).form(&form.fields)).await;
    response_form(&text)
        .unwrap_or_else(|| panic!("no SAMLResponse for {username}:\n{text}\n{}", server.log()))
}

/// Returns the page that answers a request.
pub(crate) async fn page(server: &Server, request: reqwest::RequestBuilder) -> String {
    let answer = request
        .send()
        .await
        .unwrap_or_else(|error| panic!("the identity provider: {error}\n{}", server.log()));
    let status = answer.status();
    let text = answer.text().await.unwrap_or_default();
    assert!(
        status.is_success(),
        "the identity provider: {status}\n{text}\n{}",
        server.log()
    );
    text
}

/// Returns [`USERS`] with their attributes by name.
pub(crate) fn users() -> Value {
    let attributes = USERS.iter().map(|user| {
        let attributes = json!({
            "password": user.password,
            "sAMAccountName": user.username,
            "displayname": user.display_name,
            "email": user.email,
            "group": user.groups,
        });
        (user.username.to_owned(), attributes)
    });
    Value::Object(attributes.collect())
}

pub(crate) fn write(dir: &Path, file: &str, text: &str) {
    fs::write(dir.join(file), text).unwrap_or_else(|error| panic!("{file}: {error}"));
}
