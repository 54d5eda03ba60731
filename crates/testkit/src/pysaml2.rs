//! pysaml2 as the identity provider: a third implementation of SAML, besides ours and
//! SimpleSAMLphp.

use std::fs;
use std::path::Path;

use reqwest::Client;
use serde_json::{Value, json};

use crate::environment::variable;
use crate::html::{Form, forms};
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
        let word = match signed {
            Signed::Assertion => "assertion",
            Signed::Response => "response",
            Signed::Both => "both",
        };
        write(self.server.dir(), "signed", word);
    }

    /// Returns its metadata: the content of the file at SAML_IDP_METADATA_PATH.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn metadata_xml(&self) -> String {
        self.page(crate::http::client().get(format!("{}/metadata", self.url)))
            .await
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
        let page = self.page(client.get(login_url)).await;
        let form = forms(&page)
            .into_iter()
            .find(|form| form.value("password").is_some());
        let form = form
            .unwrap_or_else(|| panic!("no login form:\n{page}"))
            .with("username", username)
            .with("password", password);
        let page = self
            .page(client.post(&form.action).form(&form.fields))
            .await;
        let form = forms(&page)
            .into_iter()
            .find(|form| form.value("SAMLResponse").is_some());
        form.unwrap_or_else(|| {
            panic!(
                "no SAMLResponse for {username}:\n{page}\n{}",
                self.server.log()
            )
        })
    }

    async fn page(&self, request: reqwest::RequestBuilder) -> String {
        let answer = request
            .send()
            .await
            .unwrap_or_else(|error| panic!("pysaml2: {error}\n{}", self.server.log()));
        let status = answer.status();
        assert!(
            status.is_success(),
            "pysaml2: {status}\n{}",
            self.server.log()
        );
        answer
            .text()
            .await
            .unwrap_or_else(|error| panic!("pysaml2: {error}"))
    }
}

fn users() -> Value {
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

fn write(dir: &Path, file: &str, text: &str) {
    fs::write(dir.join(file), text).unwrap_or_else(|error| panic!("{file}: {error}"));
}
