//! The identity provider of the demo: SAML 2.0 with four fixed users, whose passwords the sign-in
//! page shows.

use std::net::SocketAddr;
use std::path::Path;

use actix_web::{App, HttpResponse, HttpServer, web};
use askama::Template;
use serde::Deserialize;
use starchart_saml::issuer::{Issuer, SamlIdentity, parse_authn_request};
use tracing::{info, warn};

use crate::error::Error;
use crate::html::{SELF_ONLY_CSP, html_response};
use crate::inbox;

/// A user who can sign in to the demo.
#[derive(Debug, Clone, Copy)]
pub struct DemoUser {
    /// The user name to type, and the SAML subject.
    pub username: &'static str,
    /// The password to type; not a secret.
    pub password: &'static str,
    /// The display name, as the page header shows it.
    pub display_name: &'static str,
    /// The mail address, which the demo's inbox receives for.
    pub email: &'static str,
    /// Groups without the prefix, for example `students`.
    pub groups: &'static [&'static str],
}

/// All users who can sign in to the demo.
pub const DEMO_USERS: [DemoUser; 4] = [
    DemoUser {
        username: "user1",
        password: "user1pass",
        display_name: "Johannes Kepler",
        email: "user1@school.example",
        groups: &["students"],
    },
    DemoUser {
        username: "user2",
        password: "user2pass",
        display_name: "Galileo Galilei",
        email: "user2@school.example",
        groups: &["faculty"],
    },
    DemoUser {
        username: "user3",
        password: "user3pass",
        display_name: "Adam Mason",
        email: "user3@school.example",
        groups: &["admins"],
    },
    DemoUser {
        username: "han.solo",
        password: "starchart",
        display_name: "Han Solo",
        email: "han.solo@school.example",
        groups: &["faculty", "admins"],
    },
];

/// A running identity provider, which also serves the inbox. It runs until the process ends.
pub struct IdentityProvider {
    url: String,
    metadata: String,
}

/// What the request handlers share.
struct State {
    issuer: Issuer,
    metadata: String,
    acs_url: String,
    app_url: String,
    group_prefix: String,
}

impl IdentityProvider {
    /// Starts to serve on `address` for the application at `app_url`. The signing key is kept in
    /// `folder`, so that the application trusts it after a restart. Group names begin with
    /// `group_prefix`. The inbox shows the mails in the folder `mails`.
    ///
    /// # Errors
    /// The port cannot be opened, or the key cannot be read or written.
    pub async fn start(
        address: SocketAddr,
        app_url: &str,
        group_prefix: &str,
        folder: &Path,
        mails: &Path,
    ) -> Result<Self, Error> {
        let listener = std::net::TcpListener::bind(address).map_err(Error::io(format!(
            "opening {address} for the identity provider"
        )))?;
        let port = listener
            .local_addr()
            .map_err(Error::io("the identity provider's port"))?
            .port();
        let url = format!("http://localhost:{port}");
        let issuer = open_issuer(&format!("{url}/metadata"), folder)?;
        let metadata = issuer
            .metadata_xml(&format!("{url}/sso"), Some(&format!("{url}/slo")))
            .map_err(|error| Error::Key(error.to_string()))?;
        let state = web::Data::new(State {
            issuer,
            metadata: metadata.clone(),
            acs_url: format!("{app_url}/login/callback"),
            app_url: app_url.to_owned(),
            group_prefix: group_prefix.to_owned(),
        });
        let inbox = web::Data::new(inbox::Inbox::new(mails, app_url));
        let app = move || {
            App::new()
                .app_data(state.clone())
                .app_data(inbox.clone())
                .configure(routes)
                .configure(inbox::routes)
        };
        let server = HttpServer::new(app)
            .workers(1)
            .disable_signals()
            .listen(listener)
            .map_err(Error::io("serving the identity provider"))?
            .run();
        tokio::spawn(server);
        Ok(Self { url, metadata })
    }

    /// Returns the base URL of the identity provider.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the URL of the inbox.
    pub fn inbox_url(&self) -> String {
        format!("{}/inbox", self.url)
    }

    /// Returns the SAML metadata as XML.
    pub fn metadata(&self) -> &str {
        &self.metadata
    }
}

