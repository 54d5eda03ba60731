//! The Secret that an Ingress or a Gateway of Kubernetes names.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Parts, full_chain};

/// Writes a Secret of the type `kubernetes.io/tls`.
pub(super) fn secret(parts: Parts<'_>) -> String {
    let name = secret_name(&parts.certificate.domain);
    let certificate = STANDARD.encode(full_chain(parts.certificate));
    let key = STANDARD.encode(parts.key.expose());
    format!(
        "apiVersion: v1\n\
         kind: Secret\n\
         metadata:\n\
         \u{20} name: {name}\n\
         type: kubernetes.io/tls\n\
         data:\n\
         \u{20} tls.crt: {certificate}\n\
         \u{20} tls.key: {key}\n"
    )
}

/// Returns the name of the Secret for a domain: a label of the DNS with letters, digits and
/// hyphens.
pub(crate) fn secret_name(domain: &str) -> String {
    format!("{}-tls", domain.replace(['.', '_'], "-"))
}
