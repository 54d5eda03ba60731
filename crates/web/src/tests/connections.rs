#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use starchart_testkit::wait::WAIT_LIMIT;

use super::test_app::{HOST, TestApp};

/// Sends a head and then chunks over a socket, and reads until the server closes. Returns the
/// response and the number of chunks sent.
fn exchange(address: SocketAddr, head: &str, chunk: &[u8], chunks: usize) -> (String, usize) {
    // Slow enough to take two minutes for all chunks.
    let pause = Duration::from_millis(50);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(WAIT_LIMIT)).unwrap();
    stream.set_write_timeout(Some(WAIT_LIMIT)).unwrap();
    let mut sent = 0;
    if stream.write_all(head.as_bytes()).is_ok() {
        while sent < chunks && stream.write_all(chunk).is_ok() {
            sent += 1;
            std::thread::sleep(pause);
        }
    }
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    // A reset after the answer is an end too.
    loop {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&piece[..count]),
            Err(error) => {
                let is_open = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                assert!(
                    !is_open,
                    "the server did not close the connection: {head:.200}"
                );
                break;
            }
        }
    }
    (String::from_utf8_lossy(&answer).into_owned(), sent)
}

fn serve(test_app: &TestApp) -> (SocketAddr, ServerHandle) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = crate::server(test_app.app.clone(), listener, Some(1), 1).unwrap();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (address, handle)
}

#[actix_web::test]
async fn too_large_requests_are_not_read_to_their_end() {
    let test_app = TestApp::new().await;
    let (address, handle) = serve(&test_app);
    let ask = move |head: String, chunk: Vec<u8>, chunks| {
        actix_web::rt::task::spawn_blocking(move || exchange(address, &head, &chunk, chunks))
    };
    let post = format!(
        "POST /login/callback HTTP/1.1\r\nHost: {HOST}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n"
    );

    let declared = ask(
        format!("{post}Content-Length: 157286400\r\n\r\n"),
        vec![b'a'; 65_536],
        0,
    )
    .await
    .unwrap();
    assert!(
        declared.0.starts_with("HTTP/1.1 413 "),
        "{:.200}",
        declared.0
    );

    let mut chunk = b"10000\r\n".to_vec();
    chunk.extend_from_slice(&[b'a'; 65_536]);
    chunk.extend_from_slice(b"\r\n");
    let chunked = ask(
        format!("{post}Transfer-Encoding: chunked\r\n\r\n"),
        chunk,
        2_400,
    )
    .await
    .unwrap();
    assert!(
        chunked.0.is_empty() || chunked.0.starts_with("HTTP/1.1 413 "),
        "{:.200}",
        chunked.0
    );
    assert!(chunked.1 < 400, "{} of 2400 pieces were taken", chunked.1);

    let get = format!("GET /login HTTP/1.1\r\nHost: {HOST}\r\n");
    for head in [
        format!("{get}X-Large: {}\r\n\r\n", "a".repeat(1_000_000)),
        format!(
            "{get}{}\r\n",
            (0..1_000)
                .map(|n| format!("X-{n}: a\r\n"))
                .collect::<String>()
        ),
        format!("{get}Host: evil.example\r\nConnection: close\r\n\r\n"),
        format!(
            "{post}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\
             Connection: close\r\n\r\n0\r\n\r\n"
        ),
        format!("{post}Content-Length: 3\r\nContent-Length: 4\r\nConnection: close\r\n\r\nabcd"),
    ] {
        let (answer, ..) = ask(head.clone(), Vec::new(), 0).await.unwrap();
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{:.80}: {answer:.100}",
            head
        );
    }
    let fine = ask(format!("{get}Connection: close\r\n\r\n"), Vec::new(), 0)
        .await
        .unwrap();
    assert!(fine.0.starts_with("HTTP/1.1 200 "), "{:.100}", fine.0);
    handle.stop(false).await;
}

#[actix_web::test]
async fn an_unread_body_is_cut_off() {
    let test_app = TestApp::new().await;
    let (address, handle) = serve(&test_app);
    let asked = [
        ("POST /nope", "404"),
        ("GET /nope", "404"),
        ("GET /dns-records/", "301"),
        ("POST /", "403"),
        ("PUT /", "405"),
        ("GET /", "303"),
        ("GET /login", "200"),
        ("HEAD /login", "200"),
        ("GET /version", "200"),
    ];
    let all = asked.map(|(line, status)| {
        actix_web::rt::task::spawn_blocking(move || {
            let head =
                format!("{line} HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n");
            // Takes 20 s; the server waits for 5 s.
            let (answer, sent) = exchange(address, &head, b"1\r\na\r\n", 400);
            // A client that still writes when the connection closes may lose the response.
            let expected = format!("HTTP/1.1 {status} ");
            assert!(
                answer.is_empty() || answer.starts_with(&expected),
                "{line}: {answer:.200}"
            );
            assert!(sent < 240, "{line}: {sent} pieces");
        })
    });
    for one in all {
        one.await.unwrap();
    }
    handle.stop(false).await;
}

#[actix_web::test]
async fn a_connection_without_bodies_is_reused() {
    let test_app = TestApp::new().await;
    let (address, handle) = serve(&test_app);
    let two = actix_web::rt::task::spawn_blocking(move || {
        let head = format!(
            "GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\nGET /nope HTTP/1.1\r\nHost: {HOST}\r\n\r\n\
             GET /version HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
        );
        exchange(address, &head, b"", 0)
    });
    let (answer, ..) = two.await.unwrap();
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 3, "{answer}");
    handle.stop(false).await;
}
