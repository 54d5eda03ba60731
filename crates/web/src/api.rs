//! The API for programs of users: one folder or file a protocol.
//!
//! A protocol parses its requests, calls [`crate::actions`] and renders what they return, in the
//! words that its clients expect. It uses neither the store nor the DNS nor pages; a test below
//! holds that. Which token a request has, and whether it is accepted, is decided before, in
//! [`crate::admission`].

pub(crate) mod acme_dns;
pub(crate) mod channel;
pub(crate) mod credentials;
pub(crate) mod dyndns;
pub(crate) mod errors;
pub(crate) mod httpreq;
pub(crate) mod powerdns;
pub(crate) mod request;
pub(crate) mod rest;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use std::path::{Path, PathBuf};

    /// What no protocol may name.
    const FORBIDDEN: &[&str] = &[
        "starchart_store",
        "starchart_dns",
        "starchart_jobs",
        "sea_orm",
        "crate::pages",
        "crate::cookies",
        "crate::csrf",
    ];

    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => files(&path, found),
                false => found.push(path),
            }
        }
    }

    #[test]
    fn protocols_use_actions_only() {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/api"));
        let mut found = Vec::new();
        files(folder, &mut found);
        assert!(found.len() >= 3, "{found:?}");
        for path in found {
            let text = std::fs::read_to_string(&path).unwrap();
            for word in FORBIDDEN {
                assert!(!text.contains(word), "{}: {word}", path.display());
            }
        }
    }
}
