//! samlp as the identity provider: an implementation of SAML for Node, on express.

use reqwest::Client;
use serde_json::json;

use crate::environment::variable;
use crate::html::{Form, response_form};
use crate::pysaml2::{login, page, users, write};
use crate::server::{Server, free_port, scratch};
use crate::simplesamlphp::{ServiceProvider, Signed, make_key};

/// The variable that names a folder `node_modules` with samlp and express.
pub const MODULES: &str = "STARCHART_TEST_SAMLP";
/// The HTTP server around samlp, which is a middleware.
const PROGRAM: &str = include_str!("samlp/idp.cjs");

/// An identity provider with samlp on loopback. Its users are
/// [`USERS`](crate::simplesamlphp::USERS).
#[derive(Debug)]
pub struct Samlp {
    server: Server,
    url: String,
}

impl Samlp {
    /// Starts one for the service provider `provider`.
    ///
    /// # Panics
    /// When node, samlp or the openssl command is missing, or it does not answer.
    pub async fn start(provider: &ServiceProvider) -> Self {
        let modules = variable(MODULES)
            .unwrap_or_else(|| panic!("{MODULES} is not set; script/test installs samlp"));
        let dir = scratch("samlp");
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        write(&dir, "idp.cjs", PROGRAM);
        write(&dir, "users.json", &users().to_string());
        let sp = json!({
            "entity_id": provider.entity_id,
            "acs_url": provider.acs_url,
            "slo_url": provider.slo_url,
        });
        write(&dir, "sp.json", &sp.to_string());
        write(&dir, "signed", provider.signed.as_str());
        make_key(&dir);
        let mut server = Server::start(dir.clone(), "node", |command| {
            command
                .env("NODE_PATH", modules)
                .arg(dir.join("idp.cjs"))
                .arg(port.to_string())
                .arg(&dir);
        });
        server.wait_for_http(&format!("{url}/metadata")).await;
        Self { server, url }
    }

    /// Changes what is signed.
    pub fn sign(&self, signed: Signed) {
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

    /// Signs in as a browser would, and returns the form with the response.
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

    /// Opens `login_url` and returns whether the client is signed in there: no password is asked.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn is_signed_in(&self, client: &Client, login_url: &str) -> bool {
        response_form(&page(&self.server, client.get(login_url)).await).is_some()
    }

    /// Returns what it logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.server.log()
    }
}
