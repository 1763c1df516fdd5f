//! People who are not there: addresses and secrets that nobody has.

use std::sync::atomic::{AtomicUsize, Ordering};

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

/// A password that is good enough, and another one at each of the next 63 calls, whoever makes them. They are fixed: what
/// lists of breached passwords are kept in takes a few innocent ones for breached, and a random one would be among them
/// some day.
pub(super) fn good_password() -> String {
    const GOOD: [&str; 8] = [
        "Nine lanterns on the quay",
        "Slow barges under herons",
        "Five copper kettles humming",
        "Rain behind the weaver's door",
        "Two violins in an orchard",
        "Moss on the ferryman's oar",
        "Chalk hills before a thunder",
        "Seven maps of one harbour",
    ];
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{}, {}", GOOD[next % GOOD.len()], GOOD[next / GOOD.len() % GOOD.len()])
}

/// A token that nobody was given. A new one each time: the tries of one and the same are counted too.
pub(super) fn made_up_token() -> String {
    format!("dbt_{}{}AAAAAAAAAAA", chance(), chance())
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
