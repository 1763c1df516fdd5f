//! Bodies in chunks: how the coding is spelled, what a chunk's size may be, and what comes after the last one.

use serde_json::json;

use super::{framed, not_taken, refused, shown, smuggled, twin, written};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::strangers::nobody,
};

const FORGOT: &str = "/v1/auth/password/forgot";

pub const CASES: &[Case] = &[
    Case {
        id: "smuggling-coding-spellings",
        title: "`chunked`, spelled so that only one of two servers recognises it",
        owasp: &["API8:2023"],
        asvs: &["4.2.1"],
        teaching: "To make one server of a chain overlook Transfer-Encoding it is bent a little: `xchunked`, `chunked, identity`, \
                   a vertical tab, quotes, two headers, a space before the colon (Go, CVE-2019-16276; Netty, CVE-2019-16869). \
                   The one that overlooks it uses the length, the other the chunks. Whatever is not exactly `chunked` must be \
                   refused.",
        run: |attempt| Box::pin(spellings(attempt)),
        ..PLAIN
    },
    Case {
        id: "smuggling-chunk-sizes",
        title: "Chunks whose size overflows, is signed, or is not what follows",
        owasp: &["API8:2023"],
        asvs: &["4.2.1"],
        teaching: "A chunk's size is a hexadecimal number without an end. Added up in 64 bits it overflows and becomes small: \
                   hyper itself had this (CVE-2021-32714). Signs, `0x`, spaces and missing line ends are read differently by \
                   different servers. Anything but hex digits that fit must end the request, and the connection with it.",
        needs: &[Need::Operation("POST", FORGOT)],
        run: |attempt| Box::pin(chunk_sizes(attempt)),
        ..PLAIN
    },
    Case {
        id: "smuggling-chunk-extensions",
        title: "Chunk extensions without an end, and with a line feed in them",
        owasp: &["API4:2023", "API8:2023"],
        asvs: &["4.2.1", "15.2.2"],
        teaching: "Behind a chunk's size anything may follow as an extension that nobody uses. Servers that read it without a \
                   limit let one byte of body cost kilobytes (Go, CVE-2023-39326), and those that end it at a bare line feed \
                   see another boundary than those that do not (Go, CVE-2025-22871). Limit it, and take CRLF alone for an \
                   end.",
        needs: &[Need::Operation("POST", FORGOT)],
        run: |attempt| Box::pin(extensions(attempt)),
        ..PLAIN
    },
    Case {
        id: "smuggling-trailers",
        title: "Headers that come after the body sign somebody in, or change its length",
        owasp: &["API2:2023", "API8:2023"],
        asvs: &["4.2.1"],
        teaching: "A chunked body may end with more headers. A proxy that strips or checks headers has done so before they come; \
                   a server that merges them with the head then takes Authorization, X-Forwarded-For or Content-Length from \
                   where nobody looked (Tomcat, CVE-2023-45648). RFC 9110 section 6.5.1 forbids merging what frames, routes \
                   or authenticates.",
        needs: &[Need::Door],
        run: |attempt| Box::pin(trailers(attempt)),
        ..PLAIN
    },
];

async fn spellings(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 or 501 for each");
    let body = "2\r\n{}\r\n0\r\n\r\n";
    twin(attempt, framed(attempt, "transfer-encoding: chunked\r\n", body)).await?;
    let heads = [
        "transfer-encoding: xchunked",
        "transfer-encoding: chunked, identity",
        "transfer-encoding: identity, chunked",
        "transfer-encoding: identity",
        "transfer-encoding: gzip, chunked",
        "transfer-encoding: \"chunked\"",
        "transfer-encoding: chunked;q=1",
        "transfer-encoding: chunked,",
        "transfer-encoding: \u{b}chunked",
        "transfer-encoding: chunked\u{c}",
        "transfer-encoding: chun\u{212a}ed",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
        "transfer-encoding: cow\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity",
        "transfer-encoding : chunked",
        "transfer-encoding\t: chunked",
        "\ttransfer-encoding: chunked",
        "transfer-encoding:\r\n chunked",
        "x: y\rtransfer-encoding: chunked",
        "transfer-encoding:",
    ];
    let odd = heads.iter().map(|head| (shown(head), framed(attempt, &format!("{head}\r\n"), body)));
    refused(attempt, odd.collect()).await
}

