//! What is agreed on, and what must not be.

use rustls::{ProtocolVersion, client::verify_server_name, server::ParsedCertificate};

use super::{
    certificate::shake,
    hello::{GOOD, Hello, Reply, say},
};
use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::told::told,
};

pub const CASES: &[Case] = &[
    Case {
        id: "tls-old-versions",
        title: "A handshake in SSL 3.0, TLS 1.0 or TLS 1.1",
        owasp: &["API8:2023"],
        asvs: &["12.1.1"],
        teaching: "Old versions are broken by design: POODLE reads cookies out of SSL 3.0 (CVE-2014-3566), BEAST out of TLS 1.0 \
                   (CVE-2011-3389), and both sign with MD5 and SHA-1. RFC 8996 retired them in 2021. As long as a server takes \
                   them, whoever sits in the middle may try to talk a client down to them.",
        needs: &[Need::Tls],
        run: |attempt| Box::pin(old_versions(attempt)),
        ..PLAIN
    },
    Case {
        id: "tls-weak-suites",
        title: "TLS 1.2 with nothing but weak suites: RC4, 3DES, export, anonymous, without forward secrecy",
        owasp: &["API8:2023"],
        asvs: &["12.1.2"],
        teaching: "TLS 1.2 still has its museum: export keys that FREAK broke in hours (CVE-2015-0204), 3DES (Sweet32, \
                   CVE-2016-2183), RC4 (RFC 7465), RSA key exchange, which ROBOT decrypts (CVE-2017-13099) and which opens \
                   everything recorded once the key leaks, and CBC. Only ephemeral keys with authenticated encryption are left.",
        needs: &[Need::Tls],
        run: |attempt| Box::pin(weak_suites(attempt)),
        ..PLAIN
    },
    Case {
        id: "tls-downgrade-mark",
        title: "A client of TLS 1.3 is talked down to 1.2, and nothing in the answer tells it",
        owasp: &["API8:2023"],
        asvs: &["12.1.1"],
        teaching: "Whoever sits in the middle can strip TLS 1.3 from the offer. So a server that knows 1.3 and is asked for 1.2 \
                   writes `DOWNGRD` and a 1 at the end of its random number, under its signature (RFC 8446 section 4.1.3), and \
                   a client that had offered more hangs up. Without the mark nobody notices.",
        needs: &[Need::Tls],
        run: |attempt| Box::pin(downgrade(attempt)),
        ..PLAIN
    },
    Case {
        id: "tls-dangerous-extras",
        title: "Compression, heartbeats, and renegotiation without its safeguard",
        owasp: &["API8:2023"],
        asvs: &["12.1.2"],
        teaching: "Three extras that each made history: compression, whose length tells a cookie (CRIME, CVE-2012-4929); \
                   heartbeats, that read the server's memory (Heartbleed, CVE-2014-0160); renegotiation, into which a stranger's \
                   beginning was spliced (CVE-2009-3555). None is chosen, and RFC 5746's sign must stand in the answer.",
        needs: &[Need::Tls],
        run: |attempt| Box::pin(extras(attempt)),
        ..PLAIN
    },
    Case {
        id: "tls-other-protocol",
        title: "A client of another protocol is let in",
        owasp: &["API8:2023"],
        asvs: &["12.1.1"],
        teaching: "A browser's request that is led to an FTP or mail server with the same certificate is answered there, and may be \
                   echoed as a page: the ALPACA attack of 2021. If client and server name their protocols (ALPN, RFC 7301) and a \
                   server hangs up when it knows none of those offered, nothing is confused.",
        needs: &[Need::Tls],
        run: |attempt| Box::pin(other_protocol(attempt)),
        ..PLAIN
    },
    Case {
        id: "tls-certificate-name",
        title: "The certificate is for another name",
        owasp: &["API8:2023"],
        asvs: &["12.2.1", "12.2.2"],
        teaching: "A certificate that does not name the host teaches its users to click the warning away and its programmers to \
                   turn the check off, and then anybody's certificate will do: Martin Georgiev and others found the check \
                   missing in Amazon's and PayPal's libraries in 2012. The name must match, also where the issuer is not known.",
        needs: &[Need::Tls],
        run: |attempt| Box::pin(certificate_name(attempt)),
        ..PLAIN
    },
];

/// Control: what is good is taken over by hand as well, so that a refusal means something.
async fn good(attempt: &Attempt) -> Result<Reply, Trouble> {
    let reply = Hello::tls12().say(attempt, "Control: TLS 1.2 with good suites").await?;
    if let Reply::Chosen { .. } = reply {
        attempt.control(true, "")?;
        return Ok(reply);
    }
    // Some speak TLS 1.3 alone, which is best of all; to them the library's handshake is the control.
    let agreed = shake(attempt, &[b"http/1.1"]).await?;
    attempt.control(agreed.is_ok(), "no handshake succeeds at all")?;
    Ok(reply)
}

const WEAK: [(u16, &str); 22] = [
    (0x0001, "RSA, NULL, MD5"),
    (0x0002, "RSA, NULL, SHA"),
    (0x003b, "RSA, NULL, SHA-256"),
    (0x0003, "export, RC4 of 40 bits"),
    (0x0008, "export, DES of 40 bits"),
    (0x0014, "export, DHE, DES of 40 bits"),
    (0x0004, "RC4, MD5"),
    (0x0005, "RC4, SHA"),
    (0xc011, "ECDHE, RC4"),
    (0x0009, "DES"),
    (0x000a, "3DES"),
    (0xc012, "ECDHE, 3DES"),
    (0x0018, "anonymous, RC4"),
    (0x0034, "anonymous, AES"),
    (0xc018, "anonymous ECDH, AES"),
    (0x002f, "RSA, AES-CBC"),
    (0x009c, "RSA, AES-GCM"),
    (0x009d, "RSA, AES-256-GCM"),
    (0x0033, "DHE, AES-CBC"),
    (0xc013, "ECDHE, AES-CBC"),
    (0xc009, "ECDHE, ECDSA, AES-CBC"),
    (0xc027, "ECDHE, AES-CBC, SHA-256"),
];

