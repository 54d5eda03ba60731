//! Answers that no Route53 should give: each is recognized, and no change counts as made.

use std::net::SocketAddr;

use starchart_dns::provider::route53::Route53;
use starchart_dns::provider::{Change, ChangeError, Provider as _, ProviderError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{config, www};

/// Starts a server that gives every request this answer.
async fn canned(status: &str, body: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = respond(stream, &answer).await;
        }
    });
    address
}

async fn respond(mut stream: TcpStream, answer: &str) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 4_096];
    while !request.ends_with(b"\r\n\r\n")
        && !request.ends_with(b"</ChangeResourceRecordSetsRequest>")
    {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            length => request.extend_from_slice(&buffer[..length]),
        }
    }
    // A change's body follows its headers.
    if request.starts_with(b"POST") && request.ends_with(b"\r\n\r\n") {
        let _ = stream.read(&mut buffer).await?;
    }
    stream.write_all(answer.as_bytes()).await
}

async fn zone(status: &str, body: &str) -> Route53 {
    let address = canned(status, body).await;
    Route53::new(&config(&format!("http://{address}"), "Z1"))
}

fn listing(next: &str) -> String {
    format!(
        "<ListResourceRecordSetsResponse><ResourceRecordSets/><IsTruncated>true</IsTruncated>\
         {next}<MaxItems>300</MaxItems></ListResourceRecordSetsResponse>"
    )
}

#[tokio::test]
async fn a_listing_that_never_ends_is_no_answer() {
    let repeated = "<NextRecordName>www.starchart.com.</NextRecordName>";
    for (next, cause) in [
        (repeated, "the listing repeats a page"),
        ("", "the listing is truncated but has no next record name"),
    ] {
        let zone = zone("200 OK", &listing(next)).await;
        let listed = zone.list().await;
        assert_eq!(listed, Err(ProviderError::NoAnswer(cause.to_owned())));
    }
}

#[tokio::test]
async fn a_change_without_an_id_has_an_unknown_outcome() {
    for body in [
        "<ChangeResourceRecordSetsResponse/>",
        "<html>a proxy's page</html>",
        "",
    ] {
        let zone = zone("200 OK", body).await;
        let outcome = zone.change(&[Change::create(www())]).await;
        let is_unknown = matches!(outcome, Err(ChangeError::OutcomeUnknown(_)));
        assert!(is_unknown, "{body}: {outcome:?}");
    }
}

#[tokio::test]
async fn an_error_without_a_code_is_told_from_a_refusal() {
    for (status, is_denied) in [("403 Forbidden", true), ("404 Not Found", false)] {
        let zone = zone(status, "<html>a proxy's page</html>").await;
        let outcome = zone.change(&[Change::create(www())]).await;
        let expected = match &outcome {
            Err(ChangeError::NotApplied(ProviderError::Denied(_))) => is_denied,
            Err(ChangeError::NotApplied(ProviderError::Unavailable(_))) => !is_denied,
            _ => false,
        };
        assert!(expected, "{status}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_permission_that_is_missing_is_named() {
    let error = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>\
        <Message>not authorized</Message></Error></ErrorResponse>";
    let zone = zone("403 Forbidden", error).await;
    let domain = zone.domain().await.unwrap_err().to_string();
    assert!(domain.contains("allow route53:GetHostedZone: "), "{domain}");
    let id = starchart_dns::provider::ChangeId("C1".to_owned());
    let state = zone.change_state(&id).await.unwrap_err().to_string();
    assert!(state.contains("allow route53:GetChange: "), "{state}");
}
