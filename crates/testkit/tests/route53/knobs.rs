//! The effect of each knob on a client of the API.

use std::time::{Duration, Instant};

use aws_sdk_route53::config::timeout::TimeoutConfig;
use aws_sdk_route53::types::ChangeStatus;
use starchart_testkit::route53::{Set, StrictRoute53};
use starchart_testkit::wait::{equal, eventually};

use crate::sdk::{AllPages as _, Api, ZONE, as_text, client, create, delete, set};

async fn start() -> (StrictRoute53, Api) {
    let route53 = StrictRoute53::start(ZONE).await;
    let api = Api::new(&route53.endpoint(), route53.zone_id());
    (route53, api)
}

fn www() -> aws_sdk_route53::types::Change {
    create(set("www", "A", &["192.0.2.1"]))
}

#[tokio::test]
async fn throttling() {
    let (route53, api) = start().await;
    route53.throttle_every(2);
    api.send([www()]).await.unwrap();
    let refused = api
        .send([delete(set("www", "A", &["192.0.2.1"]))])
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.message.as_str()),
        ("Throttling", "Rate exceeded")
    );
    route53.throttle_every(0);
    route53.throttle_share(0.5);
    let mut throttled = 0;
    for _ in 0..100 {
        throttled += usize::from(
            api.client
                .get_hosted_zone()
                .id(route53.zone_id())
                .send()
                .await
                .is_err(),
        );
    }
    assert!((30..70).contains(&throttled), "{throttled}");
    let counts = route53.counts();
    assert_eq!(
        (counts.change, counts.get_zone, counts.throttled),
        (2, 100, 1 + throttled as u64)
    );
    assert!(counts.most_per_second > 5);
    assert_eq!(
        route53.sets().len(),
        3,
        "the throttled delete had no effect"
    );
}

#[tokio::test]
async fn a_limit_per_second() {
    let (route53, api) = start().await;
    route53.limit_per_second(5);
    let mut answers = Vec::new();
    for _ in 0..7 {
        answers.push(
            api.client
                .get_hosted_zone()
                .id(route53.zone_id())
                .send()
                .await
                .is_ok(),
        );
    }
    assert_eq!(answers, [true, true, true, true, true, false, false]);
}

#[tokio::test]
async fn prior_request_denied_and_unavailable() {
    let (route53, api) = start().await;
    route53.prior_request_not_complete(1);
    assert_eq!(
        api.send([www()]).await.unwrap_err().code,
        "PriorRequestNotComplete"
    );
    route53.deny(1);
    assert_eq!(api.send([www()]).await.unwrap_err().code, "AccessDenied");
    route53.unavailable(1);
    assert_eq!(
        api.send([www()]).await.unwrap_err().code,
        "ServiceUnavailable"
    );
    assert_eq!(route53.set("www.starchart.test", "A"), None);
    api.send([www()]).await.unwrap();
    assert_eq!(route53.counts().change, 4);
}

#[tokio::test]
async fn pending_then_in_sync() {
    let (route53, api) = start().await;
    route53.pending_time(Duration::from_secs(3600));
    let id = api.send([www()]).await.unwrap();
    let status = async || {
        api.client
            .get_change()
            .id(&id)
            .send()
            .await
            .unwrap()
            .change_info
            .unwrap()
            .status
    };
    assert_eq!(status().await, ChangeStatus::Pending);
    assert_eq!(
        api.list().await,
        ["www.starchart.test. A 300 192.0.2.1"],
        "pending changes are listed"
    );
    route53.pending_time(Duration::ZERO);
    assert_eq!(status().await, ChangeStatus::Insync);
}

