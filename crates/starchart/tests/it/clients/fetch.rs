//! A real NGINX whose certificate `starchart-fetch` fetches, with the lines that the page prints.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use starchart_testkit::server::{Server, free_port, scratch};
use starchart_testkit::wait::{completes, equal, eventually};

use crate::app::{App, ROOT};
use crate::authority::{Ca, click};
use crate::browser::{Browser, Page};
use crate::truth::signed_in;

const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../web/static/starchart-fetch.sh"
);
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs a program until it ends, and returns its status with what it said.
async fn run(command: &[&str], folder: &Path) -> (Option<i32>, String) {
    let (program, arguments) = command.split_first().unwrap();
    let mut command = tokio::process::Command::new(program);
    let command = command
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .current_dir(folder)
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true);
    let output = completes(program, command.output()).await;
    let output = output
        .unwrap_or_else(|error| panic!("{program}: {error}; script/test clients installs it"));
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

/// Returns the lines that the page has for this purpose, as its Copy button copies them.
fn lines(page: &Page, title: &str) -> String {
    let (_, rest) = page.body.split_once(&format!("<h2>{title}</h2>")).unwrap();
    let (_, rest) = rest.split_once("data-copy=\"").unwrap();
    let (text, _) = rest.split_once('"').unwrap();
    let entities = [
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#60;", "<"),
        ("&#62;", ">"),
    ];
    let mut text = text.to_owned();
    for (entity, sign) in entities {
        text = text.replace(entity, sign);
    }
    text.replace("&#38;", "&")
}

/// A web server with a folder for its certificate, and what its timer runs.
struct WebServer {
    folder: PathBuf,
    port: u16,
    nginx: Option<Server>,
    root: PathBuf,
}

impl WebServer {
    /// Writes the configuration that the page prints for a new token, with the folders of this
    /// server.
    async fn new(created: &Page, api: &App, root_pem: &str) -> Self {
        let folder = scratch("nginx");
        // The server reads the files as another user.
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        let shown = folder.display().to_string();
        let configuration = lines(created, "Configure it");
        let url = configuration.lines().find(|line| line.starts_with("URL="));
        let configuration = configuration
            .replace(
                url.unwrap(),
                &format!("URL='http://127.0.0.1:{}'", api.port),
            )
            .replace("/etc/ssl/starchart", &format!("{shown}/tls"))
            .replace("/etc/starchart-fetch.conf", &format!("{shown}/fetch.conf"))
            .replace(
                "RELOAD='systemctl reload nginx'",
                &format!(
                    "RELOAD='cd {shown} && echo reloaded >>reloads && \
                     if [ -e nginx.pid ]; then kill -HUP $(cat nginx.pid); fi'\n\
                     STATE='{shown}/state'\nMACHINE='web1'"
                ),
            );
        let (status, said) = run(&["sh", "-c", &configuration], &folder).await;
        assert_eq!(status, Some(0), "{said}");
        let root = folder.join("root.pem");
        std::fs::write(&root, root_pem).unwrap();
        Self {
            folder,
            port: free_port(),
            nginx: None,
            root,
        }
    }

    /// Does what the timer does.
    async fn timer(&self) -> (Option<i32>, String) {
        let settings = self.folder.join("fetch.conf").display().to_string();
        run(&["sh", SCRIPT, &settings], &self.folder).await
    }

    async fn start(&mut self) {
        let (shown, domain) = (self.folder.display(), format!("user1.{ROOT}"));
        let configuration = format!(
            "daemon off; pid nginx.pid; error_log stderr;\nevents {{}}\nhttp {{\n  \
             access_log off;\n  \
             client_body_temp_path {shown}/tmp; proxy_temp_path {shown}/tmp;\n  \
             fastcgi_temp_path {shown}/tmp; uwsgi_temp_path {shown}/tmp; scgi_temp_path \
             {shown}/tmp;\n  server {{\n    listen 127.0.0.1:{} ssl;\n    \
             server_name www.{domain};\n    ssl_certificate {shown}/tls/{domain}.bundle.pem;\n    \
             ssl_certificate_key {shown}/tls/{domain}.privkey.pem;\n    \
             location / {{ return 200 \"it works\\n\"; }}\n  }}\n}}\n",
            self.port
        );
        std::fs::write(self.folder.join("nginx.conf"), configuration).unwrap();
        let prefix = self.folder.clone();
        let dir = scratch("nginx-log");
        let server = Server::start(dir, "/usr/sbin/nginx", |command| {
            command
                .arg("-p")
                .arg(prefix)
                .args(["-e", "stderr", "-c", "nginx.conf"]);
        });
        self.nginx = Some(server);
        eventually("NGINX serves", async || {
            let (status, said) = self.visit().await;
            equal((status, said.contains("it works")), (Some(0), true))
        })
        .await;
    }

    /// Opens the page as a visitor who trusts the authority's root.
    async fn visit(&self) -> (Option<i32>, String) {
        let host = format!("www.user1.{ROOT}");
        let resolve = format!("{host}:{}:127.0.0.1", self.port);
        let url = format!("https://{host}:{}/", self.port);
        let root = self.root.display().to_string();
        let command = [
            "curl",
            "-sS",
            "--cacert",
            &root,
            "--resolve",
            &resolve,
            &url,
        ];
        run(&command, &self.folder).await
    }