/// Reads the key and certificate of an earlier start, or generates them.
fn open_issuer(entity_id: &str, folder: &Path) -> Result<Issuer, Error> {
    let key_error = |error: starchart_saml::issuer::IssuerError| Error::Key(error.to_string());
    let key_file = folder.join("idp-key.pem");
    let certificate_file = folder.join("idp-certificate.pem");
    if let (Ok(key), Ok(certificate)) = (
        std::fs::read_to_string(&key_file),
        std::fs::read_to_string(&certificate_file),
    ) {
        return Issuer::from_pem(entity_id, &key, &certificate)
            .map_err(|error| Error::Unreadable(error.to_string()));
    }
    let issuer = Issuer::generate(entity_id).map_err(key_error)?;
    let (key, certificate) = issuer.to_pem().map_err(key_error)?;
    std::fs::write(&key_file, key).map_err(Error::io(key_file.display().to_string()))?;
    std::fs::write(&certificate_file, certificate)
        .map_err(Error::io(certificate_file.display().to_string()))?;
    Ok(issuer)
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/metadata", web::get().to(metadata))
        .route("/sso", web::get().to(show_login))
        .route("/sso", web::post().to(login))
        .route("/slo", web::get().to(signed_out))
        .route("/continue.js", web::get().to(continue_script))
        .route("/style.css", web::get().to(stylesheet));
}

/// The query of the HTTP-Redirect binding (SAML bindings 3.4.4).
#[derive(Deserialize)]
struct LoginQuery {
    #[serde(rename = "SAMLRequest")]
    saml_request: String,
    #[serde(rename = "RelayState", default)]
    relay_state: String,
}

#[derive(Deserialize)]
struct LoginForm {
    #[serde(rename = "SAMLRequest")]
    saml_request: String,
    #[serde(rename = "RelayState", default)]
    relay_state: String,
    username: String,
    password: String,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    saml_request: &'a str,
    relay_state: &'a str,
    username: &'a str,
    refused: bool,
    users: &'a [DemoUser],
}

#[derive(Template)]
#[template(path = "continue.html")]
struct ContinuePage<'a> {
    acs_url: &'a str,
    saml_response: &'a str,
    relay_state: &'a str,
}

#[derive(Template)]
#[template(path = "signed-out.html")]
struct SignedOutPage<'a> {
    app_url: &'a str,
}

async fn metadata(state: web::Data<State>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/samlmetadata+xml")
        .body(state.metadata.clone())
}

async fn show_login(request: web::Query<LoginQuery>) -> HttpResponse {
    if let Err(error) = parse_authn_request(&request.saml_request) {
        return HttpResponse::BadRequest().body(format!("This is not a sign-in request: {error}"));
    }
    login_page(&request.saml_request, &request.relay_state, "", false)
}

async fn login(state: web::Data<State>, form: web::Form<LoginForm>) -> HttpResponse {
    let request = match parse_authn_request(&form.saml_request) {
        Ok(request) if request.acs_url == state.acs_url => request,
        Ok(_) => {
            return HttpResponse::BadRequest().body("This request comes from another application.");
        }
        Err(error) => {
            return HttpResponse::BadRequest()
                .body(format!("This is not a sign-in request: {error}"));
        }
    };
    let Some(user) = DEMO_USERS
        .iter()
        .find(|user| user.username == form.username && user.password == form.password)
    else {
        return login_page(&form.saml_request, &form.relay_state, &form.username, true);
    };
    let identity = SamlIdentity {
        username: user.username.to_owned(),
        display_name: user.display_name.to_owned(),
        email: user.email.to_owned(),
        groups: user
            .groups
            .iter()
            .map(|group| format!("{}-{group}", state.group_prefix))
            .collect(),
    };
    match state.issuer.respond(&request, &identity) {
        Ok(saml_response) => {
            info!(
                username = user.username,
                "the identity provider signed a user in"
            );
            let page = ContinuePage {
                acs_url: &request.acs_url,
                saml_response: &saml_response,
                relay_state: &form.relay_state,
            };
            // The page posts its form to the application, so form-action must name it.
            let csp = format!(
                "default-src 'none'; script-src 'self'; style-src 'self'; form-action {}",
                state.app_url
            );
            html_response(page.render(), &csp)
        }
        Err(error) => {
            warn!(%error, "the identity provider could not sign the response");
            HttpResponse::InternalServerError().body("The response could not be signed.")
        }
    }
}

async fn signed_out(state: web::Data<State>) -> HttpResponse {
    html_response(
        SignedOutPage {
            app_url: &state.app_url,
        }
        .render(),
        SELF_ONLY_CSP,
    )
}

async fn continue_script() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/javascript")
        .body("document.forms[0].submit();\n")
}

async fn stylesheet() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css")
        .body(include_str!("../templates/style.css"))
}

fn login_page(
    saml_request: &str,
    relay_state: &str,
    username: &str,
    refused: bool,
) -> HttpResponse {
    html_response(
        LoginPage {
            saml_request,
            relay_state,
            username,
            refused,
            users: &DEMO_USERS,
        }
        .render(),
        SELF_ONLY_CSP,
    )
}
