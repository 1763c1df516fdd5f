//! All cases, several side by side; those that must be alone come last.

#[cfg(test)]
mod tests;

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use tokio::{sync::Mutex, task::JoinSet, time::timeout};

use crate::{
    actors::{Cast, Lane},
    attempt::Attempt,
    case::{Case, Outcome, Trouble, Verdict},
    cases::families,
    report::Report,
    target::Target,
};

/// What happens while the cases run.
pub enum Progress<'a> {
    Begins { cases: usize },
    Done { outcome: &'a Outcome, done: usize, cases: usize },
}

/// So many side by side: the target may have two cores, and shares them with us.
const LANES: usize = 6;
/// More than so many broken attempts are not the machine's fault.
const AGAIN: usize = 10;
/// Long enough to wait out a limit of requests a minute, twice.
const LONGEST: Duration = Duration::from_secs(150);

/// Runs the cases, or those with these ids, and reports in the order in which they are listed.
pub async fn attack(target: &Arc<Target>, ids: Option<&[&str]>, progress: &mut impl FnMut(Progress<'_>)) -> Report {
    let started = Instant::now();
    let all = families().iter().flat_map(|family| family.cases().map(|case| (family.name, case)));
    let chosen: Vec<_> = all.filter(|(_, case)| ids.is_none_or(|ids| ids.contains(&case.id))).collect();
    let cases = chosen.len();
    progress(Progress::Begins { cases });

    let people = Arc::new(Cast::new(target));
    let lanes: Vec<Arc<Mutex<Lane>>> = (0..LANES).map(|_| Arc::default()).collect();
    let mut outcomes: Vec<Option<Outcome>> = Vec::new();
    outcomes.resize_with(cases, || None);
    let mut done = 0;
    for alone in [false, true] {
        let turn = chosen.iter().enumerate().filter(|(_, (_, case))| case.alone == alone);
        let turn = turn.map(|(place, (family, case))| (place, *family, *case));
        let (patient, busy): (Vec<_>, Vec<_>) = turn.partition(|(.., case)| case.waits && !alone);
        let mut waiting = busy.into_iter();
        let mut running = JoinSet::new();
        for (place, family, case) in patient {
            let attempt = Attempt::new(target, &people, &Arc::default());
            running.spawn(async move { (place, None, run(case, family, attempt).await) });
        }
        let mut free: Vec<_> = if alone { vec![lanes[0].clone()] } else { lanes.clone() };
        loop {
            while let Some(lane) = free.pop() {
                let Some((place, family, case)) = waiting.next() else { break };
                let attempt = Attempt::new(target, &people, &lane);
                running.spawn(async move { (place, Some(lane), run(case, family, attempt).await) });
            }
            let Some(finished) = running.join_next().await else { break };
            // A panic was caught inside; nothing else can end a task.
            let Ok((place, lane, outcome)) = finished else { continue };
            free.extend(lane);
            done += 1;
            progress(Progress::Done { outcome: &outcome, done, cases });
            outcomes[place] = Some(outcome);
        }
    }
    once_more(target, &people, &lanes[0], &mut outcomes).await;
    Report { target: target.base.url(), outcomes: outcomes.into_iter().flatten().collect(), took: started.elapsed() }
}

/// A busy machine breaks an attempt that a quiet one would not, and a broken attempt says nothing: it is made again, with
/// nothing else beside it.
async fn once_more(
    target: &Arc<Target>,
    people: &Arc<Cast>,
    lane: &Arc<Mutex<Lane>>,
    outcomes: &mut [Option<Outcome>],
) {
    let broken = outcomes.iter_mut().flatten().filter(|outcome| matches!(outcome.verdict, Verdict::Broken(_)));
    let broken: Vec<_> = broken.collect();
    if broken.len() > AGAIN {
        return;
    }
    for outcome in broken {
        *outcome = run(outcome.case, outcome.family, Attempt::new(target, people, lane)).await;
    }
}

async fn run(case: &'static Case, family: &'static str, attempt: Attempt) -> Outcome {
    let started = Instant::now();
    let missing = case.needs.iter().find_map(|need| need.missing(&attempt.target));
    let verdict = match missing {
        Some(reason) => Verdict::Skipped(reason),
        None => verdict(case, &attempt).await,
    };
    let expected = attempt.expected.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Outcome { case, family, verdict, expected, exchanges: attempt.wire.record.take(), took: started.elapsed() }
}

async fn verdict(case: &Case, attempt: &Attempt) -> Verdict {
    let running = timeout(LONGEST, AssertUnwindSafe((case.run)(attempt)).catch_unwind()).await;
    match running {
        Err(_) => Verdict::Broken(format!("not done within {} s", LONGEST.as_secs())),
        Ok(Err(_)) => Verdict::Broken("the case itself panicked".to_owned()),
        Ok(Ok(Err(Trouble::Unreachable(why)))) => Verdict::Broken(why),
        Ok(Ok(Err(trouble))) => trouble.into(),
        // Nothing genuine worked, so nothing refused means anything.
        Ok(Ok(Ok(Verdict::Held))) if attempt.wire.record.controls.load(Ordering::Relaxed) == 0 => {
            Verdict::Broken("the case has no control: it would hold against a target that is switched off".to_owned())
        }
        Ok(Ok(Ok(verdict))) => verdict,
    }
}