    /// Returns the certificate that the server shows.
    async fn served(&self) -> String {
        let show = format!(
            "openssl s_client -connect 127.0.0.1:{} -servername www.user1.{ROOT} 2>/dev/null | \
             openssl x509 -noout -serial",
            self.port
        );
        run(&["sh", "-c", &show], &self.folder).await.1
    }

    /// Returns the certificate in the file.
    async fn in_file(&self) -> String {
        let file = format!("tls/user1.{ROOT}.bundle.pem");
        let command = ["openssl", "x509", "-noout", "-serial", "-in", &file];
        run(&command, &self.folder).await.1
    }

    fn reloads(&self) -> usize {
        let reloads = std::fs::read_to_string(self.folder.join("reloads"));
        reloads.unwrap_or_default().lines().count()
    }
}

/// Creates a token with the preset, and returns the page with its secret.
async fn create_token(browser: &mut Browser) -> Page {
    let form = browser.get("/tokens/new?preset=server").await;
    let page = browser.submit(&form.form("/tokens/new")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    page
}

/// Renews the certificate with the page's button, at once.
async fn renew(ca: &Ca, browser: &mut Browser) {
    let old = ca.env.db.number("SELECT MAX(id) FROM certificates").await;
    let day = 24 * 60 * 60 * 1_000_i64;
    let now = "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)";
    let times = format!(
        "UPDATE certificates SET not_before = {now} - {}, not_after = {now} + {day}",
        89 * day
    );
    ca.env.db.run(&times).await;
    // The sweep may have opened the renewal already.
    let pending = "SELECT COUNT(*) FROM certificate_orders WHERE finished_at IS NULL";
    if ca.env.db.number(pending).await == 0 {
        click(browser).await;
    }
    eventually("a new certificate", async || {
        let active = "SELECT COALESCE(MAX(id), 0) FROM certificates WHERE state = 'active'";
        equal(ca.env.db.number(active).await > old, true)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_has_each_new_certificate_and_keeps_it_when_the_token_ends() {
    let ca = Ca::new().await;
    let pages = ca.env.start().await;
    let mut browser = signed_in(&ca.env, &pages, "user1").await;
    let created = create_token(&mut browser).await;
    let ca = Ca {
        env: ca.env.set("APP_URL", "https://127.0.0.1"),
        ..ca
    };
    let api = ca.env.start().await;
    let mut server = WebServer::new(&created, &api, &ca.pebble.issuer_root_pem().await).await;
    let (status, said) = server.timer().await;
    assert_eq!(status, Some(4), "no certificate yet: {said}");
    assert!(said.contains("request one at"), "{said}");

    click(&mut browser).await;
    ca.until_issued("user1").await;
    // The wait after the failure is over.
    std::fs::remove_file(server.folder.join("state/failures")).unwrap();
    let (status, said) = server.timer().await;
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("the new certificate is in place"), "{said}");
    server.start().await;
    let first = server.served().await;
    assert_eq!(first, server.in_file().await);

    let (status, said) = server.timer().await;
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("nothing is new"), "{said}");
    assert_eq!(server.reloads(), 1, "nothing was reloaded");

    renew(&ca, &mut browser).await;
    let page = browser.get("/certificate").await;
    assert!(page.body.contains("An older one"), "{}", page.body);
    let (status, said) = server.timer().await;
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(server.reloads(), 2);
    let second = server.in_file().await;
    assert_ne!(first, second);
    eventually("NGINX serves the new certificate", async || {
        equal(server.served().await, second.clone())
    })
    .await;
    let (status, said) = server.visit().await;
    assert_eq!(status, Some(0), "{said}");
    let page = browser.get("/certificate").await;
    assert!(page.body.contains(">web1</span>") && page.body.contains("The newest"));
    assert!(!page.body.contains("An older one"), "{}", page.body);
    openssl_reads_pkcs12(&created, &api, &server).await;

    let id = ca.env.db.number("SELECT MAX(id) FROM tokens").await;
    let question = browser.get(&format!("/tokens/{id}/end")).await;
    browser.submit(&question.form("/tokens")).await;
    let (status, said) = server.timer().await;
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains("does not accept the token"), "{said}");
    assert!(said.contains("The files stay as they are."), "{said}");
    assert_eq!((server.reloads(), server.in_file().await), (2, second));
    let (status, said) = server.visit().await;
    assert_eq!((status, said.as_str()), (Some(0), "it works\n"));
    assert_eq!(ca.env.db.number("SELECT COUNT(*) FROM machines").await, 0);
}

/// Downloads the PKCS#12 file as a program would, and opens it.
async fn openssl_reads_pkcs12(created: &Page, api: &App, server: &WebServer) {
    let configuration = lines(created, "Configure it");
    let token = configuration
        .lines()
        .find_map(|line| line.strip_prefix("TOKEN="));
    let download = format!(
        "curl -fsS -H 'Pkcs12-Password: correct-horse' -H 'Authorization: Bearer '{} \
         -o all.p12 http://127.0.0.1:{}/api/v1/certificate/p12 && openssl pkcs12 -in all.p12 \
         -passin pass:correct-horse -nodes -clcerts -nokeys | openssl x509 -noout -serial",
        token.unwrap(),
        api.port
    );
    let (status, said) = run(&["sh", "-c", &download], &server.folder).await;
    assert_eq!((status, said), (Some(0), server.in_file().await));
}
