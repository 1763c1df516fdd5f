//! Which passwords may not be chosen, however long they are.
//!
//! Honest scope: lists of common passwords are short ones, and nearly none of the top 100 000 has fifteen characters.
//! What people write when fifteen are demanded is a common word twice, a word and a run of digits, or a walk over the
//! keyboard. So this measures of how few such pieces a password is made, with a list of some seventy words, all English.
//! What of fifteen characters and more was found in breaches, `breached` knows.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::{NewPassword, breached::is_breached};
use crate::{
    error::{Error, FieldError, Result},
    types::Email,
};

/// A shorter name or local part (Al, Li) stands in too many passwords by accident.
const TELLING_LENGTH: usize = 4;
/// A password made of this few pieces is no better than one of so many characters.
const TOO_FEW_PIECES: usize = 4;
/// Something this short, written again and again, is still this short.
pub(super) const SHORT_PERIOD: usize = 8;

/// Rows of keys, columns of keys and the alphabet: whoever goes along one is at the next character without thinking.
const WALKS: &str = "\
    abcdefghijklmnopqrstuvwxyz 1234567890 01 qwertyuiop[] asdfghjkl;' zxcvbnm,./ qwertz azerty 1qaz 2wsx 3edc 4rfv \
    5tgb 6yhn 7ujm 8ik";

const COMMON_WORDS: &str = "\
    access account admin administrator andrew angel ashley autumn babygirl baseball batman battery bailey \
    charlie changeme chocolate computer correct daniel default donald dragon drawbridge flower football forever \
    freedom guest hello horse hunter iloveyou internet jennifer jessica jordan killer letmein login london \
    lovely loveyou master michael michelle monkey mustang myname nicole password pepper pokemon princess robert \
    samsung secret service shadow soccer spring staple starwars summer sunshine superman system testing thisis \
    thomas trustno welcome winter";

impl NewPassword {
    // ANCHOR: password-policy
    /// Everything that speaks against this password for this person, under the name that the field has in the request.
    pub fn check(&self, field: &str, email: &Email, name: &str) -> Result<()> {
        let text = fold(self.text().expose());
        let common = is_common(&text);
        let squeezed = squeeze(self.text().expose());
        // `ada+drawbridge@…` and `ada@…` are one mailbox; what stands before the sign is the name.
        let local = email.local_part();
        let mailbox = local.split('+').next().unwrap_or(local);
        let rules = [
            (!self.has_length(), "length", "has 15 to 128 characters"),
            (common, "common", "is too easy to guess"),
            // One of the two is enough to say: most that are common were in some breach.
            (!common && is_breached(&text), "breached", "is on a list of breached passwords"),
            (holds(&squeezed, mailbox), "contains_email", "contains the e-mail address"),
            (holds(&squeezed, name), "contains_name", "contains the name"),
        ];
        let broken = rules.into_iter().filter(|(is_broken, ..)| *is_broken);
        let errors: Vec<_> =
            broken.map(|(_, rule, message)| FieldError { field: field.to_owned(), rule, message }).collect();
        if errors.is_empty() { Ok(()) } else { Err(Error::Invalid(errors)) }
    }
    // ANCHOR_END: password-policy
}

/// Without case; one element a character, as it is compared. Wiped, and never grown: it is a copy of a password.
fn fold(text: &str) -> Zeroizing<Vec<char>> {
    let mut folded = Zeroizing::new(Vec::with_capacity(text.len() * 3));
    folded.extend(text.chars().flat_map(char::to_lowercase));
    folded
}

/// Letters and digits alone: `Ada.Lovelace`, `ada lovelace` and `AdaLovelace` are one name.
fn squeeze(text: &str) -> Zeroizing<String> {
    let mut squeezed = Zeroizing::new(String::with_capacity(text.len() * 3));
    squeezed.extend(text.nfkc().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()));
    squeezed
}

fn holds(squeezed: &str, part: &str) -> bool {
    let part = squeeze(part);
    part.chars().count() >= TELLING_LENGTH && squeezed.contains(part.as_str())
}

/// Not squeezed: a space between two common words is one more thing to guess, and counts as one.
fn is_common(text: &[char]) -> bool {
    repeats_itself(text) || pieces(text) <= TOO_FEW_PIECES
}

fn repeats_itself(text: &[char]) -> bool {
    let has_period = |period: usize| text.windows(period + 1).all(|window| window[0] == window[period]);
    (1..=SHORT_PERIOD).any(|period| text.len() > period && has_period(period))
}