async fn old_versions(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("an alert, or a closed connection");
    good(attempt).await?;
    let suites: Vec<u16> = WEAK.iter().map(|(suite, _)| *suite).chain(GOOD).chain([0xc014, 0x0035]).collect();
    let mut verdict = Verdict::Held;
    for (version, name) in [(0x0300, "SSL 3.0"), (0x0301, "TLS 1.0"), (0x0302, "TLS 1.1")] {
        let reply = Hello { version, suites: suites.clone(), ..Hello::tls12() }.say(attempt, name).await?;
        verdict = verdict.and(not_chosen(&reply, name));
    }
    // SSL 2.0 has a form of its own: length, type, version, three suites, a challenge.
    let ssl2 =
        [&[0x80, 0x22, 1, 0, 2, 0, 9, 0, 0, 0, 16][..], &[1, 0, 0x80, 7, 0, 0xc0, 5, 0, 0x80], &[7; 16]].concat();
    let reply = say(attempt, "SSL 2.0", &ssl2).await?;
    Ok(verdict
        .and(Verdict::held_if(matches!(reply, Reply::Alert(_) | Reply::Closed), || format!("SSL 2.0: {reply:04x?}"))))
}

fn not_chosen(reply: &Reply, what: &str) -> Verdict {
    Verdict::held_if(matches!(reply, Reply::Alert(_) | Reply::Closed), || match reply {
        Reply::Chosen { version, suite, .. } => format!("{what} is taken: version {version:04x}, suite {suite:04x}"),
        other => format!("{what} is not refused: {other:?}"),
    })
}

async fn weak_suites(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("an alert for each of them");
    good(attempt).await?;
    let mut verdict = Verdict::Held;
    for (suite, name) in WEAK {
        let reply = Hello { suites: vec![suite], ..Hello::tls12() }.say(attempt, name).await?;
        verdict = verdict.and(not_chosen(&reply, name));
    }
    Ok(verdict)
}

async fn downgrade(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a random number that ends with DOWNGRD and 1; or no TLS 1.2 at all");
    let agreed = shake(attempt, &[b"http/1.1"]).await?;
    let version = agreed.map_err(Trouble::Broken)?.version;
    attempt.control(version.is_some(), "no handshake succeeds at all")?;
    if version != Some(ProtocolVersion::TLSv1_3) {
        return Ok(Verdict::Hole("it does not speak TLS 1.3".to_owned()));
    }
    match Hello::tls12().say(attempt, "TLS 1.2 and no more").await? {
        Reply::Chosen { random, .. } => {
            Ok(Verdict::held_if(random.ends_with(b"DOWNGRD\x01"), || "TLS 1.2 without the mark".to_owned()))
        }
        _ => Ok(Verdict::Held),
    }
}

async fn extras(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("no compression, no heartbeat, and the sign of safe renegotiation");
    good(attempt).await?;
    let hello = Hello { compressions: vec![1, 0], more: vec![(15, vec![1])], ..Hello::tls12() };
    let reply = hello.say(attempt, "With DEFLATE and heartbeats").await?;
    let Reply::Chosen { compression, extensions, .. } = reply else {
        // Refused altogether, or TLS 1.3 alone: none of the three is there.
        return Ok(Verdict::Held);
    };
    let plain = Verdict::held_if(compression == 0, || "it compresses".to_owned());
    let quiet = Verdict::held_if(!extensions.contains(&15), || "it answers heartbeats".to_owned());
    let signed = Verdict::held_if(extensions.contains(&0xff01), || "no sign of safe renegotiation".to_owned());
    Ok(plain.and(quiet).and(signed))
}

async fn other_protocol(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a handshake that fails for who speaks no HTTP");
    let http = shake(attempt, &[b"http/1.1"]).await?.map_err(Trouble::Broken)?;
    attempt
        .control(http.protocol.is_none_or(|protocol| protocol == b"http/1.1"), "it answers with another protocol")?;
    let mut verdict = Verdict::Held;
    for protocol in ["ftp", "imap", "smtp", "http/0.9", "h3"] {
        let seen = match shake(attempt, &[protocol.as_bytes()]).await? {
            Err(error) => error,
            Ok(agreed) => {
                verdict = verdict.and(Verdict::Hole(format!("whoever speaks {protocol} is let in")));
                format!("let in, as {:?}", agreed.protocol.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
            }
        };
        told(attempt, "", &format!("TLS, offering {protocol}"), &seen, std::time::Duration::ZERO);
    }
    Ok(verdict)
}

async fn certificate_name(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a certificate that names the host");
    let agreed = shake(attempt, &[b"http/1.1"]).await?.map_err(Trouble::Broken)?;
    attempt.control(agreed.certificate.is_some(), "no certificate was shown")?;
    let certificate = agreed.certificate.unwrap_or_else(|| Vec::new().into());
    let parsed = ParsedCertificate::try_from(&certificate);
    let parsed = parsed.map_err(|error| Trouble::Broken(format!("the certificate cannot be read: {error}")))?;
    let named = verify_server_name(&parsed, &agreed.name);
    told(
        attempt,
        "",
        &format!("A certificate for {:?}?", agreed.name),
        &format!("{named:?}"),
        std::time::Duration::ZERO,
    );
    Ok(Verdict::held_if(named.is_ok(), || format!("it is not for {}", attempt.target.base.host)))
}
