//! Every attack there is, against the service as it is.

use drawbridge_attack::Verdict;

use crate::support::lab;

#[tokio::test(flavor = "multi_thread")]
async fn no_attack_at_all_succeeds_against_the_whole_service() {
    let lab = lab().await;
    let report = lab.attack(&[], None).await;
    let (mut run, mut failed) = (0, Vec::new());
    for outcome in &report.outcomes {
        match &outcome.verdict {
            Verdict::Held => run += 1,
            Verdict::Skipped(_) => {}
            Verdict::Hole(why) | Verdict::Broken(why) => failed.push(format!("{}: {why}", outcome.case.id)),
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(run >= 150, "only {run} cases were run");
}
