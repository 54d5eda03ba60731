//! Settings of the web, as the binary passes them.

use ipnet::IpNet;
use starchart_domain::api::ApiSettings;
use starchart_domain::limits::Limits;
use starchart_domain::names::RootDomain;
use starchart_domain::secret::Secret;
use starchart_domain::site::Site;
use starchart_domain::user::GroupNames;
use starchart_domain::words::NameLists;
use url::Url;

/// Settings of the web.
#[derive(Debug, Clone)]
pub struct WebConfig {
    /// APP_URL: the public URL, without a path. https, or http on loopback in development.
    pub app_url: Url,
    /// What the site is called, and whom users ask.
    pub site: Site,
    /// ROOT_DOMAIN: the domain under which each user has a base domain.
    pub root_domain: RootDomain,
    /// WORD_LISTS_PATH: which words and labels names may not have.
    pub name_lists: NameLists,
    /// How much a user or an address may do.
    pub limits: Limits,
    /// What is offered of the API.
    pub api: ApiSettings,
    /// SESSION_SECRET: every secret verifies, the first one signs.
    pub session_secrets: Vec<Secret>,
    /// Names of the identity provider's groups for students, faculty and admins.
    pub group_names: GroupNames,
    /// TRUSTED_PROXIES: `X-Forwarded-For` counts only when one of these networks sends it.
    pub trusted_proxies: Vec<IpNet>,
    /// SAML_FORM_ACTION_ORIGINS: origins that the identity provider redirects to, in addition to
    /// its own.
    pub form_action_origins: Vec<String>,
    /// Host and port of the name server to show in lookup commands, when records are not in the
    /// public DNS (the demo's name server).
    pub lookup_server: Option<(String, u16)>,
    /// The name of the DNS provider, on pages about the state of a record.
    pub dns_provider: &'static str,
    /// Version, commit and schema of the running program.
    pub version: VersionInfo,
    /// Whether browsers must not cache static files.
    pub development: bool,
    /// ACME_CAA_IDENTITIES: the domains by which the certificate authority is known in CAA records.
    pub caa_identities: Vec<String>,
    /// Why certificates are off, for operators; users see only that they are. `None` means on.
    pub certificates_off: Option<String>,
}

/// The JSON body of `GET /version`.
#[derive(Debug, Clone, serde::Serialize)]
pub struct VersionInfo {
    /// Version of the program.
    pub version: String,
    /// Git commit of the source.
    pub commit: String,
    /// Date of the build.
    pub built: String,
    /// Name of the newest migration that the program has.
    pub schema: String,
}
