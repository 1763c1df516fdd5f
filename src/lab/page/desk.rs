//! One run at a time, and where it has got to. It goes on when the student's browser has gone, so that what it started is
//! ended by itself.

use std::{sync::Arc, time::Duration};

use drawbridge_attack::Case;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::{sync::watch, time::timeout};

use super::comparison::{Side, attacked};
use crate::lab::{Lab, Pillar};

/// Well below the time that any handler has.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where a student works.
pub struct Desk {
    lab: Arc<Lab>,
    run: watch::Sender<Run>,
}

/// The run that is going on, or the last one that was.
#[derive(Clone, Default, Serialize, JsonSchema)]
pub struct Run {
    number: u32,
    case: &'static str,
    going_on: bool,
    /// Why there is no result, in a sentence.
    trouble: Option<&'static str>,
    with: Half,
    without: Half,
}

/// What there is of one of the two.
#[derive(Clone, Default, Serialize, JsonSchema)]
pub struct Half {
    pub stage: Stage,
    pub side: Option<Side>,
}

#[derive(Clone, Copy, Default, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    #[default]
    Waiting,
    Starting,
    Attacking,
    Done,
}

impl Desk {
    pub fn new(lab: Arc<Lab>) -> Self {
        Self { lab, run: watch::Sender::default() }
    }

    /// The number of the run that has begun, unless another goes on.
    pub fn begin(self: &Arc<Self>, case: &'static Case, pillar: &'static Pillar) -> Option<u32> {
        let begun = self.run.send_if_modified(|run| {
            let free = !run.going_on;
            if free {
                *run = Run { number: run.number + 1, case: case.id, going_on: true, ..Run::default() };
            }
            free
        });
        if !begun {
            return None;
        }
        let desk = self.clone();
        tokio::spawn(async move {
            let running = desk.clone();
            // A task of its own: also after a panic the next run can begin.
            let compared = tokio::spawn(async move { running.compare(case, pillar).await }).await;
            let failed = compared.map_err(anyhow::Error::from).flatten().err();
            desk.run.send_modify(|run| {
                run.going_on = false;
                run.trouble = failed.map(|cause| {
                    tracing::error!(cause = %format_args!("{cause:#}"), "an attack of the lab's page could not be run");
                    "The attack could not be run; the lab's log says why"
                });
            });
        });
        Some(self.run.borrow().number)
    }

    /// Side by side, but for attacks that measure time or fill a queue.
    async fn compare(&self, case: &'static Case, pillar: &'static Pillar) -> anyhow::Result<()> {
        let with = self.half(case, &[], |run| &mut run.with);
        let without = [pillar];
        let without = self.half(case, &without, |run| &mut run.without);
        if case.alone {
            with.await?;
            return without.await;
        }
        let (with, without) = tokio::join!(with, without);
        with.and(without)
    }

    async fn half(
        &self,
        case: &'static Case,
        without: &[&'static Pillar],
        half: fn(&mut Run) -> &mut Half,
    ) -> anyhow::Result<()> {
        let stage = |stage| self.run.send_modify(|run| half(run).stage = stage);
        // Boxed: a whole service is in this future.
        let side = Box::pin(attacked(&self.lab, case, without, stage)).await?;
        self.run.send_modify(|run| *half(run) = Half { stage: Stage::Done, side: Some(side) });
        Ok(())
    }

    /// How it stands when it is over, or in a moment.
    pub async fn look(&self) -> Run {
        let mut run = self.run.subscribe();
        let _ = timeout(PATIENCE, run.wait_for(|run| !run.going_on)).await;
        run.borrow().clone()
    }
}
