//! The PHP files that configure SimpleSAMLphp.

use super::{IdpUser, ServiceProvider, Signed};

/// Writes `config.php`. Salt and password need no protection: the server runs for one test.
pub(super) fn main(url: &str) -> String {
    let base = quote(&format!("{url}/"));
    format!(
        r"<?php
$here = dirname(__DIR__) . '/';
$config = [
    'baseurlpath' => {base},
    'certdir' => $here . 'cert/',
    'loggingdir' => $here . 'log/',
    'datadir' => $here . 'tmp/',
    'tempdir' => $here . 'tmp/',
    'metadatadir' => $here . 'metadata/',
    'attributenamemapdir' => '/etc/simplesamlphp/attributemap/',
    'technicalcontact_email' => 'na@example.org',
    'secretsalt' => 'throw-away-salt-of-a-test',
    'auth.adminpassword' => 'throw-away-password-of-a-test',
    'timezone' => 'UTC',
    'logging.handler' => 'file',
    'enable.saml20-idp' => true,
    'module.enable' => ['core' => true, 'saml' => true, 'exampleauth' => true],
    'store.type' => 'phpsession',
    'session.phpsession.savepath' => $here . 'sessions',
    'session.cookie.secure' => false,
    'session.cookie.samesite' => null,
    'metadata.sources' => [['type' => 'flatfile']],
];
"
    )
}

/// Writes `authsources.php`: the users who can sign in, with their attributes.
pub(super) fn users(users: &[IdpUser]) -> String {
    let entries: String = users
        .iter()
        .map(|user| {
            let groups: Vec<String> = user.groups.iter().map(|group| quote(group)).collect();
            format!(
                "    {} => ['sAMAccountName' => [{}], 'displayname' => [{}], \
                 'email' => [{}], 'group' => [{}]],\n",
                quote(&format!("{}:{}", user.username, user.password)),
                quote(user.username),
                quote(user.display_name),
                quote(user.email),
                groups.join(", ")
            )
        })
        .collect();
    format!("<?php\n$config = ['users' => [\n    'exampleauth:UserPass',\n{entries}]];\n")
}

/// `saml20-idp-hosted.php`: the identity provider itself.
pub(super) fn hosted(entity_id: &str) -> String {
    format!(
        "<?php
$metadata[{}] = [
    'host' => '__DEFAULT__',
    'privatekey' => 'idp.pem',
    'certificate' => 'idp.crt',
    'auth' => 'users',
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
];
",
        quote(entity_id)
    )
}

/// `saml20-sp-remote.php`: the one service provider it answers.
pub(super) fn remote(provider: &ServiceProvider) -> String {
    let slo = provider
        .slo_url
        .as_ref()
        .map(|url| format!("    'SingleLogoutService' => {},\n", quote(url)));
    let encryption = provider.encrypt_for.as_ref().map(|certificate| {
        format!(
            "    'assertion.encryption' => true,\n    'certData' => {},\n",
            quote(certificate)
        )
    });
    format!(
        "<?php
$metadata[{}] = [
    'AssertionConsumerService' => {},
{}{}    'saml20.sign.response' => {},
    'saml20.sign.assertion' => {},
    'NameIDFormat' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
    'simplesaml.nameidattribute' => 'sAMAccountName',
];
",
        quote(&provider.entity_id),
        quote(&provider.acs_url),
        slo.unwrap_or_default(),
        encryption.unwrap_or_default(),
        provider.signed != Signed::Assertion,
        provider.signed != Signed::Response,
    )
}

/// A PHP string literal.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
