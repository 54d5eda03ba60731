//! Where the clients of each protocol put the secret of a token.

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use starchart_domain::token::TokenSecret;
use url::form_urlencoded;
use zeroize::Zeroizing;

use super::channel::Channel;

/// The header of PowerDNS' API, and of acme-dns' in other letters.
const API_KEY: &str = "x-api-key";

/// What a request has to prove whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) secret: TokenSecret,
    /// The user name beside the secret. It proves nothing; to a client of a dynamic address it can
    /// be the name of the host.
    pub(crate) username: Option<String>,
}

/// Why a request has no usable credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CredentialsFault {
    /// The request has none.
    Missing,
    /// They cannot be read, are no secret of ours, or there are several.
    Invalid,
}

/// A user name, and a text that should be a secret.
type Pair = (Option<String>, Zeroizing<String>);

/// Reads the credentials of a request: `Authorization` with the scheme Token, Bearer or Basic;
/// `X-API-Key` for PowerDNS and acme-dns; `username` and `password` of the query for dynamic
/// addresses, whose clients in routers often know nothing else.
///
/// # Errors
/// There are none, or more than one, or they are malformed.
pub(crate) fn read(req: &HttpRequest, channel: Channel) -> Result<Credentials, CredentialsFault> {
    let mut found: Vec<Pair> = Vec::new();
    if let Some(value) = single(req.headers(), AUTHORIZATION.as_str())? {
        found.push(from_authorization(value).ok_or(CredentialsFault::Invalid)?);
    }
    if matches!(channel, Channel::PowerDns | Channel::AcmeDns)
        && let Some(value) = single(req.headers(), API_KEY)?
    {
        found.push((None, Zeroizing::new(value.to_owned())));
    }
    if channel == Channel::DynDns {
        let query = || form_urlencoded::parse(req.query_string().as_bytes());
        let username = query().find(|(name, _)| name == "username");
        let username = username.map(|(_, value)| value.into_owned());
        let passwords = query().filter(|(name, value)| name == "password" && !value.is_empty());
        found.extend(passwords.map(|(_, it)| (username.clone(), Zeroizing::new(it.into_owned()))));
    }
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (None, _) => Err(CredentialsFault::Missing),
        (Some((username, text)), None) => {
            let secret = TokenSecret::parse(&text).ok_or(CredentialsFault::Invalid)?;
            Ok(Credentials { secret, username })
        }
        (Some(_), Some(_)) => Err(CredentialsFault::Invalid),
    }
}

/// Returns the value of a header that may be there once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, CredentialsFault> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => match value.to_str() {
            Ok(text) => Ok(Some(text.trim())),
            Err(_) => Err(CredentialsFault::Invalid),
        },
        (Some(_), Some(_)) => Err(CredentialsFault::Invalid),
    }
}

fn from_authorization(value: &str) -> Option<Pair> {
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim_start();
    if scheme.eq_ignore_ascii_case("token") || scheme.eq_ignore_ascii_case("bearer") {
        return Some((None, Zeroizing::new(rest.to_owned())));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(rest).ok()?);
    let (username, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    let username = Some(username.to_owned()).filter(|name| !name.is_empty());
    Some((username, Zeroizing::new(password.to_owned())))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn secret() -> String {
        TokenSecret::from_random(&[7; 32]).expose().to_owned()
    }

    fn basic(username: &str, password: &str) -> String {
        format!(
            "Basic {}",
            STANDARD.encode(format!("{username}:{password}"))
        )
    }

    /// Reads the user name, or the fault, of a request with these headers.
    fn outcome(
        channel: Channel,
        query: &str,
        headers: &[(&str, String)],
    ) -> Result<Option<String>, CredentialsFault> {
        let mut request = TestRequest::with_uri(&format!("/x?{query}"));
        for (name, value) in headers {
            request = request.append_header((*name, value.as_str()));
        }
        let found = read(&request.to_http_request(), channel)?;
        assert_eq!(found.secret.expose(), secret());
        Ok(found.username)
    }

    #[test]
    fn each_channel_reads_its_own_places() {
        use Channel::{AcmeDns, DynDns, Httpreq, PowerDns, Rest};
        use CredentialsFault::{Invalid, Missing};
        let secret = secret();
        let authorization = |value: String| vec![("authorization", value)];
        let key = |value: &str| vec![("x-api-key", value.to_owned())];
        let user = |name: &str| Ok(Some(name.to_owned()));
        let in_query = format!("username=home&password={secret}");
        let repeats = format!("{in_query}&myip=192.0.2.1&myip=192.0.2.2");
        for (channel, query, headers, expected) in [
            (Rest, "", authorization(format!("Token {secret}")), Ok(None)),
            (
                Rest,
                "",
                authorization(format!("token  {secret}")),
                Ok(None),
            ),
            (
                Rest,
                "",
                authorization(format!("Bearer {secret}")),
                Ok(None),
            ),
            (
                Rest,
                "",
                authorization(basic("user1", &secret)),
                user("user1"),
            ),
            (Rest, "", authorization(basic("", &secret)), Ok(None)),
            (Rest, "", vec![], Err(Missing)),
            (Rest, "", authorization(secret.clone()), Err(Invalid)),
            (
                Rest,
                "",
                authorization(format!("Digest {secret}")),
                Err(Invalid),
            ),
            (Rest, "", authorization("Basic !".to_owned()), Err(Invalid)),
            (
                Rest,
                "",
                authorization(basic("user1", "secret")),
                Err(Invalid),
            ),
            (
                Rest,
                "",
                authorization(format!("Token {secret}0")),
                Err(Invalid),
            ),
            (Rest, "", key(&secret), Err(Missing)),
            (Rest, &in_query, vec![], Err(Missing)),
            (PowerDns, "", key(&secret), Ok(None)),
            (PowerDns, "", key("secret"), Err(Invalid)),
            (PowerDns, &in_query, vec![], Err(Missing)),
            (AcmeDns, "", key(&secret), Ok(None)),
            (
                Httpreq,
                "",
                authorization(basic("user1", &secret)),
                user("user1"),
            ),
            (Httpreq, "", key(&secret), Err(Missing)),
            (DynDns, &in_query, vec![], user("home")),
            (DynDns, &repeats, vec![], user("home")),
            (DynDns, "username=home&password=", vec![], Err(Missing)),
            (
                DynDns,
                "",
                authorization(basic("a.b.example", &secret)),
                user("a.b.example"),
            ),
        ] {
            let found = outcome(channel, query, &headers);
            assert_eq!(found, expected, "{channel:?} {query} {headers:?}");
        }
    }

    #[test]
    fn two_secrets_are_refused() {
        let secret = secret();
        let token = ("authorization", format!("Token {secret}"));
        let twice = [token.clone(), token.clone()];
        let key = ("x-api-key", secret.clone());
        let both = [token, key];
        let query = format!("password={secret}");
        let both_in_query = format!("{query}&{query}");
        for (channel, query, headers) in [
            (Channel::Rest, "", &twice[..]),
            (Channel::PowerDns, "", &both[..]),
            (Channel::DynDns, query.as_str(), &both[..1]),
            (Channel::DynDns, both_in_query.as_str(), &[]),
        ] {
            let found = outcome(channel, query, headers);
            assert_eq!(found, Err(CredentialsFault::Invalid), "{channel:?}");
        }
    }
}
