//! People who are not there: addresses and secrets that nobody has.

use data_encoding::HEXLOWER;

/// Never the same twice, nor in two runs: what an earlier one spent is not ours.
pub(super) fn chance() -> String {
    let mut bytes = [0; 8];
    // Without chance they would be the same, and a case that minds would say so.
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    HEXLOWER.encode(&bytes)
}

/// An e-mail address without an account.
pub(super) fn nobody() -> String {
    format!("nobody-{}@attack.example", chance())
}

/// A password that is good enough for any policy.
pub(super) fn good_password() -> String {
    format!("Slow-barge-{}-heron", chance())
}

/// Of the form of a token that was mailed or handed out here, whatever that is: the same letters, but others.
pub(super) fn like(token: &str) -> String {
    let body = token.rfind('_').map_or(0, |place| place + 1);
    let (start, rest) = token.split_at(body);
    let other = |c: char| match c {
        'a'..='y' | 'A'..='Y' | '0'..='8' => char::from_u32(u32::from(c) + 1).unwrap_or(c),
        _ => c,
    };
    format!("{start}{}", rest.chars().map(other).collect::<String>())
}
