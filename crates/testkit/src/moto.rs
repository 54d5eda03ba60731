//! moto, an independent implementation of the Route53 protocol. It accepts changes that Route53
//! refuses; the strict Route53 does not.

use crate::environment::variable;
use crate::route53::Set;
use crate::server::{Server, free_port, scratch};

/// The variable that names the `moto_server` program.
pub const PROGRAM: &str = "STARCHART_TEST_MOTO";

const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

/// A signature that moto accepts: it takes the service from the scope and checks nothing else.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 \
    Credential=test/20260101/us-east-1/route53/aws4_request, SignedHeaders=host, Signature=0";

/// A moto server on loopback. It accepts every access key.
#[derive(Debug)]
pub struct Moto {
    /// Held for its drop, which stops the server.
    _server: Server,
    endpoint: String,
}

impl Moto {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// When it is not installed, or does not answer.
    pub async fn start() -> Self {
        let program = variable(PROGRAM).unwrap_or_else(|| "moto_server".to_owned());
        let port = free_port();
        let endpoint = format!("http://127.0.0.1:{port}");
        let mut server = Server::start(scratch("moto"), program, |command| {
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        });
        server.wait_for_http(&format!("{endpoint}/moto-api/")).await;
        Self {
            _server: server,
            endpoint,
        }
    }

    /// Returns the value for AWS_ENDPOINT_URL.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Puts RRsets into the hosted zone with this id.
    ///
    /// # Panics
    /// When moto refuses.
    pub async fn put(&self, zone: &str, sets: &[Set]) {
        // One request takes 1,000 records, and an UPSERT counts twice.
        for sets in sets.chunks(500) {
            let changes: String = sets.iter().map(upsert).collect();
            let body = format!(
                "<ChangeResourceRecordSetsRequest xmlns=\"{NAMESPACE}\"><ChangeBatch>\
                 <Changes>{changes}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
            );
            self.post(&format!("hostedzone/{zone}/rrset/"), body).await;
        }
    }

    /// Creates a hosted zone for `name` and returns its id (without `/hostedzone/`).
    ///
    /// # Panics
    /// When moto refuses.
    pub async fn create_zone(&self, name: &str) -> String {
        let body = format!(
            "<CreateHostedZoneRequest xmlns=\"{NAMESPACE}\"><Name>{name}</Name>\
             <CallerReference>{name}</CallerReference></CreateHostedZoneRequest>"
        );
        let text = self.post("hostedzone", body).await;
        let id = text
            .split_once("<Id>/hostedzone/")
            .and_then(|(_, rest)| rest.split_once("</Id>"));
        id.unwrap_or_else(|| panic!("moto created no zone: {text}"))
            .0
            .to_owned()
    }

    /// Sends a request of the Route53 API and returns the body of the answer.
    async fn post(&self, path: &str, body: String) -> String {
        let request = crate::http::client()
            .post(format!("{}/2013-04-01/{path}", self.endpoint))
            .header("authorization", AUTHORIZATION)
            .header("content-type", "application/xml")
            .body(body);
        let answer = request
            .send()
            .await
            .unwrap_or_else(|error| panic!("moto: {error}"));
        let status = answer.status();
        let text = answer.text().await.unwrap_or_default();
        assert!(status.is_success(), "moto refuses {path}: {status} {text}");
        text
    }
}

fn upsert(set: &Set) -> String {
    let record = |value: &String| {
        let value = value.replace('"', "&quot;");
        format!("<ResourceRecord><Value>{value}</Value></ResourceRecord>")
    };
    let records: String = set.values.iter().map(record).collect();
    format!(
        "<Change><Action>UPSERT</Action><ResourceRecordSet><Name>{}.</Name><Type>{}</Type>\
         <TTL>{}</TTL><ResourceRecords>{records}</ResourceRecords></ResourceRecordSet></Change>",
        set.name, set.rtype, set.ttl
    )
}
