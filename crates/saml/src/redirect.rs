//! The HTTP-Redirect binding with the DEFLATE encoding (SAML bindings 3.4.4.1).

use std::io::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use url::Url;

/// Why a request could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// SAML bindings 3.4.3 allows 80 bytes.
    #[error("the relay state is longer than 80 bytes")]
    RelayState,
    /// Compressing failed.
    #[error("the request could not be compressed")]
    Compress,
}

/// The address that carries this request.
pub(crate) fn url(service: &Url, xml: &str, relay_state: &str) -> Result<Url, RequestError> {
    if relay_state.len() > 80 {
        return Err(RequestError::RelayState);
    }
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(xml.as_bytes())
        .map_err(|_| RequestError::Compress)?;
    let packed = encoder.finish().map_err(|_| RequestError::Compress)?;
    let mut url = service.clone();
    let mut query = url.query_pairs_mut();
    query.append_pair("SAMLRequest", &STANDARD.encode(packed));
    if !relay_state.is_empty() {
        query.append_pair("RelayState", relay_state);
    }
    drop(query);
    Ok(url)
}

/// A new identifier: 160 random bits, and a letter first as an `xs:ID` must have.
pub(crate) fn new_id() -> String {
    let random: [u8; 20] = rand::random();
    format!("_{}", hex::encode(random))
}

/// An `xs:dateTime` in UTC.
pub(crate) fn instant(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn no_id_comes_twice_in_a_hundred_thousand() {
        let ids: HashSet<String> = (0..100_000).map(|_| super::new_id()).collect();
        assert_eq!(ids.len(), 100_000);
        assert!(ids.iter().all(|id| id.len() == 41 && id.starts_with('_')));
    }
}
