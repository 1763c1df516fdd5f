//! Ids that are guessed, and ids that are written otherwise than the check expects.

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
    cases::{ownership::belongings::draft, walk::refuses},
};

pub const CASES: &[Case] = &[
    Case {
        id: "bola-id-spelling",
        title: "A stranger's id is written so that a check does not recognise it",
        pillar: None,
        owasp: &["API1:2023"],
        asvs: &["8.2.2", "1.1.1"],
        teaching: "One id has many spellings: capitals, braces, `urn:uuid:`, without hyphens, encoded twice, with `.json` \
                   behind it. In WordPress 4.7 the permission check failed to find post `123abc` and let it pass, and the \
                   query cast it to 123 (CVE-2017-1001000). Parse the id once, into a type, at the door; check and query \
                   then speak of the same thing, and what does not parse is refused.",
        needs: &[Need::TwoUsers, Need::Operation("GET", "/v1/articles/{id}")],
        run: |attempt| Box::pin(spelling(attempt)),
        ..PLAIN
    },
    Case {
        id: "bola-path-traversal",
        title: "A path goes up from one's own object and down to a stranger's",
        pillar: None,
        owasp: &["API1:2023"],
        asvs: &["8.2.2", "1.1.1"],
        teaching: "The check looks at the beginning of a path, something behind it resolves `..`, and they speak of two \
                   objects. In 2020 Sam Curry walked out of a Starbucks API with encoded `..` and back slashes into an \
                   internal service with nearly 100 million customer records. A router that matches whole segments, \
                   decodes once and never resolves dots has nothing to disagree about.",
        needs: &[Need::TwoUsers, Need::Operation("GET", "/v1/articles/{id}")],
        run: |attempt| Box::pin(traversal(attempt)),
        ..PLAIN
    },
    Case {
        id: "bola-wildcard-id",
        title: "An id that means all of them, or none",
        pillar: None,
        owasp: &["API1:2023"],
        asvs: &["8.2.2", "2.2.1"],
        teaching: "`*`, `%`, `null`, `undefined`, the nil UUID: what a search takes for \"any\", what a broken client sends, \
                   what rows without an owner have. A handler that falls back on \"all\" where it cannot read the id deletes \
                   a table for a typing error. An id is of one type with one shape; everything else must be refused \
                   before anything is looked up.",
        needs: &[Need::FreshUser, Need::Operation("DELETE", "/v1/articles/{id}")],
        run: |attempt| Box::pin(wildcard(attempt)),
        ..PLAIN
    },
    Case {
        id: "bola-ids-in-sequence",
        title: "The next id is guessed from the last one",
        pillar: None,
        owasp: &["API1:2023"],
        asvs: &["8.2.2"],
        teaching: "First American Financial showed 885 million mortgage documents in 2019 to whoever changed the last digits \
                   of a link; Parler was downloaded whole in 2021 by counting up. Ids that cannot be guessed are no \
                   permission, and they do not replace one, but they turn one forgotten check from a leak of everything \
                   into a leak of little.",
        needs: &[Need::User, Need::Operation("POST", "/v1/articles")],
        run: |attempt| Box::pin(in_sequence(attempt)),
        ..PLAIN
    },
];

async fn spelling(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal, however it is spelled");
    let (owner, thief) = (attempt.user().await?, attempt.other_user().await?);
    let id = draft(attempt, &owner).await?;
    let own = attempt.get(&format!("/v1/articles/{id}")).by(&owner).note("Control: the owner, as it is");
    own.send().await?.must_work("the owner reads it")?;
    let plain = id.replace('-', "");
    let spellings = [
        id.to_uppercase(),
        plain,
        format!("%7B{id}%7D"),
        format!("urn:uuid:{id}"),
        format!("{id}.json"),
        format!("{id}%20"),
        format!("{id}%00"),
        format!("{id}%0a"),
        format!("{id}/"),
        format!("/{id}"),
        format!("{id};v=1"),
        format!("{id}%252f"),
        format!("%{:02x}{}", id.as_bytes()[0], &id[1..]),
        format!("{id},{id}"),
        format!("%5B%22{id}%22%5D"),
        format!("{id}?owner_id={}", thief.id),
        format!("{id}?_method=GET"),
    ];
    refuses(spellings.iter().map(|spelling| attempt.get(&format!("/v1/articles/{spelling}")).by(&thief)).collect())
        .await
}

async fn traversal(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal: paths are not resolved");
    let (owner, thief) = (attempt.user().await?, attempt.other_user().await?);
    let (own, theirs) = (draft(attempt, &thief).await?, draft(attempt, &owner).await?);
    let path = format!("/v1/articles/{own}");
    attempt.get(&path).by(&thief).note("Control: one's own").send().await?.must_work("one's own")?;
    let paths = [
        format!("{path}/../{theirs}"),
        format!("{path}/%2e%2e/{theirs}"),
        format!("{path}%2f..%2f{theirs}"),
        format!("{path}%2f%2e%2e%2f{theirs}"),
        format!("{path}/..%5c{theirs}"),
        format!("{path}/..;/{theirs}"),
        format!("{path}/%252e%252e/{theirs}"),
        format!("{path}/../../users/{}", owner.id),
        format!("/v1/users/me/../{}", owner.id),
        format!("/v1/users/me%2f..%2f{}", owner.id),
        format!("/v1/users/{}/../{}", thief.id, owner.id),
        format!("/v1/users/./{}", owner.id),
    ];
    refuses(paths.iter().map(|path| attempt.get(path).by(&thief)).collect()).await
}

async fn wildcard(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("a refusal of each, and the draft is still there");
    let owner = attempt.fresh_user().await?;
    let path = format!("/v1/articles/{}", draft(attempt, &owner).await?);
    attempt.get(&path).by(&owner).note("Control: by its id").send().await?.must_work("the owner reads it")?;
    let ids = ["*", "%25", "_", "all", "null", "undefined", "true", "0", "-1", "1", "%00", "%7B%7D", "%5B%5D", "me"];
    let nil = "00000000-0000-0000-0000-000000000000";
    let max = "ffffffff-ffff-ffff-ffff-ffffffffffff";
    let all = ids.into_iter().chain([nil, max]);
    let tries = all.flat_map(|id| {
        let path = format!("/v1/articles/{id}");
        [attempt.get(&path).by(&owner), attempt.delete(&path).by(&owner)]
    });
    let verdict = refuses(tries.collect()).await?;
    if verdict.is_hole() {
        return Ok(verdict);
    }
    let after = attempt.get(&path).by(&owner).note("Is it still there?").send().await?;
    Ok(verdict.and(Verdict::held_if(after.is_success(), || "the draft is gone".into())))
}

async fn in_sequence(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("ids of at least 64 bits that differ from the last one's");
    let person = attempt.user().await?;
    let (first, second) = (draft(attempt, &person).await?, draft(attempt, &person).await?);
    let digits = |id: &str| id.chars().filter(char::is_ascii_hexdigit).collect::<String>();
    let (first, second) = (digits(&first), digits(&second));
    if first.len() < 16 {
        return Ok(Verdict::Hole(format!("an id is as short as {first}")));
    }
    // UUIDv7 begin with the time; of the 62 random bits at the end two neighbours share hardly any.
    let differing = first.chars().rev().zip(second.chars().rev()).take(15).filter(|(one, other)| one != other).count();
    Ok(Verdict::held_if(differing >= 6, || format!("{second} comes after {first}")))
}