#[tokio::test]
async fn applied_but_never_answered() {
    let (route53, api) = start().await;
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(Duration::from_millis(300))
        .build();
    let impatient = Api {
        client: client(&route53.endpoint(), timeouts),
        zone_id: route53.zone_id().into(),
    };
    route53.timeout_after_apply(1);
    let began = Instant::now();
    assert_no_answer(&impatient, www()).await;
    // A lower bound: the client gives up by its own timeout, not because of an answer.
    assert!(began.elapsed() >= Duration::from_millis(300));
    // On a busy machine the client may give up before the change has arrived.
    eventually("the change to be applied", async || {
        equal(route53.sets().len(), 3)
    })
    .await;
    route53.drop_after_apply(1);
    assert_no_answer(&api, delete(set("www", "A", &["192.0.2.1"]))).await;
    assert_eq!(route53.sets().len(), 2);
    route53.drop_before_apply(1);
    assert_no_answer(&api, www()).await;
    assert_eq!(route53.sets().len(), 2);
    assert_eq!(route53.batches().len(), 2);
}

async fn assert_no_answer(api: &Api, change: aws_sdk_route53::types::Change) {
    let batch = aws_sdk_route53::types::ChangeBatch::builder()
        .changes(change)
        .build()
        .unwrap();
    let call = api
        .client
        .change_resource_record_sets()
        .hosted_zone_id(&api.zone_id)
        .change_batch(batch);
    let error = call.send().await.unwrap_err();
    assert!(error.as_service_error().is_none(), "{error:?}");
}

