//! Answers to calls that are passed on, whole and broken: each head and each coding.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::api::get;
use crate::api_streams::{READ, answering, begun_reading, head, read_to_end};
use crate::support::{Page, Reply};

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn an_answer_that_breaks_off_breaks_off_here() {
    for (headers, body) in [
        ("content-length: 100\r\n", &b"part"[..]),
        ("transfer-encoding: chunked\r\n", b"4\r\npart\r\n"),
        (
            "content-encoding: gzip\r\n",
            &gzip(b"part of a text that is longer")[..20],
        ),
    ] {
        let bytes = [&head(headers)[..], body].concat();
        let (_provider, ann) = answering(READ, move || Reply::Bytes(bytes.clone())).await;
        let mut stream = begun_reading(&ann).await;
        let answer = read_to_end(&mut stream).await;
        let is_whole = answer.contains("\r\n0\r\n\r\n") || answer.contains("content-length: 4\r\n");
        assert!(answer.starts_with("HTTP/1.1 200") && !is_whole, "{answer}");
    }
}

/// Of what breaks off before anything of the body came, the head arrives all the same.
#[tokio::test]
async fn the_head_of_an_answer_arrives_whatever_becomes_of_its_body() {
    for (status, headers, body) in [
        (500, "content-length: 20\r\n", &b"{\"errorCode\":"[..]),
        (404, "content-length: 20\r\n", b""),
        (200, "content-length: 20\r\n", b""),
        (200, "transfer-encoding: chunked\r\n", b""),
        (
            200,
            "content-encoding: gzip\r\ncontent-length: 20\r\n",
            b"\x1f\x8b",
        ),
    ] {
        let head = format!("HTTP/1.1 {status} Said\r\nconnection: close\r\n{headers}\r\n");
        let bytes = [head.as_bytes(), body].concat();
        let (_provider, ann) = answering(READ, move || Reply::Bytes(bytes.clone())).await;
        let mut stream = begun_reading(&ann).await;
        let answer = read_to_end(&mut stream).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{status} {headers:?}: {answer:?}"
        );
        assert!(!answer.ends_with("\r\n0\r\n\r\n"), "{answer:?}");
    }
}

#[tokio::test]
async fn answers_are_decoded_or_not_passed_on() {
    let text = "a text, and once more a text, ".repeat(1000);
    let once = gzip(text.as_bytes());
    let twice = gzip(&once);
    for (coding, body, expected) in [
        ("gzip", &once[..], Some(text.as_bytes())),
        ("x-gzip", &once, Some(text.as_bytes())),
        ("identity", text.as_bytes(), Some(text.as_bytes())),
        ("gzip", text.as_bytes(), Some(text.as_bytes())),
        ("gzip", b"", Some(b"")),
        ("gzip, gzip", &twice, None),
        ("br", b"\x0b", None),
        ("deflate", b"x", None),
    ] {
        let headers = format!("content-encoding: {coding}\r\ncontent-type: text/plain\r\n");
        let bytes = [&head(&headers)[..], body].concat();
        let (_provider, ann) = answering(READ, move || Reply::Bytes(bytes.clone())).await;
        let page = get(&ann, "/sheets/7").await;
        match expected {
            Some(expected) => {
                assert_eq!(
                    (page.status, page.body.as_bytes()),
                    (200, expected),
                    "{coding}"
                );
                assert_eq!(page.header("content-type"), "text/plain");
            }
            None => {
                page.is_problem(502, "smartsheet-unreadable");
            }
        }
        assert_eq!(page.header("content-encoding"), "");
    }
}

#[tokio::test]
async fn heads_of_every_kind() {
    let twice = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nset-cookie: session=evil\r\n\r\n\
                 HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
    let cases: [(&'static str, u16, &str); 8] = [
        (twice, 200, "ok"),
        (
            "HTTP/1.1 204 No Content\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbody",
            204,
            "",
        ),
        (
            "HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\nconnection: close\r\n\r\n",
            304,
            "",
        ),
        (
            "HTTP/1.1 301 Moved\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 5\r\nconnection: close\r\n\r\nmoved",
            301,
            "moved",
        ),
        (
            "HTTP/1.1 307 There\r\nlocation: /2.0/token\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            307,
            "",
        ),
        (
            "HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\ncontent-length: 5\r\nconnection: close\r\n\r\nplain",
            404,
            "plain",
        ),
        ("HTTP/1.1 500 Oops\r\nconnection: close\r\n\r\n", 500, ""),
        (
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nhello",
            502,
            "smartsheet-un",
        ),
    ];
    for (answer, status, body) in cases {
        let (provider, ann) = answering(READ, move || Reply::Bytes(answer.into())).await;
        let page: Page = get(&ann, "/sheets/7").await;
        assert_eq!(page.status, status, "{answer}: {page:?}");
        assert!(
            page.body.contains(body) && (body.is_empty() == page.body.is_empty()),
            "{page:?}"
        );
        assert!(page.set_cookies().is_empty() && page.location().is_empty());
        assert_eq!(provider.count(READ), 1, "{answer}");
    }
    for garbage in [
        "",
        "\r\n\r\n",
        "HTTP/1.1 abc\r\n\r\n",
        "SSH-2.0-x\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 4, 5\r\n\r\n",
    ] {
        let (_provider, ann) = answering(READ, move || Reply::Bytes(garbage.into())).await;
        get(&ann, "/sheets/7")
            .await
            .is_problem(502, "smartsheet-unreachable");
    }
}
