//! The lines with which a server fetches the certificate: starchart-fetch with systemd or cron, and
//! what Caddy, Traefik and Windows need.

use super::{Snippet, Snippets};

impl Snippets<'_> {
    pub(super) fn server(&self) -> Vec<Snippet> {
        vec![
            Snippet {
                title: "Install starchart-fetch",
                intro: "Once, as root on your server. It is one shell file that needs curl; read \
                        it before you run it.",
                lines: format!(
                    "curl -fsS -o /usr/local/bin/starchart-fetch \
                     '{}/static/starchart-fetch.sh'\n\
                     chmod 755 /usr/local/bin/starchart-fetch",
                    self.origin
                ),
            },
            Snippet {
                title: "Configure it",
                intro: "As root. The file has the token, so only root can read it. Change the \
                        paths and the last line to what your server needs.",
                lines: self.configuration(),
            },
            Snippet {
                title: "Try it",
                intro: "It says what it did, or what is wrong.",
                lines: "/usr/local/bin/starchart-fetch".to_owned(),
            },
            Snippet {
                title: "Run it every hour with systemd",
                intro: "As root.",
                lines: systemd(),
            },
            Snippet {
                title: "Or with cron",
                intro: "As root, instead of systemd. Cron mails what goes wrong.",
                lines: format!(
                    "echo '{} * * * * root /usr/local/bin/starchart-fetch >/dev/null' \
                     > /etc/cron.d/starchart-fetch",
                    self.minute()
                ),
            },
            self.caddy(),
            self.traefik(),
            self.windows(),
        ]
    }

    fn configuration(&self) -> String {
        format!(
            "mkdir -p /etc/ssl/starchart\n\
             (umask 077; cat > /etc/starchart-fetch.conf) <<'END'\n\
             URL='{origin}'\n\
             TOKEN='{secret}'\n\
             CERT_FILE='/etc/ssl/starchart/{base}.bundle.pem'\n\
             KEY_FILE='/etc/ssl/starchart/{base}.privkey.pem'\n\
             # Both in one file, for HAProxy:\n\
             # BUNDLE_FILE='/etc/haproxy/tls/{base}.haproxy.pem'\n\
             # Who owns the files, if their reader is not root:\n\
             # OWNER='root:ssl-cert'\n\
             RELOAD='systemctl reload nginx'\n\
             END",
            origin = self.origin,
            secret = self.secret.expose(),
            base = self.base,
        )
    }

    /// Returns a minute of the hour, so that not all servers come at once.
    fn minute(&self) -> u32 {
        let sum: u32 = self.base.to_string().bytes().map(u32::from).sum();
        sum % 60
    }

    fn caddy(&self) -> Snippet {
        Snippet {
            title: "For Caddy",
            intro: "In the file of starchart-fetch: the user caddy owns the files, and Caddy reads \
                    them again. In the Caddyfile, name both files after tls.",
            lines: format!(
                "OWNER='caddy:caddy'\n\
                 RELOAD='caddy reload --force --config /etc/caddy/Caddyfile'\n\
                 \n\
                 # Caddyfile\n\
                 www.{base} {{\n\
                 \u{20}   tls /etc/ssl/starchart/{base}.bundle.pem \
                 /etc/ssl/starchart/{base}.privkey.pem\n\
                 }}",
                base = self.base
            ),
        }
    }

    fn traefik(&self) -> Snippet {
        Snippet {
            title: "For Traefik",
            intro: "In the file of starchart-fetch: Traefik reads the certificate again when its \
                    dynamic configuration changes. The other lines are that file.",
            lines: format!(
                "RELOAD='touch /etc/traefik/dynamic/tls.yml'\n\
                 \n\
                 # /etc/traefik/dynamic/tls.yml\n\
                 tls:\n\
                 \u{20} certificates:\n\
                 \u{20}   - certFile: /etc/ssl/starchart/{base}.bundle.pem\n\
                 \u{20}     keyFile: /etc/ssl/starchart/{base}.privkey.pem",
                base = self.base
            ),
        }
    }

    /// The scheduled task runs as the computer, which alone can read the folder.
    fn windows(&self) -> Snippet {
        Snippet {
            title: "On Windows, for IIS",
            intro: "In PowerShell as administrator, on Windows Server 2019 or newer. A scheduled \
                    task imports each new certificate and gives it to the https bindings.",
            lines: include_str!("windows.ps1")
                .trim_end()
                .replace("@ORIGIN@", self.origin)
                .replace("@TOKEN@", self.secret.expose()),
        }
    }
}

fn systemd() -> String {
    "cat > /etc/systemd/system/starchart-fetch.service <<'END'\n\
     [Unit]\n\
     Description=Fetch the certificate from Starchart\n\
     Wants=network-online.target\n\
     After=network-online.target\n\
     \n\
     [Service]\n\
     Type=oneshot\n\
     ExecStart=/usr/local/bin/starchart-fetch\n\
     END\n\
     cat > /etc/systemd/system/starchart-fetch.timer <<'END'\n\
     [Unit]\n\
     Description=Fetch the certificate from Starchart every hour\n\
     \n\
     [Timer]\n\
     OnCalendar=hourly\n\
     RandomizedDelaySec=30min\n\
     Persistent=true\n\
     \n\
     [Install]\n\
     WantedBy=timers.target\n\
     END\n\
     systemctl daemon-reload\n\
     systemctl enable --now starchart-fetch.timer"
        .to_owned()
}
