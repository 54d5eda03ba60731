//! The identity provider of the demo: SAML 2.0 with four ready people. Everybody may read their
//! passwords.

use std::net::SocketAddr;
use std::path::Path;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use actix_web::{App, HttpResponse, HttpServer, web};
use askama::Template;
use serde::Deserialize;
use starchart_saml::issuer::{Issuer, SamlIdentity, parse_authn_request};
use tracing::{info, warn};

use crate::{Error, inbox};

/// Somebody who can sign in.
#[derive(Debug, Clone, Copy)]
pub struct DemoUser {
    /// What to type.
    pub username: &'static str,
    /// What to type; no secret.
    pub password: &'static str,
    /// The name in the page's head.
    pub display_name: &'static str,
    /// The mail address.
    pub email: &'static str,
    /// What follows the group prefix: `students`.
    pub groups: &'static [&'static str],
}

/// Everybody who can sign in.
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

/// A running identity provider; it ends with the process.
pub struct IdentityProvider {
    url: String,
    metadata: String,
}

struct State {
    issuer: Issuer,
    metadata: String,
    acs_url: String,
    app_url: String,
    group_prefix: String,
}

impl IdentityProvider {
    /// Serves on `address` for the application at `app_url`, with a key kept in `folder` so that a
    /// restart signs nobody out of trust. Group names begin with `group_prefix`. The inbox shows
    /// what stands in the folder `mails`.
    ///
    /// # Errors
    /// The port cannot be opened, or the key not be read or written.
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
        let issuer = issuer(&format!("{url}/metadata"), folder)?;
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

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the inbox is.
    pub fn inbox_url(&self) -> String {
        format!("{}/inbox", self.url)
    }

    /// Its SAML metadata.
    pub fn metadata(&self) -> &str {
        &self.metadata
    }
}

/// The key and certificate of an earlier start, or new ones.
fn issuer(entity_id: &str, folder: &Path) -> Result<Issuer, Error> {
    let key_error = |error: starchart_saml::issuer::IssuerError| Error::Key(error.to_string());
    let (key_file, certificate_file) = (
        folder.join("idp-key.pem"),
        folder.join("idp-certificate.pem"),
    );
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
        .route("/sso", web::get().to(form))
        .route("/sso", web::post().to(sign_in))
        .route("/slo", web::get().to(signed_out))
        .route("/continue.js", web::get().to(script))
        .route("/style.css", web::get().to(style));
}

#[derive(Deserialize)]
struct Request {
    #[serde(rename = "SAMLRequest")]
    saml_request: String,
    #[serde(rename = "RelayState", default)]
    relay_state: String,
}

#[derive(Deserialize)]
struct SignIn {
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
    wrong: bool,
    people: &'a [DemoUser],
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

async fn form(request: web::Query<Request>) -> HttpResponse {
    if let Err(error) = parse_authn_request(&request.saml_request) {
        return HttpResponse::BadRequest().body(format!("This is no request to sign in: {error}"));
    }
    login_page(&request.saml_request, &request.relay_state, "", false)
}

async fn sign_in(state: web::Data<State>, form: web::Form<SignIn>) -> HttpResponse {
    let seen = match parse_authn_request(&form.saml_request) {
        Ok(seen) if seen.acs_url == state.acs_url => seen,
        Ok(_) => {
            return HttpResponse::BadRequest().body("This request comes from another application.");
        }
        Err(error) => {
            return HttpResponse::BadRequest()
                .body(format!("This is no request to sign in: {error}"));
        }
    };
    let Some(person) = DEMO_USERS
        .iter()
        .find(|p| p.username == form.username && p.password == form.password)
    else {
        return login_page(&form.saml_request, &form.relay_state, &form.username, true);
    };
    let asserted = SamlIdentity {
        username: person.username.to_owned(),
        display_name: person.display_name.to_owned(),
        email: person.email.to_owned(),
        groups: person
            .groups
            .iter()
            .map(|group| format!("{}-{group}", state.group_prefix))
            .collect(),
    };
    match state.issuer.respond(&seen, &asserted) {
        Ok(saml_response) => {
            info!(
                username = person.username,
                "the identity provider signed somebody in"
            );
            let page = ContinuePage {
                acs_url: &seen.acs_url,
                saml_response: &saml_response,
                relay_state: &form.relay_state,
            };
            // The form goes to the application, so form-action must name it.
            let policy = format!(
                "default-src 'none'; script-src 'self'; style-src 'self'; form-action {}",
                state.app_url
            );
            html(page.render(), &policy)
        }
        Err(error) => {
            warn!(error = %error, "the identity provider could not sign");
            HttpResponse::InternalServerError().body("The answer could not be signed.")
        }
    }
}

async fn signed_out(state: web::Data<State>) -> HttpResponse {
    html(
        SignedOutPage {
            app_url: &state.app_url,
        }
        .render(),
        OWN,
    )
}

async fn script() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/javascript")
        .body("document.forms[0].submit();\n")
}

async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css")
        .body(include_str!("../templates/style.css"))
}

fn login_page(saml_request: &str, relay_state: &str, username: &str, wrong: bool) -> HttpResponse {
    html(
        LoginPage {
            saml_request,
            relay_state,
            username,
            wrong,
            people: &DEMO_USERS,
        }
        .render(),
        OWN,
    )
}

pub(crate) const OWN: &str = "default-src 'none'; style-src 'self'; form-action 'self'";

pub(crate) fn html(page: askama::Result<String>, policy: &str) -> HttpResponse {
    match page {
        Ok(body) => HttpResponse::Ok()
            .content_type("text/html; charset=utf-8")
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((CONTENT_SECURITY_POLICY, policy))
            .body(body),
        Err(error) => {
            warn!(error = %error, "a page of the demo could not be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}