#[tokio::test]
async fn latency_comes_before_the_effect() {
    let (route53, api) = start().await;
    route53.latency(Duration::from_millis(200));
    let began = Instant::now();
    api.send([www()]).await.unwrap();
    // A lower bound, which a busy machine cannot break: the setting promises at least this delay.
    assert!(began.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_refused_name_refuses_its_batch() {
    let (route53, api) = start().await;
    route53.refuse_name("www.starchart.test", "the name is poison");
    let batch = [create(set("good", "A", &["192.0.2.1"])), www()];
    let refused = api.send(batch.clone()).await.unwrap_err();
    assert_eq!(
        (refused.code.as_str(), refused.message.as_str()),
        ("InvalidChangeBatch", "[the name is poison]")
    );
    assert_eq!(api.list().await, Vec::<String>::new());
    route53.allow_name("www.starchart.test");
    api.send(batch).await.unwrap();
}

#[tokio::test]
async fn a_held_change_is_applied_after_its_client_is_gone() {
    let (route53, api) = start().await;
    route53.hold(1);
    let client = tokio::spawn(async move { api.send([www()]).await });
    route53.until_held(1).await;
    client.abort();
    assert!(client.await.unwrap_err().is_cancelled());
    let other = Api::new(&route53.endpoint(), route53.zone_id());
    other
        .send([create(set("other", "A", &["192.0.2.1"]))])
        .await
        .unwrap();
    assert_eq!(route53.set("www.starchart.test", "A"), None);
    route53.release();
    eventually("the held change to take effect", async || {
        route53.set("www.starchart.test", "A")
    })
    .await;
}

#[tokio::test]
async fn changes_past_the_api() {
    let (route53, api) = start().await;
    route53
        .put(Set::new("*.starchart.test", "A", 60, ["192.0.2.9"]))
        .unwrap();
    route53
        .put(Set::alias("lb.starchart.test", "A", "lb.example"))
        .unwrap();
    route53
        .put(Set::new("w.starchart.test", "A", 60, ["192.0.2.1"]).weighted("one", 10))
        .unwrap();
    route53
        .put(Set::new("w.starchart.test", "A", 60, ["192.0.2.2"]).weighted("two", 20))
        .unwrap();
    let call = api
        .client
        .list_resource_record_sets()
        .hosted_zone_id(&api.zone_id)
        .max_items(1);
    let all = call.all_pages().await;
    let weighted: Vec<_> = all
        .iter()
        .filter_map(|set| Some((set.set_identifier()?, set.weight?)))
        .collect();
    assert_eq!(
        weighted,
        [("one", 10), ("two", 20)],
        "paging goes by the identifier, too"
    );
    let alias = all
        .iter()
        .find_map(|set| set.alias_target())
        .expect("an alias");
    assert_eq!(alias.dns_name(), "lb.example.");
    assert!(
        all.iter()
            .any(|set| as_text(set) == "\\052.starchart.test. A 60 192.0.2.9")
    );
    let refused = api
        .send([delete(set("w", "A", &["192.0.2.1"]))])
        .await
        .unwrap_err();
    assert!(
        refused.message.contains("not found"),
        "a plain set is not a weighted one"
    );
    route53.remove("w.starchart.test", "A").unwrap();
    assert_eq!(route53.set("w.starchart.test", "A"), None);
    assert!(
        route53
            .put(Set::new("x.starchart.test", "A", 60, ["nonsense"]))
            .is_err()
    );
}

#[tokio::test]
async fn the_log_shows_what_was_applied() {
    let (route53, api) = start().await;
    let id = api.send([www()]).await.unwrap();
    api.send([www()]).await.unwrap_err();
    let batches = route53.batches();
    assert_eq!(batches.len(), 1);
    assert_eq!(id, format!("/change/{}", batches[0].change_id));
    assert_eq!(batches[0].changes[0].action, "CREATE");
    assert_eq!(
        batches[0].changes[0].set,
        Set::new("www.starchart.test", "A", 300, ["192.0.2.1"])
    );
}

#[tokio::test]
async fn the_bare_form_of_a_refusal() {
    let (route53, api) = start().await;
    route53.bare_batch_errors(true);
    let batch = aws_sdk_route53::types::ChangeBatch::builder().changes(delete(set(
        "www",
        "A",
        &["192.0.2.1"],
    )));
    let call = api
        .client
        .change_resource_record_sets()
        .hosted_zone_id(&api.zone_id);
    let error = call
        .change_batch(batch.build().unwrap())
        .send()
        .await
        .unwrap_err();
    let body =
        String::from_utf8_lossy(error.raw_response().unwrap().body().bytes().unwrap()).into_owned();
    assert!(body.contains("<InvalidChangeBatch xmlns"), "{body}");
    assert!(
        body.contains("<Messages><Message>Tried to delete resource record set"),
        "{body}"
    );
}

#[tokio::test]
async fn knobs_over_http_and_unsigned_calls() {
    let (route53, api) = start().await;
    let http = raw_http(&route53).await;
    assert!(
        http(
            "POST",
            "/_knobs/refuse_name",
            r#"{"name":"www.starchart.test","message":"no"}"#
        )
        .await
        .starts_with("HTTP/1.1 200")
    );
    assert_eq!(api.send([www()]).await.unwrap_err().message, "[no]");
    assert!(
        http(
            "POST",
            "/_knobs/put",
            r#"{"name":"x.starchart.test","rtype":"A","ttl":5,"values":["192.0.2.1"]}"#
        )
        .await
        .starts_with("HTTP/1.1 200")
    );
    assert_eq!(api.list().await, ["x.starchart.test. A 5 192.0.2.1"]);
    assert!(
        http("GET", "/_knobs/sets", "")
            .await
            .contains(r#""name":"x.starchart.test""#)
    );
    assert!(
        http("GET", "/_knobs/counts", "")
            .await
            .contains(r#""change":1"#)
    );
    assert!(
        http("POST", "/_knobs/release", "")
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert!(
        http("POST", "/_knobs/nonsense", "1")
            .await
            .starts_with("HTTP/1.1 400")
    );
    let unsigned = http("GET", "/2013-04-01/hostedzone/Z0STRICT00000001", "").await;
    assert!(
        unsigned.contains("MissingAuthenticationToken"),
        "{unsigned}"
    );
}

/// Returns a function that sends a request without a signature and returns the whole answer.
async fn raw_http(route53: &StrictRoute53) -> impl AsyncFn(&str, &str, &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = route53.endpoint().trim_start_matches("http://").to_owned();
    async move |method: &str, path: &str, body: &str| {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 64 * 1024];
        let length = stream.read(&mut answer).await.unwrap();
        answer.truncate(length);
        String::from_utf8(answer).unwrap()
    }
}
