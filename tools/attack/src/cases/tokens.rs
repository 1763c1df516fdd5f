//! Tokens that were forged.

use crate::{
    attempt::Attempt,
    case::{Case, Need, PLAIN, Trouble, Verdict},
};

pub const CASES: &[Case] = &[Case {
    id: "jwt-alg-none",
    title: "A token that says it needs no signature",
    pillar: Some("jwt-algorithm"),
    owasp: &["API2:2023"],
    asvs: &["9.1.2"],
    teaching: "RFC 7519 has an algorithm called `none`: a token without a signature. In 2015 Tim McLean found that many \
               libraries believed the header's word, so that anybody could write a token for anybody (CVE-2015-9235 and a \
               dozen more; CVE-2018-1000531 in 2018). The algorithm must come from the verifier's own list of the ones that \
               it expects, never from the token (RFC 8725 section 3.1).",
    needs: &[Need::JwtDoor],
    run: |attempt| Box::pin(alg_none(attempt)),
    ..PLAIN
}];

async fn alg_none(attempt: &Attempt) -> Result<Verdict, Trouble> {
    attempt.expect("401, however `none` is spelled");
    let (door, genuine) = attempt.jwt_door().await?;
    let mut verdict = Verdict::Held;
    for spelling in ["none", "None", "NONE", "nOnE"] {
        let forged = genuine.clone().header("alg", spelling).unsigned();
        let request = attempt.get(&door.path).bearer(&forged).note(format!("\"alg\": \"{spelling}\", no signature"));
        verdict = verdict.and(request.send().await?.refused());
    }
    Ok(verdict)
}
