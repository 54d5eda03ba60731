//! Clients that cannot be installed here: the requests that they send, and what they look at in the
//! answers. The first lines of `recorded.txt` explain it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use reqwest::header::HeaderMap;

use super::{Client, ROOT, Setting, domain, examples_folder};
use crate::truth::no_difference;

const RECORDED: &str = include_str!("recorded.txt");

/// A client with what all its requests have.
struct Replay<'a> {
    title: &'a str,
    client: Client<'a>,
    /// The address of the service, as its example writes it.
    base: String,
    /// User name and token, in base64.
    basic: String,
    headers: Vec<(String, String)>,
}

/// An answer of the service.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    /// Returns whether a line about an answer holds.
    fn satisfies(&self, line: &str) -> bool {
        let (word, wanted) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "has" => self.body.contains(wanted),
            "lacks" => !self.body.contains(wanted),
            "is" => self.body.trim_end() == wanted,
            "header" => {
                let (name, value) = wanted.split_once(": ").unwrap();
                let header = self.headers.get(name);
                header.is_some_and(|header| header.to_str().unwrap().contains(value))
            }
            status => self.status.to_string() == status,
        }
    }
}

impl<'a> Replay<'a> {
    /// Reads the block that begins a client.
    async fn start(setting: &'a Setting, block: &[&'a str]) -> Self {
        let after = |word: &str| block.iter().find_map(|line| line.strip_prefix(word));
        let title = after("client ").unwrap();
        let need = |word: &str| after(word).unwrap_or_else(|| panic!("{title}: no {word}"));
        let rights = serde_json::from_str(need("rights ")).unwrap();
        let client = setting.client(need("host "), &rights).await;
        let mut replay = Self {
            title,
            base: format!("http://127.0.0.1:{}", setting.api.port),
            basic: String::new(),
            headers: Vec::new(),
            client,
        };
        if let Some(rest) = after("base ") {
            let (file, before) = rest.split_once(' ').unwrap();
            replay.base = replay.address_in(file, before);
        }
        if let Some(user) = after("basic ") {
            let pair = format!("{}:{}", replay.fill_in(user), replay.client.token);
            replay.basic = STANDARD.encode(pair);
        }
        let common = block.iter().filter_map(|line| line.strip_prefix("all "));
        replay.headers = common.map(|line| replay.header(line)).collect();
        replay
    }

    /// Returns the address that follows a text of an example.
    fn address_in(&self, file: &str, before: &str) -> String {
        let example = std::fs::read_to_string(examples_folder().join(file)).unwrap();
        let found = example.split_once(before);
        let (_, rest) = found.unwrap_or_else(|| panic!("{file} has no {before}"));
        let rest = rest.trim_start();
        let end = rest.find(|c: char| c.is_whitespace() || "\"'`?".contains(c));
        self.client.fill_in(&rest[..end.unwrap_or(rest.len())])
    }

    /// Replaces the placeholders of a line.
    fn fill_in(&self, line: &str) -> String {
        let host = &self.client.host;
        line.replace("{base}", &self.base)
            .replace("{basic}", &self.basic)
            .replace("{domain}", &domain())
            .replace("{root}", ROOT)
            .replace("{host}", host)
            .replace("{label}", host.split('.').next().unwrap())
            .replace("{token}", &self.client.token)
            .replace("{v1}", &"1".repeat(43))
            .replace("{v2}", &"2".repeat(43))
    }

    fn header(&self, line: &str) -> (String, String) {
        let line = self.fill_in(line);
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_owned(), value.to_owned())
    }

    /// Sends the request of a block, and checks the answer.
    async fn send(&self, block: &[&str]) {
        let (method, url) = block[0].split_once(' ').unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let after = |word| block.iter().filter_map(move |line| line.strip_prefix(word));
        let http = starchart_testkit::http::client_without_cookies();
        let mut request = http.request(method, self.fill_in(url));
        let own = after("with ").map(|line| self.header(line));
        for (name, value) in self.headers.iter().cloned().chain(own) {
            request = request.header(name, value);
        }
        let body: String = after("body ").map(|line| self.fill_in(line)).collect();
        let response = request.body(body.clone()).send().await.unwrap();
        let answer = Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.text().await.unwrap(),
        };
        let sent = |line: &&&str| line.starts_with("with ") || line.starts_with("body ");
        for line in block[1..].iter().filter(|line| !sent(line)) {
            let line = self.fill_in(line);
            assert!(
                answer.satisfies(&line),
                "{}\n{} {body}\nwanted: {line}\ngot: {} {:?}\n{}",
                self.title,
                self.fill_in(block[0]),
                answer.status,
                answer.headers,
                answer.body
            );
        }
    }

    /// Waits until the zone has what the lines of a block say.
    async fn check_zone(&self, block: &[&str]) {
        for line in block {
            let line = self.fill_in(line);
            let mut words = line.splitn(4, ' ').skip(1);
            let (name, rtype) = (words.next().unwrap(), words.next().unwrap());
            let values: Vec<&str> = words.flat_map(|all| all.split(" | ")).collect();
            self.client.setting.zone_has(name, rtype, &values).await;
        }
    }
}

#[tokio::test]
async fn clients_that_cannot_be_installed_get_the_answers_that_they_need() {
    let setting = Setting::new().await;
    let lines: Vec<&str> = RECORDED
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.starts_with('#'))
        .collect();
    let blocks = lines.split(|line| line.is_empty());
    let mut current: Option<Replay<'_>> = None;
    let mut clients = 0;
    for block in blocks.filter(|block| !block.is_empty()) {
        let (word, _) = block[0].split_once(' ').unwrap();
        if word == "client" {
            clients += 1;
            current = Some(Replay::start(&setting, block).await);
            continue;
        }
        let replay = current.as_ref().expect("a client comes first");
        match word {
            "zone" => replay.check_zone(block).await,
            _ => replay.send(block).await,
        }
    }
    println!("{clients} clients are recorded");
    assert!(clients >= 15, "{clients} clients");
    no_difference(&setting.env).await;
}
