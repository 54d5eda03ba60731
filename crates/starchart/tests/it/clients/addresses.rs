//! Clients of dynamic addresses.

use serde_json::{Value, json};

use super::{Client, Setting};
use crate::truth::no_difference;

/// The rights to set the address of a host.
fn address(host: &str) -> Value {
    json!({ "addresses": [host] })
}

impl Client<'_> {
    /// Waits until the host has this address in the zone.
    async fn has_address(&self, address: &str) {
        let host = self.host.split('.').next().unwrap();
        self.setting.zone_has(host, "A", &[address]).await;
    }
}

#[tokio::test]
async fn hosts_follow_the_addresses_that_clients_report() {
    let setting = Setting::new().await;
    ddclient(&setting).await;
    inadyn(&setting).await;
    dyndnsc(&setting).await;
    curl(&setting).await;
    no_difference(&setting.env).await;
}

async fn ddclient(setting: &Setting) {
    let client = setting.client("ddclient", &address("ddclient")).await;
    let detected = "use=web, web=https://starchart.example.edu/nic/address";
    for ip in ["198.51.100.7", "198.51.100.8", "198.51.100.8"] {
        let fixed = format!("use=ip, ip={ip}");
        let changes = [
            ("daemon=300\n", ""),
            ("ssl=yes", "ssl=no"),
            (detected, &*fixed),
        ];
        let file = client.example("ddclient.conf", &changes);
        let command = [
            "ddclient",
            "-daemon=0",
            "-noquiet",
            "-file",
            &file,
            "-cache",
            "ddclient.cache",
            "-force",
        ];
        let said = client.run(&command, &[]).await;
        assert!(said.contains("SUCCESS") || said.contains("nochg"), "{said}");
        client.has_address(ip).await;
    }
    client.done_debian("ddclient", "ddclient").await;
}

async fn inadyn(setting: &Setting) {
    let client = setting.client("inadyn", &address("inadyn")).await;
    let detected =
        "    checkip-server = starchart.example.edu\n    checkip-path  = \"/nic/address\"\n";
    for ip in ["198.51.100.7", "198.51.100.8"] {
        let fixed = format!("    checkip-command = \"echo {ip}\"\n    ssl = false\n");
        let file = client.example("inadyn.conf", &[(detected, &fixed)]);
        let cache = client.folder.display().to_string();
        let command = [
            "inadyn",
            "--once",
            "--foreground",
            "--no-pidfile",
            "--config",
            &file,
            "--cache-dir",
            &cache,
        ];
        client.run(&command, &[]).await;
        client.has_address(ip).await;
    }
    client.done("inadyn", &["inadyn", "--version"]).await;
}

async fn dyndnsc(setting: &Setting) {
    let client = setting.client("dyndnsc", &address("dyndnsc")).await;
    let detected = "detector = webcheck4\ndetector-family = INET\n\
                    detector-url = https://starchart.example.edu/nic/address\n\
                    detector-parser = plain\n";
    for ip in ["198.51.100.7", "198.51.100.8"] {
        let fixed = format!("detector = command\ndetector-command = echo {ip}\n");
        let file = client.example("dyndnsc.ini", &[(detected, &fixed)]);
        client.run(&["dyndnsc", "--config", &file], &[]).await;
        client.has_address(ip).await;
    }
    client.done("dyndnsc", &["dyndnsc", "--version"]).await;
}

async fn curl(setting: &Setting) {
    let client = setting.client("curl", &address("curl")).await;
    let to = "/dyndns/update?hostname=home.user1.starchart.com'";
    let own = "/dyndns/update?hostname=home.user1.starchart.com&myip=198.51.100.9'";
    let script = client.example("curl-address.sh", &[(to, own)]);
    for word in ["good", "nochg"] {
        let said = client.run(&["sh", &script], &[]).await;
        assert_eq!(said, format!("{word} 198.51.100.9\n"));
    }
    client.has_address("198.51.100.9").await;
    client.done("curl (address)", &["curl", "--version"]).await;
}
