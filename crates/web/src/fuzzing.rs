//! What must hold for any request body: the body of a fuzz target (`fuzz/`).
//!
//! A test checks it for the seeds in every test run.

use crate::forms::{CSRF_FIELD, Form};

/// Checks the decoder of forms.
///
/// # Panics
/// A form that is shown again is not what was typed.
pub fn form(data: &[u8]) {
    let Ok(form) = Form::parse(data) else { return };
    let shown = form.encode_without_token();
    let again = Form::parse(shown.as_bytes()).unwrap_or_default();
    assert_eq!(again.encode_without_token(), shown);
    assert_eq!(again.get(CSRF_FIELD), None);
    for (name, value) in url::form_urlencoded::parse(data) {
        assert_eq!(form.get(&name), Some(value.as_ref()));
        if name != CSRF_FIELD {
            assert_eq!(again.get(&name), Some(value.as_ref()));
        }
    }
}

/// Returns seeds for [`form`].
pub fn form_seeds() -> Vec<Vec<u8>> {
    [
        &b"csrf_token=x&subdomain=www&type=TXT&value=a+b%26c%3D%C3%A9&description=%0D%0A"[..],
        b"id=1&%69d=1",
        b"=&=x&a&b=%ff%zz+%",
        b"SAMLResponse=PHg%2BYWJjPC94Pg%3D%3D&RelayState=",
    ]
    .map(<[u8]>::to_vec)
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_is_read_as_it_was_written() {
        for seed in form_seeds() {
            form(&seed);
        }
    }
}
