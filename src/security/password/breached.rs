//! Passwords that others had, and that were stolen from somewhere: whoever guesses begins with these (NIST SP 800-63B-4
//! section 3.1.1.2; ASVS 6.2.4, 6.2.12). Some 480 000 are known by a filter of one MiB that ships with the service, so
//! that no password, nor a piece of its hash, is ever sent anywhere to be looked up.
//!
//! The filter (Bloom's) never misses what was put in. It takes about one text in four thousand for known that is not,
//! which costs its owner another thought. What is in it, and how it is made: `tools/password-list/README.md`.

use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroizing;

/// As `tools/password-list` wrote it.
static FILTER: &[u8; BYTES] = include_bytes!("breached.bin");

/// 2^23 bits: seventeen for each password.
pub const BYTES: usize = 1 << 20;
const PLACE_BITS: usize = 23;
/// As many as one SHA-256 yields. Twelve would be the best number for so many bits a password; eleven is as good.
const PLACES: usize = 256 / PLACE_BITS;

/// A shorter one says too little about a password of fifteen characters that contains it.
pub const SHORTEST_CORE: usize = 4;
/// Of what is repeated and shorter, only words are in the list: the rest `policy` refuses by itself, however uncommon.
pub const SHORTEST_UNIT: usize = super::policy::SHORT_PERIOD + 1;

/// The bits that stand for a text. Not secret and not salted: the list is public.
pub fn places(text: &str) -> [usize; PLACES] {
    let hash = digest(&SHA256, text.as_bytes());
    let bit = |at: usize| usize::from(hash.as_ref()[at / 8] >> (at % 8) & 1);
    std::array::from_fn(|place| (0..PLACE_BITS).fold(0, |sum, at| sum << 1 | bit(place * PLACE_BITS + at)))
}

fn knows(text: &[char]) -> bool {
    let mut joined = Zeroizing::new(String::with_capacity(text.len() * 4));
    joined.extend(text);
    places(&joined).into_iter().all(|place| FILTER[place / 8] >> (place % 8) & 1 == 1)
}

/// Whether the password, folded to lower case, is one of them, or one of them in a disguise that those who crack
/// passwords take off first: spaces between the words, digits and signs around it, the same twice.
pub(super) fn is_breached(folded: &[char]) -> bool {
    let mut joined = Zeroizing::new(Vec::with_capacity(folded.len()));
    joined.extend(folded.iter().copied().filter(|c| !c.is_whitespace()));
    [folded, &joined].into_iter().any(|text| {
        let unit = unit(text);
        knows(text) || knows_core(text) || unit.is_some_and(|unit| knows(unit) || knows_core(unit))
    })
}

fn knows_core(text: &[char]) -> bool {
    let core = core(text);
    core.len() >= SHORTEST_CORE && core.len() < text.len() && knows(core)
}

/// From the first letter to the last.
pub fn core(text: &[char]) -> &[char] {
    let first = text.iter().position(|c| c.is_alphabetic());
    let last = text.iter().rposition(|c| c.is_alphabetic());
    first.zip(last).map_or(&[], |(first, last)| &text[first..=last])
}

/// What a text consists of that is the same again and again, to the end or to somewhere within.
fn unit(text: &[char]) -> Option<&[char]> {
    let has_period = |period: &usize| text.windows(period + 1).all(|window| window[0] == window[*period]);
    (SHORTEST_CORE..=text.len() / 2).find(has_period).map(|period| &text[..period])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Givens, System};

    fn breached(text: &str) -> bool {
        is_breached(&text.chars().collect::<Vec<_>>())
    }

    #[test]
    fn what_was_stolen_elsewhere_is_known() {
        for bad in [
            "manchesterunited",
            "cristianoronaldo",
            "bestfriendsforever",
            "thisismypassword",
            "worldofwarcraft",
            "avengedsevenfold",
            "polniypizdec0211",
            "q1w2e3r4t5y6u7i8o9p0",
            "mahalnamahalkita",
        ] {
            assert!(breached(bad), "{bad}");
        }
    }

    #[test]
    fn a_disguise_that_everyone_knows_hides_nothing() {
        for bad in [
            "world of warcraft",
            "manchesterunited!",
            "!!butterfly2024!!",
            "arsenal 1234567890",
            "manchesterunitedmanchesterunited",
            "snickers snickers",
            "champions1champions1",
        ] {
            assert!(breached(bad), "{bad}");
        }
    }

    #[test]
    fn a_password_of_ones_own_is_not_known_although_it_is_made_of_words() {
        for good in [
            "a quiet harbour at dawn",
            "orbit-velvet-canyon-mosaic",
            "summer holds eleven moons",
            "seven wooden bridges over a moat",
            "日本語のとても長いパスワードです",
            "",
            "1234 5678 ?",
        ] {
            assert!(!breached(good), "{good}");
        }
    }

    /// The stated bound is one in two thousand a question. Chance is bounded too: with one in four thousand as the true
    /// rate, more than a hundred of 200 000 has a likelihood below 10^-10.
    #[test]
    fn fewer_than_one_in_two_thousand_random_texts_are_taken_for_known() {
        const TEXTS: usize = 200_000;
        let givens = Givens::new(System, System);
        let random = || givens.random::<15>().map(|byte| char::from(b'a' + byte % 26));
        let taken = (0..TEXTS).filter(|_| knows(&random())).count();
        println!("{taken} of {TEXTS}: one in {}", TEXTS / taken.max(1));
        assert!(taken <= TEXTS / 2000, "{taken}");
    }
}
