//! Encodes requests for the HTTP-Redirect binding (SAML bindings 3.4.4.1, DEFLATE).

use std::io::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use url::Url;

/// Why a request could not be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The relay state exceeds the 80 bytes that SAML bindings 3.4.3 allows.
    #[error("the relay state is longer than 80 bytes")]
    RelayState,
    /// The DEFLATE encoder failed.
    #[error("the request could not be compressed")]
    Compress,
}

/// Builds the URL that carries the request in its query.
pub(crate) fn redirect_url(
    service: &Url,
    xml: &str,
    relay_state: &str,
) -> Result<Url, RequestError> {
    if relay_state.len() > 80 {
        return Err(RequestError::RelayState);
    }
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(xml.as_bytes())
        .map_err(|_| RequestError::Compress)?;
    let deflated = encoder.finish().map_err(|_| RequestError::Compress)?;
    let mut url = service.clone();
    let mut query = url.query_pairs_mut();
    query.append_pair("SAMLRequest", &STANDARD.encode(deflated));
    if !relay_state.is_empty() {
        query.append_pair("RelayState", relay_state);
    }
    drop(query);
    Ok(url)
}

/// Generates an identifier of 160 random bits (SAML core 1.3.4 asks for 128 at least). An `xs:ID`
/// must not start with a digit.
pub(crate) fn generate_id() -> String {
    let random: [u8; 20] = rand::random();
    format!("_{}", hex::encode(random))
}

/// Formats Unix milliseconds as an `xs:dateTime` in UTC (SAML core 1.3.3).
pub(crate) fn format_instant(millis: i64) -> String {
    DateTime::from_timestamp_millis(millis)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn generated_ids_are_unique() {
        let ids: HashSet<String> = (0..100_000).map(|_| super::generate_id()).collect();
        assert_eq!(ids.len(), 100_000);
        assert!(ids.iter().all(|id| id.len() == 41 && id.starts_with('_')));
    }
}
