//! The lines to paste into the program that gets a token.

mod server;

use starchart_domain::names::BaseDomain;
use starchart_domain::record::RecordType;
use starchart_domain::token::{NamePattern, TokenRights, TokenSecret};

use super::preset::Preset;

/// Lines to paste somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snippet {
    /// What it is for.
    pub(crate) title: &'static str,
    /// Where the lines go.
    pub(crate) intro: &'static str,
    pub(crate) lines: String,
}

/// What the lines are made of.
pub(super) struct Snippets<'a> {
    /// The origin of this site.
    pub(super) origin: &'a str,
    pub(super) base: &'a BaseDomain,
    pub(super) rights: &'a TokenRights,
    pub(super) secret: &'a TokenSecret,
}

impl Snippets<'_> {
    /// Writes the lines for the use of a preset.
    pub(super) fn of(&self, preset: Preset) -> Vec<Snippet> {
        match preset {
            Preset::Server => self.server(),
            Preset::Certbot => self.certbot(),
            Preset::Router => self.router(),
            Preset::GitHubActions => self.github_actions(),
            Preset::Custom => self.custom(),
        }
    }

    fn certbot(&self) -> Vec<Snippet> {
        let secret = self.secret.expose();
        let domains: Vec<String> = self
            .rights
            .challenges
            .iter()
            .flat_map(|names| {
                let name = self.fqdn(names);
                [format!("-d {name}"), format!("-d '*.{name}'")]
            })
            .collect();
        let domains = domains.join(" ");
        vec![
            Snippet {
                title: "Install Certbot",
                intro: "Once, as root on your server. It needs Python 3.11 or newer with venv.",
                lines: "python3 -m venv /opt/certbot\n\
                        /opt/certbot/bin/pip install certbot certbot-dns-multi"
                    .to_owned(),
            },
            Snippet {
                title: "Store the token",
                intro: "As root, into a file that only root can read.",
                lines: format!(
                    "mkdir -p /etc/letsencrypt\n\
                     (umask 077; cat > /etc/letsencrypt/token.ini) <<'END'\n\
                     dns_multi_provider = httpreq\n\
                     HTTPREQ_ENDPOINT = {origin}/httpreq\n\
                     HTTPREQ_USERNAME = {base}\n\
                     HTTPREQ_PASSWORD = {secret}\n\
                     END",
                    origin = self.origin,
                    base = self.base,
                ),
            },
            Snippet {
                title: "Get the certificate",
                intro: "As root. Leave out the names that you do not need. The second line renews \
                        it; run it every day.",
                lines: format!(
                    "/opt/certbot/bin/certbot certonly --authenticator dns-multi \
                     --dns-multi-credentials /etc/letsencrypt/token.ini \
                     --dns-multi-propagation-seconds 30 {domains}\n\
                     /opt/certbot/bin/certbot renew"
                ),
            },
        ]
    }

    fn router(&self) -> Vec<Snippet> {
        let secret = self.secret.expose();
        let hosts: Vec<String> = self
            .rights
            .addresses
            .iter()
            .map(|name| self.fqdn(&NamePattern::Name(name.clone())))
            .collect();
        let first = hosts.first().map_or("", String::as_str);
        let origin = self.origin;
        let (scheme, server) = origin.split_once("://").unwrap_or(("https", origin));
        let ssl = if scheme == "https" { "yes" } else { "no" };
        let list = hosts.join(",");
        vec![
            Snippet {
                title: "In a router",
                intro: "Choose “user-defined” or “custom” as provider, and enter these four. The \
                        router fills in what is between < and >; some write it differently.",
                lines: format!(
                    "Update URL: {origin}/nic/update?hostname=<domain>&myip=<ipaddr>\
                     &myipv6=<ip6addr>\n\
                     Domain: {first}\n\
                     User name: {first}\n\
                     Password: {secret}"
                ),
            },
            Snippet {
                title: "Or with ddclient",
                intro: "In /etc/ddclient.conf, instead of what is there.",
                lines: format!(
                    "daemon=300\n\
                     ssl={ssl}\n\
                     use=web, web={origin}/nic/address\n\
                     protocol=dyndns2\n\
                     server={server}\n\
                     login={first}\n\
                     password='{secret}'\n\
                     {list}"
                ),
            },
            Snippet {
                title: "Or with curl",
                intro: "Every five minutes, for example from cron. It sets the address that the \
                        request comes from.",
                lines: format!(
                    "curl -fsS -u '{first}:{secret}' '{origin}/nic/update?hostname={list}'"
                ),
            },
        ]
    }

    fn github_actions(&self) -> Vec<Snippet> {
        let right = self.rights.records.first();
        let subname = right.map_or("@", |right| match &right.names {
            NamePattern::All => "@",
            NamePattern::Name(name) | NamePattern::Subtree(name) => name,
        });
        let subname = if subname == "@" { "" } else { subname };
        let types = right
            .map(|right| right.types.as_slice())
            .unwrap_or_default();
        let rtype = types.first().copied().unwrap_or(RecordType::A);
        let value = match rtype {
            RecordType::A => "192.0.2.1",
            RecordType::Aaaa => "2001:db8::1",
            RecordType::Cname => "example.org.",
            RecordType::Txt => "\\\"text\\\"",
            _ => "the value",
        };
        let (origin, base) = (self.origin, self.base);
        vec![
            Snippet {
                title: "Store the token in the repository",
                intro: "On GitHub under Settings, Secrets and variables, Actions, as a secret \
                        with the name STARCHART_TOKEN.",
                lines: self.secret.expose().to_owned(),
            },
            Snippet {
                title: "Add a step to the workflow",
                intro: "It replaces the records of one name and type, and waits until they are in \
                        the zone. Put your own value in.",
                lines: format!(
                    "      - name: Update the DNS\n\
                     \u{20}       env:\n\
                     \u{20}         TOKEN: ${{{{ secrets.STARCHART_TOKEN }}}}\n\
                     \u{20}       run: |\n\
                     \u{20}         curl --fail-with-body -X PUT \\\n\
                     \u{20}           -H \"Authorization: Token $TOKEN\" \\\n\
                     \u{20}           -H \"Content-Type: application/json\" \\\n\
                     \u{20}           -d '[{{\"subname\": \"{subname}\", \"type\": \"{rtype}\", \
                     \"ttl\": 300, \"records\": [\"{value}\"]}}]' \\\n\
                     \u{20}           '{origin}/api/v1/domains/{base}/rrsets/?wait=in_sync'"
                ),
            },
        ]
    }

    fn custom(&self) -> Vec<Snippet> {
        vec![Snippet {
            title: "Try it",
            intro: "It answers with what the token may do.",
            lines: format!(
                "curl -H 'Authorization: Token {}' '{}/api/v1/auth/tokens/'",
                self.secret.expose(),
                self.origin
            ),
        }]
    }

    /// Returns the full name that a pattern begins with, as programs write it.
    fn fqdn(&self, names: &NamePattern) -> String {
        match names {
            NamePattern::All => self.base.to_string(),
            NamePattern::Name(name) | NamePattern::Subtree(name) if name == "@" => {
                self.base.to_string()
            }
            NamePattern::Name(name) | NamePattern::Subtree(name) => format!("{name}.{}", self.base),
        }
    }
}