/// A wish that is read to its end, in chunks by hand: `{}` stands for the JSON, `L` for its length in hexadecimal.
fn in_chunks(attempt: &Attempt, chunks: &str) -> Vec<u8> {
    let body = json!({"email": nobody()}).to_string();
    let chunks = chunks.replace('L', &format!("{:x}", body.len())).replace("{}", &body);
    let line = format!("POST {}{FORGOT} HTTP/1.1", attempt.target.base.prefix);
    written(attempt, &line, "content-type: application/json\r\ntransfer-encoding: chunked\r\n", &chunks)
}

async fn chunk_sizes(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("no success for any of them, and one answer at most");
    twin(attempt, in_chunks(attempt, "L\r\n{}\r\n0\r\n\r\n")).await?;
    let odd = [
        "-L\r\n{}\r\n0\r\n\r\n",
        "+L\r\n{}\r\n0\r\n\r\n",
        "0xL\r\n{}\r\n0\r\n\r\n",
        " L\r\n{}\r\n0\r\n\r\n",
        "L_\r\n{}\r\n0\r\n\r\n",
        "\r\n{}\r\n0\r\n\r\n",
        "g\r\n{}\r\n0\r\n\r\n",
        "100000000000000L\r\n{}\r\n0\r\n\r\n",
        "10000000000000000L\r\n{}\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
        "1\r\n{}\r\n0\r\n\r\n",
        "L\r\n{}0\r\n\r\n",
        "L\r\n{}\n0\r\n\r\n",
        "L\n{}\r\n0\r\n\r\n",
        "L\r{}\r\n0\r\n\r\n",
        "L\r\n{}\r\n0\r\nx",
        "L\r\n{}\r\n-0\r\n\r\n",
    ];
    not_taken(attempt, odd.map(|chunks| (shown(chunks), in_chunks(attempt, chunks))).into()).await
}

async fn extensions(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("an end to what is read of them, and no other line end than CRLF");
    twin(attempt, in_chunks(attempt, "L;a=b\r\n{}\r\n0\r\n\r\n")).await?;
    let long = "a".repeat(128 << 10);
    let many = ";a=b".repeat(20_000);
    let odd = [
        format!("L;{long}\r\n{{}}\r\n0\r\n\r\n"),
        format!("L{many}\r\n{{}}\r\n0\r\n\r\n"),
        format!("L\r\n{{}}\r\n0;{long}\r\n\r\n"),
        "L;a\nb\r\n{}\r\n0\r\n\r\n".to_owned(),
        "L;\n{}\r\n0\r\n\r\n".to_owned(),
        "L;a\rb\r\n{}\r\n0\r\n\r\n".to_owned(),
        "L\r\n{}\r\n0;a\n\n".to_owned(),
    ];
    not_taken(attempt, odd.map(|chunks| (shown(&chunks), in_chunks(attempt, &chunks))).into()).await
}

async fn trailers(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401: what comes after the body is no header");
    let door = attempt.door().await?;
    let line = format!("GET {}{} HTTP/1.1", attempt.target.base.prefix, door.path);
    let chunked = "content-type: application/json\r\ntransfer-encoding: chunked\r\n";
    let authorization = format!("authorization: Bearer {}\r\n", door.token);
    let before = written(attempt, &line, &format!("{chunked}{authorization}"), "2\r\n{}\r\n0\r\n\r\n");
    twin(attempt, before).await?;
    let announced = "trailer: authorization\r\n";
    let odd = [
        ("unannounced", written(attempt, &line, chunked, &format!("2\r\n{{}}\r\n0\r\n{authorization}\r\n"))),
        (
            "announced",
            written(
                attempt,
                &line,
                &format!("{chunked}{announced}"),
                &format!("2\r\n{{}}\r\n0\r\n{authorization}\r\n"),
            ),
        ),
        (
            "with te: trailers",
            written(
                attempt,
                &line,
                &format!("{chunked}{announced}te: trailers\r\n"),
                &format!("0\r\n{authorization}\r\n"),
            ),
        ),
        (
            "a length at the end",
            written(
                attempt,
                &line,
                chunked,
                &format!("0\r\ncontent-length: 60\r\nhost: other.example\r\n\r\n{}", smuggled(attempt)),
            ),
        ),
    ];
    refused(attempt, odd.map(|(note, bytes)| (note.to_owned(), bytes)).into()).await
}
