//! A browser without JavaScript, with the headers that the TLS proxy adds.

use std::collections::BTreeMap;

use reqwest::header::{COOKIE, HOST, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Client, Method, RequestBuilder};
use starchart_saml::issuer::{AuthnRequest, Issuer, SamlIdentity, parse_authn_request};
use starchart_testkit::html::{Form, forms};

use crate::app::APP_URL;

/// The name of the session cookie.
pub const SESSION: &str = "__Host-session";

/// A browser with its cookies. They are not in the client, which would not send Secure cookies to
/// the process over plain HTTP.
#[derive(Clone)]
pub struct Browser {
    client: Client,
    base: String,
    pub cookies: BTreeMap<String, String>,
}

/// A response with its whole body.
#[derive(Debug, Clone)]
pub struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Page {
    /// Returns the header `Location`, or an empty text.
    pub fn location(&self) -> &str {
        self.headers
            .get(LOCATION)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Returns a header of the response, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Returns the Set-Cookie headers of the response.
    pub fn set_cookies(&self) -> Vec<String> {
        self.headers
            .get_all(SET_COOKIE)
            .iter()
            .map(|line| line.to_str().unwrap().to_owned())
            .collect()
    }

    /// Returns the CSRF token of the page's forms.
    pub fn csrf_token(&self) -> String {
        let token = forms(&self.body)
            .iter()
            .find_map(|form| form.value("csrf_token").map(str::to_owned));
        token.unwrap_or_else(|| panic!("no token on the page {}: {}", self.status, self.body))
    }

    /// Returns the form that is posted to `action`.
    pub fn form(&self, action: &str) -> Form {
        let all = forms(&self.body);
        let found = all
            .iter()
            .find(|form| form.method == "post" && form.action == action);
        found.cloned().unwrap_or_else(|| {
            panic!(
                "no form to {action} on the page {}: {all:?}\n{}",
                self.status, self.body
            )
        })
    }
}

impl Browser {
    pub fn new(port: u16) -> Self {
        Self {
            client: starchart_testkit::http::client_without_cookies(),
            base: format!("http://127.0.0.1:{port}"),
            cookies: BTreeMap::new(),
        }
    }

    /// Returns the same browser, whose requests go to another process.
    pub fn at(&self, port: u16) -> Self {
        Self {
            base: format!("http://127.0.0.1:{port}"),
            ..self.clone()
        }
    }

    /// Creates a request as the proxy forwards it, with this browser's cookies, for requests that
    /// [`Browser::get`] and [`Browser::post`] do not send.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("; ");
        let request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .header(HOST, APP_URL.trim_start_matches("https://"))
            .header("X-Forwarded-Proto", "https")
            .header("X-Forwarded-For", "203.0.113.7");
        if cookies.is_empty() {
            request
        } else {
            request.header(COOKIE, cookies)
        }
    }

    pub async fn get(&mut self, path: &str) -> Page {
        let request = self
            .request(Method::GET, path)
            .header("Sec-Fetch-Site", "none");
        self.send(request).await
    }

    /// Posts fields as a form of our own page does.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let request = self
            .request(Method::POST, path)
            .header(ORIGIN, APP_URL)
            .header("Sec-Fetch-Site", "same-origin")
            .form(fields);
        self.send(request).await
    }

    /// Posts a form of a page.
    pub async fn submit(&mut self, form: &Form) -> Page {
        let fields: Vec<(&str, &str)> = form
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        self.post(&form.action, &fields).await
    }

    pub async fn send(&mut self, request: RequestBuilder) -> Page {
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let (pair, attributes) = cookie.to_str().unwrap().split_once(';').unwrap_or_default();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() || attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Page {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.text().await.unwrap(),
        }
    }

    /// Begins a sign-in; returns the request to the identity provider and the relay state.
    pub async fn ask_to_sign_in(&mut self, return_to: &str) -> (AuthnRequest, String) {
        let encoded: String = url::form_urlencoded::byte_serialize(return_to.as_bytes()).collect();
        let page = self.get(&format!("/login?redirectTo={encoded}")).await;
        let sent = self.submit(&page.form("/login")).await;
        assert_eq!(sent.status, 303, "{}", sent.body);
        asked(&sent)
    }

    /// Posts a response of the identity provider, as its page does from its own origin.
    pub async fn post_response(&mut self, saml_response: &str, relay_state: &str) -> Page {
        // The cookie that binds the request is Lax: a cross-site POST does not carry it.
        let cookies = std::mem::take(&mut self.cookies);
        let request = self
            .request(Method::POST, "/login/callback")
            .header(ORIGIN, "https://idp.school.example")
            .header("Sec-Fetch-Site", "cross-site")
            .form(&[("SAMLResponse", saml_response), ("RelayState", relay_state)]);
        let page = self.send(request).await;
        let set = std::mem::replace(&mut self.cookies, cookies);
        self.cookies.extend(set);
        page
    }

    /// Signs in as `user` and returns the first page after the sign-in.
    pub async fn sign_in(&mut self, idp: &Issuer, user: &SamlIdentity) -> Page {
        let inside = self
            .sign_in_by("/", |seen| idp.respond(seen, user).unwrap())
            .await;
        assert_eq!(inside.status, 303, "{}", inside.body);
        self.get(&path_of(inside.location())).await
    }

    /// Signs in with the response that `answer` creates, and returns the answer to
    /// `GET /login/complete`.
    pub async fn sign_in_by(
        &mut self,
        return_to: &str,
        answer: impl FnOnce(&AuthnRequest) -> String,
    ) -> Page {
        let (seen, relay_state) = self.ask_to_sign_in(return_to).await;
        let answered = self.post_response(&answer(&seen), &relay_state).await;
        assert_eq!(answered.status, 303, "{}", answered.body);
        self.get(&path_of(answered.location())).await
    }

    /// Returns whether this browser is signed in, by the answer to `GET /dns-records`.
    pub async fn is_signed_in(&self) -> bool {
        let page = self.clone().get("/dns-records").await;
        match (page.status, page.location()) {
            (200, _) => true,
            (303, to) if to.starts_with("/label") => true,
            (303, location) if location.starts_with("/login") => false,
            other => panic!("neither signed in nor a guest: {other:?}"),
        }
    }

    /// Returns the value of the session cookie.
    pub fn session(&self) -> Option<&str> {
        self.cookies.get(SESSION).map(String::as_str)
    }

    /// Fills in the form for a new record and sends it.
    pub async fn create(&mut self, name: &str, rtype: &str, value: &str) -> Page {
        let page = self.get("/dns-records/new").await;
        let form = page
            .form("/dns-records/new")
            .with("subdomain", name)
            .with("type", rtype)
            .with("value", value);
        self.submit(&form).await
    }

    /// Returns the ids of the records on the user's page, in its order.
    pub async fn record_ids(&mut self) -> Vec<String> {
        let page = self.get("/dns-records").await;
        assert_eq!(page.status, 200, "{}", page.body);
        let mut ids: Vec<String> = Vec::new();
        for part in page.body.split("href=\"/dns-records/").skip(1) {
            let id: String = part.chars().take_while(char::is_ascii_digit).collect();
            if !id.is_empty() && !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }
}

/// Returns the request in a redirect to the identity provider, and the relay state.
pub fn asked(page: &Page) -> (AuthnRequest, String) {
    let url = url::Url::parse(page.location()).unwrap();
    let parameter = |name: &str| {
        url.query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .unwrap()
    };
    (
        parse_authn_request(&parameter("SAMLRequest")).unwrap(),
        parameter("RelayState"),
    )
}

/// Returns path and query of a Location below APP_URL.
pub fn path_of(location: &str) -> String {
    location
        .strip_prefix(APP_URL)
        .unwrap_or(location)
        .to_owned()
}

/// Returns the identity of a user that the identity provider asserts.
pub fn identity(username: &str, groups: &[&str]) -> SamlIdentity {
    SamlIdentity {
        username: username.to_owned(),
        display_name: format!("Name of {username}"),
        email: format!("{username}@school.example"),
        groups: groups
            .iter()
            .map(|group| format!("mycustomdomain-{group}"))
            .collect(),
    }
}
