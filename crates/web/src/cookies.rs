//! Names and attributes of the cookies. All are HttpOnly and SameSite=Lax, for this host only. On
//! https their names have the `__Host-` prefix, so that no other host of the domain can set them.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

/// The purpose of a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CookieKind {
    /// The opaque session token. The browser drops it when it closes; the store ends the session.
    Session,
    /// The random token of a browser that is not signed in. Its sign-in and its forms are bound
    /// to it.
    Browser,
    /// Messages about the last action, signed.
    Flash,
    /// The user who has just signed out, signed.
    SignedOut,
    /// Set after an unsolicited SAML response started a sign-in of our own, to do so only once.
    UnsolicitedRetry,
}

impl CookieKind {
    /// Returns the name without prefix, which is also the purpose of its signature.
    pub(crate) fn base_name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Browser => "login",
            Self::Flash => "flash",
            Self::SignedOut => "signed-out",
            Self::UnsolicitedRetry => "again",
        }
    }

    /// Returns the lifetime in seconds; `None` lasts until the browser closes.
    fn max_age_s(self) -> Option<i64> {
        match self {
            Self::Session => None,
            // A sign-in request lives for ten minutes, but the sign-in page may stay open for
            // hours before its button is pressed.
            Self::Browser => Some(12 * 60 * 60),
            Self::UnsolicitedRetry => Some(60),
            // Long enough for a sign-in before the message is shown.
            Self::Flash => Some(10 * 60),
            Self::SignedOut => Some(5 * 60),
        }
    }
}

/// Creates and reads cookies; `secure` decides about the prefix and the Secure attribute.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CookiePolicy {
    secure: bool,
}

impl CookiePolicy {
    pub(crate) fn new(secure: bool) -> Self {
        Self { secure }
    }

    pub(crate) fn name(self, kind: CookieKind) -> String {
        if self.secure {
            format!("__Host-{}", kind.base_name())
        } else {
            kind.base_name().to_owned()
        }
    }

    /// Returns the value that the browser sent.
    pub(crate) fn read(self, req: &HttpRequest, kind: CookieKind) -> Option<String> {
        req.cookie_raw(&self.name(kind))
            .map(|cookie| cookie.value().to_owned())
    }

    pub(crate) fn set(self, kind: CookieKind, value: String) -> Cookie<'static> {
        let mut cookie = self.build(kind, value);
        cookie.set_max_age(kind.max_age_s().map(Duration::seconds));
        cookie
    }

    pub(crate) fn remove(self, kind: CookieKind) -> Cookie<'static> {
        let mut cookie = self.build(kind, String::new());
        cookie.set_max_age(Duration::ZERO);
        cookie
    }

    fn build(self, kind: CookieKind, value: String) -> Cookie<'static> {
        Cookie::build(self.name(kind), value)
            .path("/")
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.secure)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_on_https() {
        let line = CookiePolicy::new(true)
            .set(CookieKind::Session, "x".to_owned())
            .to_string();
        assert_eq!(
            line,
            "__Host-session=x; HttpOnly; SameSite=Lax; Secure; Path=/"
        );
        let line = CookiePolicy::new(true)
            .remove(CookieKind::Session)
            .to_string();
        assert_eq!(
            line,
            "__Host-session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0"
        );
    }

    #[test]
    fn attributes_on_loopback() {
        let line = CookiePolicy::new(false)
            .set(CookieKind::SignedOut, "x".to_owned())
            .to_string();
        assert_eq!(
            line,
            "signed-out=x; HttpOnly; SameSite=Lax; Path=/; Max-Age=300"
        );
    }
}
