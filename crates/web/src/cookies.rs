//! Names and attributes of the cookies. All are HttpOnly, SameSite=Lax, for the whole host and for
//! it alone; on https they carry the `__Host-` prefix, so that no neighbour under the same domain
//! can set them.

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};

/// What a cookie is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The opaque token of a session. Ends with the browser; the store decides when it ends before.
    Session,
    /// A random mark of a browser that is not signed in: binds its sign-in and its forms.
    Browser,
    /// Messages of the last action, signed.
    Flash,
    /// Who has just signed out, signed.
    SignedOut,
    /// A sign-in was started for an answer nobody asked for.
    Again,
}

impl Kind {
    /// The name without prefix; also the purpose of its signature.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Browser => "login",
            Self::Flash => "flash",
            Self::SignedOut => "signed-out",
            Self::Again => "again",
        }
    }

    /// Seconds; None lives as long as the browser.
    fn max_age(self) -> Option<i64> {
        match self {
            Self::Session => None,
            // The request it binds lives ten minutes; a sign-in page may stay open for longer
            // before its button is pressed.
            Self::Browser => Some(12 * 60 * 60),
            Self::Again => Some(60),
            // Long enough to sign in meanwhile.
            Self::Flash => Some(10 * 60),
            Self::SignedOut => Some(5 * 60),
        }
    }
}

/// Whether names are prefixed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CookieNames {
    secure: bool,
}

impl CookieNames {
    pub(crate) fn new(secure: bool) -> Self {
        Self { secure }
    }

    pub(crate) fn name(self, kind: Kind) -> String {
        if self.secure {
            format!("__Host-{}", kind.word())
        } else {
            kind.word().to_owned()
        }
    }

    /// The value the browser sent.
    pub(crate) fn read(self, req: &HttpRequest, kind: Kind) -> Option<String> {
        req.cookie_raw(&self.name(kind))
            .map(|cookie| cookie.value().to_owned())
    }

    pub(crate) fn set(self, kind: Kind, value: String) -> Cookie<'static> {
        let mut cookie = self.plain(kind, value);
        cookie.set_max_age(kind.max_age().map(Duration::seconds));
        cookie
    }

    pub(crate) fn remove(self, kind: Kind) -> Cookie<'static> {
        let mut cookie = self.plain(kind, String::new());
        cookie.set_max_age(Duration::ZERO);
        cookie
    }

    fn plain(self, kind: Kind, value: String) -> Cookie<'static> {
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
        let line = CookieNames::new(true)
            .set(Kind::Session, "x".to_owned())
            .to_string();
        assert_eq!(
            line,
            "__Host-session=x; HttpOnly; SameSite=Lax; Secure; Path=/"
        );
        let line = CookieNames::new(true).remove(Kind::Session).to_string();
        assert_eq!(
            line,
            "__Host-session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0"
        );
    }

    #[test]
    fn attributes_on_loopback() {
        let line = CookieNames::new(false)
            .set(Kind::SignedOut, "x".to_owned())
            .to_string();
        assert_eq!(
            line,
            "signed-out=x; HttpOnly; SameSite=Lax; Path=/; Max-Age=300"
        );
    }
}
