//! A new user gets a certificate on their own machine by pasting what the page of a token shows.

use serde_json::json;
use starchart_testkit::html::unescape;

use super::certificates::Authority;
use super::{CLIENTS, Setting, variable};
use crate::app::APP_URL;

#[tokio::test]
async fn the_lines_of_the_page_get_a_certificate_with_certbot() {
    let setting = Setting::new().await;
    let authority = Authority::start(&setting).await;
    let mut browser = setting.user.at(setting.pages.port);
    let form = browser.get("/tokens/new?preset=certbot").await;
    let form = form.form("/tokens/new").with("challenges", "pasted");
    let page = browser.submit(&form).await;
    assert_eq!(page.status, 200, "{}", page.body);

    // Everything after the secret itself, as the buttons copy it.
    let blocks = page.body.split("data-copy=\"").skip(2);
    let blocks = blocks.map(|rest| unescape(rest.split_once('"').unwrap().0));
    let pasted = blocks.collect::<Vec<_>>().join("\n");
    for line in ["pip install certbot", "umask 077", "certbot renew"] {
        assert!(pasted.contains(line), "{line}: {pasted}");
    }

    let client = setting.client("pasted", &json!({})).await;
    // What the test's machine is: where certbot is installed already and keeps its files, and that
    // no TLS proxy is in front of the service. What the zone's one name server answers needs no
    // half minute.
    let installed = variable(CLIENTS).map(|bin| bin.trim_end_matches("/bin").to_owned());
    let installed = installed.expect("STARCHART_TEST_CLIENTS; script/test clients sets it");
    let letsencrypt = client.folder.join("letsencrypt").display().to_string();
    let api = format!("http://127.0.0.1:{}", setting.api.port);
    let pasted = pasted
        .replace("/opt/certbot", &installed)
        .replace("/etc/letsencrypt", &letsencrypt)
        .replace(APP_URL, &api)
        .replace(
            "--dns-multi-propagation-seconds 30",
            "--dns-multi-propagation-seconds 2",
        );
    // What certbot would ask, and which authority it uses, from the file of its settings.
    let settings = format!(
        "server = {}\nconfig-dir = {letsencrypt}\nwork-dir = work\nlogs-dir = logs\n\
         agree-tos = true\nemail = you@example.edu\nnon-interactive = true\n",
        authority.directory()
    );
    let folder = client.folder.join(".config/letsencrypt");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("cli.ini"), settings).unwrap();
    let said = authority.run(&client, &["sh", "-ec", &pasted]).await;
    assert!(said.contains("Successfully received certificate"), "{said}");
    client.has_certificate(&format!("letsencrypt/live/{}/cert.pem", client.host));
    client.is_clean().await;
    client
        .done("certbot (the page's lines)", &["certbot", "--version"])
        .await;
}