/// The fewest pieces that make up the text, where a common word or a walk counts as one, and so does any character.
fn pieces(text: &[char]) -> usize {
    // `fewest[end]` is for the text up to there: whatever comes last stands on the best of what comes before it.
    let mut fewest = vec![0; text.len() + 1];
    let mut walk_from = 0;
    for end in 1..=text.len() {
        if end >= 2 && !is_step(text[end - 2], text[end - 1]) {
            walk_from = end - 1;
        }
        let walk = (end - walk_from >= 3).then_some(walk_from);
        let words = COMMON_WORDS.split(' ').filter_map(|word| starts_at(&text[..end], word));
        fewest[end] = words.chain(walk).chain([end - 1]).map(|from| fewest[from] + 1).min().unwrap_or(end);
    }
    fewest[text.len()]
}

/// Either way along a row, or the same key again.
fn is_step(from: char, to: char) -> bool {
    let along = |walk: &str| {
        let mut pairs = walk.chars().zip(walk.chars().skip(1));
        pairs.any(|(left, right)| (left, right) == (from, to) || (left, right) == (to, from))
    };
    from == to || WALKS.split(' ').any(along)
}

/// Where a word that ends here begins. `p4ssw0rd` is the word that it looks like.
fn starts_at(text: &[char], word: &str) -> Option<usize> {
    let start = text.len().checked_sub(word.len())?;
    text[start..]
        .iter()
        .zip(word.chars())
        .all(|(seen, meant)| *seen == meant || looks_like(*seen, meant))
        .then_some(start)
}

fn looks_like(seen: char, meant: char) -> bool {
    matches!(
        (seen, meant),
        ('0', 'o') | ('1' | '!', 'i' | 'l') | ('3', 'e') | ('4' | '@', 'a') | ('5' | '$', 's') | ('7', 't')
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::security::secret::Secret;

    fn refusals(password: &str) -> Vec<&'static str> {
        let password = NewPassword::new(&Secret::new(password.to_owned()));
        match password.check("new_password", &Email::trimmed("ada.lovelace+x@example.com"), "Grace Hopper") {
            Ok(()) => Vec::new(),
            Err(Error::Invalid(errors)) => errors.into_iter().map(|error| error.rule).collect(),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_passphrase_that_nobody_else_has_is_admitted() {
        for good in [
            "a quiet harbour at dawn",
            "orbit-velvet-canyon-mosaic",
            "kX9#mQ2$vL7@nR4",
            "日本語のとても長いパスワードです",
            "tralfamadore never was",
            "summer holds eleven moons",
        ] {
            assert_eq!(refusals(good), [""; 0], "{good}");
        }
    }

    #[test]
    fn long_but_common_is_still_common() {
        for bad in [
            "aaaaaaaaaaaaaaa",
            "passwordpassword",
            "PasswordPasswor",
            "P4ssw0rdP@$$word",
            "123456789012345",
            "987654321098765",
            "abcabcabcabcabc",
            "qwertyuiopasdfgh",
            "1qaz2wsx3edc4rfv",
            "iloveyou12345678",
            "Password1234567!",
            "drawbridge123456789012345",
            "correcthorsebatterystaple",
        ] {
            assert_eq!(refusals(bad), ["common"], "{bad}");
        }
    }

    #[test]
    fn uncommon_but_breached_is_refused() {
        for bad in ["manchesterunited", "Manchester United 99", "polniypizdec0211", "BoysOverFlowers"] {
            assert_eq!(refusals(bad), ["breached"], "{bad}");
        }
    }

    #[test]
    fn the_owners_mailbox_and_name_are_refused_however_they_are_written() {
        assert_eq!(refusals("my Ada-Lovelace was first"), ["contains_email"]);
        assert_eq!(refusals("ｇｒａｃｅ ｈｏｐｐｅｒ finds bugs"), ["contains_name"]);
        assert_eq!(refusals("gracehopper&adalovelace"), ["contains_email", "contains_name"]);
    }

    #[test]
    fn a_name_too_short_to_tell_refuses_nothing() {
        let password = NewPassword::new(&Secret::new("a quiet harbour at dawn".to_owned()));
        assert!(password.check("password", &Email::trimmed("ui@example.com"), "Qui").is_ok());
        assert!(password.check("password", &Email::trimmed("ui@example.com"), "Quie").is_err());
    }

    #[test]
    fn every_broken_rule_is_told_at_once_under_the_name_of_the_field() {
        let password = NewPassword::new(&Secret::new("password".to_owned()));
        let Err(Error::Invalid(errors)) = password.check("new_password", &Email::trimmed("a@example.com"), "Pass Word")
        else {
            panic!("admitted")
        };
        assert_eq!(errors.iter().map(|error| error.rule).collect::<Vec<_>>(), ["length", "common", "contains_name"]);
        assert!(errors.iter().all(|error| error.field == "new_password"));
    }
}
