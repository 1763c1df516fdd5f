//! Bodies that are small on the wire and large behind it.

use serde_json::json;

use crate::{
    attempt::Attempt,
    case::{Case, PLAIN, Trouble, Verdict},
    cases::walk::{CHANGES_ME, refuses},
};

pub const CASES: &[Case] = &[
    Case {
        id: "body-gzip-bomb",
        title: "A body of 20 kilobytes that unpacks to three megabytes",
        pillar: None,
        owasp: &["API4:2023"],
        asvs: &["15.2.2"],
        teaching: "Compression makes one byte of a thousand, and a limit on what comes over the wire counts the one. The bomb \
                   of 1996 was for virus scanners; servers that unpack request bodies because a library offers it are \
                   bombed today (CWE-409). Most APIs need no compressed requests: 415 for every Content-Encoding. Who wants \
                   them must count the bytes behind the unpacking as well.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(bomb(attempt)),
        ..PLAIN
    },
    Case {
        id: "body-encodings",
        title: "Content codings that are unknown, several, or not what the body is",
        pillar: None,
        owasp: &["API4:2023", "API8:2023"],
        asvs: &["4.1.1", "15.2.2"],
        teaching: "A coding that one program undoes and another ignores makes two bodies of one; ten codings in a row make \
                   ten rounds of unpacking, which is how curl was kept busy (CVE-2022-32206). A filter in front looks at \
                   the packed bytes and sees nothing bad. RFC 9110 has 415 for a coding that is not supported, and a \
                   server may support none.",
        needs: CHANGES_ME,
        run: |attempt| Box::pin(encodings(attempt)),
        ..PLAIN
    },
];

async fn bomb(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("415, without unpacking");
    let person = attempt.fresh_user().await?;
    let change = attempt.request("PATCH", "/v1/users/me").by(&person).header("content-type", "application/json");
    let honest = change.clone().body("{\"name\":\"Ada King\"}").note("Control: as it is");
    honest.send().await?.must_work("as it is")?;
    let packed = change.header("content-encoding", "gzip");
    refuses(vec![
        packed.clone().body(gzip(b"{\"name\":\"Mallory", 0, b"\"}")).note("A small one, packed"),
        packed.body(gzip(b"{\"name\":\"", 3 << 20, b"\"}")).note("Three megabytes, packed"),
    ])
    .await
}

async fn encodings(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("415 or 400 for each");
    let person = attempt.fresh_user().await?;
    let path = "/v1/users/me";
    let honest = attempt.patch(path, &json!({"name": "Ada King"})).by(&person).note("Control: none");
    honest.send().await?.must_work("none")?;
    let codings = [
        "deflate",
        "br",
        "zstd",
        "compress",
        "x-gzip",
        "gzip, gzip",
        "identity, gzip",
        "GZIP",
        "utf-8",
        "x",
        "aes128gcm",
    ];
    let change =
        |coding: &str| attempt.patch(path, &json!({"name": "Mallory"})).by(&person).header("content-encoding", coding);
    let mut tries: Vec<_> = codings.iter().map(|coding| change(coding)).collect();
    tries.push(change("identity").header("content-encoding", "gzip").note("Twice"));
    refuses(tries).await
}

/// RFC 1952 by hand, with the simplest of deflate's ways (RFC 1951 section 3.2.6): a beginning, so many times the letter a,
/// an end.
fn gzip(beginning: &[u8], letters: usize, end: &[u8]) -> Vec<u8> {
    let mut packed = Bits::default();
    // The last block, with the codes that need no table.
    packed.push(0b1, 1);
    packed.push(0b01, 2);
    for byte in beginning {
        packed.literal(*byte);
    }
    if letters > 0 {
        packed.literal(b'a');
    }
    for _ in 0..letters.saturating_sub(1) / 258 {
        // 258 more of what was one place back: length code 285, distance code 0.
        packed.huffman(0b1100_0101, 8);
        packed.huffman(0, 5);
    }
    for byte in end {
        packed.literal(*byte);
    }
    packed.huffman(0, 7);
    let length = usize::from(letters > 0) + letters.saturating_sub(1) / 258 * 258;
    let whole = [beginning, &vec![b'a'; length], end].concat();
    let size = u32::try_from(whole.len()).unwrap_or(u32::MAX);
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    [&head[..], &packed.finished(), &crc32(&whole).to_le_bytes(), &size.to_le_bytes()].concat()
}

/// Bits in deflate's order: the lowest first, codes from their highest.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    free: u8,
}

impl Bits {
    fn push(&mut self, value: u16, count: u8) {
        for bit in 0..count {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let place = 8 - self.free;
            if let Some(last) = self.bytes.last_mut() {
                *last |= u8::from(value >> bit & 1 == 1) << place;
            }
            self.free -= 1;
        }
    }

    fn huffman(&mut self, code: u16, count: u8) {
        self.push(code.reverse_bits() >> (16 - u16::from(count)), count);
    }

    /// ASCII alone: the codes of the other half are longer.
    fn literal(&mut self, byte: u8) {
        self.huffman(0x30 + u16::from(byte & 0x7f), 8);
    }

    fn finished(self) -> Vec<u8> {
        self.bytes
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let table: [u32; 256] = std::array::from_fn(|i| {
        let start = u32::try_from(i).unwrap_or_default();
        (0..8).fold(start, |sum, _| if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 })
    });
    !bytes.iter().fold(!0_u32, |sum, byte| table[usize::from(sum.to_le_bytes()[0] ^ byte)] ^ (sum >> 8))
}

#[cfg(test)]
mod tests {
    use super::{crc32, gzip};

    #[test]
    fn the_check_sum_is_the_one_that_everybody_computes() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn three_megabytes_become_a_hundredth() {
        let bomb = gzip(b"{\"name\":\"", 3 << 20, b"\"}");
        assert!(bomb.len() < 30_000, "{}", bomb.len());
        assert_eq!(bomb[..3], [0x1f, 0x8b, 8]);
    }
}
