//! Passwords that guessers try first.

use serde_json::json;

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::walk::refuses,
};

const REGISTERS: &[Need] = &[Need::FreshUser, Need::Operation("POST", "/v1/auth/register")];

pub const CASES: &[Case] = &[
    Case {
        id: "password-common",
        title: "An account with a password that everybody tries",
        pillar: Some("password-policy"),
        owasp: &["API2:2023"],
        asvs: &["6.2.4", "6.2.12"],
        teaching: "Guessers begin with a list of what others used, and stuffers with passwords that were stolen elsewhere: \
                   23andMe lost the data of 6.9 million people in 2023 through 14,000 accounts with passwords from other \
                   leaks. NIST SP 800-63B-4 wants each new password compared with such lists, and no rules about digits \
                   and signs, which only lead to `Password123!`.",
        needs: REGISTERS,
        run: |attempt| Box::pin(common(attempt)),
        ..PLAIN
    },
    Case {
        id: "password-short",
        title: "An account with a short password, or one of a single letter",
        pillar: Some("password-policy"),
        owasp: &["API2:2023"],
        asvs: &["6.2.1", "6.2.9"],
        teaching: "Against a stolen table of hashes length is what counts: eight characters under a fast hash are a matter of hours for a machine \
                   with good graphics cards, whatever signs are among them. NIST asks for 15 characters where a password is \
                   the only factor. Fifteen times the same letter, or a row of the keyboard, is long and yet on every list \
                   of rules that crackers use.",
        needs: REGISTERS,
        run: |attempt| Box::pin(short(attempt)),
        ..PLAIN
    },
    Case {
        id: "password-personal",
        title: "An account with its own name or address as the password",
        pillar: Some("password-policy"),
        owasp: &["API2:2023"],
        asvs: &["6.2.11"],
        teaching: "`solarwinds123` guarded a server of SolarWinds, and lay on GitHub for a year and a half. Whoever guesses one \
                   account's password builds words from what is known of it: the name, the address, the service. Such words \
                   are common to no list of leaks, so the policy has to look for them by itself: NIST calls them \
                   context-specific.",
        needs: REGISTERS,
        run: |attempt| Box::pin(personal(attempt)),
        ..PLAIN
    },
    Case {
        id: "password-change-weaker",
        title: "A good password is changed for a bad one",
        pillar: None,
        owasp: &["API2:2023"],
        asvs: &["6.2.3", "6.2.4"],
        teaching: "The policy stands at the front door, registration, and there are two others: changing the password and \
                   setting a new one after a forgotten one. Written three times it is soon three policies, and the weakest \
                   one counts. One function that is the only way from a text to a password which can be stored leaves no \
                   door without it.",
        needs: &[Need::FreshUser, Need::Operation("PUT", "/v1/users/me/password")],
        run: |attempt| Box::pin(change_weaker(attempt)),
        ..PLAIN
    },
];

/// Registers with each; the control is an account with a good one.
async fn registering(attempt: &Attempt, name: &str, passwords: &[String]) -> Result<Verdict, Trouble> {
    attempt.expect("400, naming the password, for each");
    let known = attempt.fresh_user().await?;
    attempt.get("/v1/users/me").by(&known).note("Control: a good one").send().await?.must_work("a good one")?;
    let tries = passwords.iter().enumerate().map(|(i, password)| {
        let email = known.email.replace('@', &format!("-{i}@"));
        let guest = json!({"email": email, "name": name, "password": password});
        attempt.post("/v1/auth/register", &guest).elsewhere()
    });
    refuses(tries.collect()).await
}

async fn common(attempt: &Attempt) -> Result<Verdict, Trouble> {
    let passwords =
        ["password", "passwordpassword", "123456789012345", "qwertyuiopasdfgh", "iloveyouiloveyou", "Password123456!"];
    registering(attempt, "A guest", &passwords.map(str::to_owned)).await
}

async fn short(attempt: &Attempt) -> Result<Verdict, Trouble> {
    let passwords =
        ["a", "Tr0ub4dor&3", "Xk9$mQ2!vB7zL4", "aaaaaaaaaaaaaaaa", "                ", "abcabcabcabcabcabc"];
    registering(attempt, "A guest", &passwords.map(str::to_owned)).await
}

async fn personal(attempt: &Attempt) -> Result<Verdict, Trouble> {
    let passwords = ["Mehitabel Quillfeather", "mehitabelquillfeather1", "MEHITABEL QUILLFEATHER!"];
    let passwords: Vec<_> = passwords.map(str::to_owned).into();
    registering(attempt, "Mehitabel Quillfeather", &passwords).await
}

async fn change_weaker(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("400 for each, and the old password is still the one");
    let person = attempt.fresh_user().await?;
    let path = "/v1/users/me/password";
    let change = |new: &str| {
        let body = json!({"current_password": person.password, "new_password": new});
        attempt.put(path, &body).by(&person)
    };
    let verdict =
        refuses(["password", "passwordpassword", "aaaaaaaaaaaaaaaa", ""].iter().map(|new| change(new)).collect())
            .await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    attempt.sign_in(&person).await?;
    let good = change("Windy-orchard-ladder-42-fern").note("Control: a good one").send().await?;
    good.must_work("a good one")?;
    Ok(verdict)
}
