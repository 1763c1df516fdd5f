//! Makes `src/security/password/breached.bin` from lists of passwords, one a line, the most common first. README.md says
//! which lists, and why these lines of them.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, bail};
use drawbridge::security::password::breached::{self, BYTES, SHORTEST_CORE, SHORTEST_UNIT};
use unicode_normalization::UnicodeNormalization;

/// What the service admits has at least so many characters.
const LONG: usize = 15;
/// Of what is shorter, only the most common lines of each list.
const COMMON: usize = 100_000;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((target, lists)) = arguments.split_first().filter(|(_, lists)| !lists.is_empty()) else {
        bail!("usage: password-list TARGET LIST...");
    };
    let mut chosen = BTreeSet::new();
    for list in lists {
        let bytes = fs::read(list).with_context(|| format!("read {list}"))?;
        let lines = bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        chosen.extend(lines.enumerate().filter_map(|(rank, line)| choose(rank, line)));
    }
    write(Path::new(target), &chosen)
}

/// The line as the service will look it up, if it ever will: in NFKC and lower case.
fn choose(rank: usize, line: &[u8]) -> Option<String> {
    // The lists are older than UTF-8's victory.
    let text = String::from_utf8(line.to_vec()).unwrap_or_else(|_| line.iter().copied().map(char::from).collect());
    let folded: Vec<char> = text.nfkc().flat_map(char::to_lowercase).collect();
    let is_core = folded.len() >= SHORTEST_CORE && breached::core(&folded).len() == folded.len();
    let is_common = rank < COMMON && (is_core || folded.len() >= SHORTEST_UNIT);
    (folded.len() >= LONG || is_common).then(|| folded.into_iter().collect())
}

fn write(target: &Path, chosen: &BTreeSet<String>) -> anyhow::Result<()> {
    let mut filter = vec![0_u8; BYTES];
    for place in chosen.iter().flat_map(|text| breached::places(text)) {
        filter[place / 8] |= 1 << (place % 8);
    }
    fs::write(target, &filter).with_context(|| format!("write {}", target.display()))?;
    let set: u32 = filter.iter().map(|byte| byte.count_ones()).sum();
    say(&format!("{} passwords; {set} of {} bits set", chosen.len(), BYTES * 8));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the one place that prints")]
fn say(line: &str) {
    println!("{line}");
}
