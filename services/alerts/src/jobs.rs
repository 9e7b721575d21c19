//! The jobs: `deliver_alert`, a lane for each receiver, and a timer that picks up lanes whose nudge was lost.

use std::time::Duration;

use lakewarden_db::{Job, JobError, Jobs, enqueue};
use serde::{Deserialize, Serialize};

use crate::deliver::deliver_next;
use crate::{Ctx, store};

const SWEEP: Duration = Duration::from_mins(1);

/// Sends a receiver's next message. One job for each receiver: a slow one never stands before another.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeliverAlert {
    pub receiver: String,
}

impl Job for DeliverAlert {
    const KIND: &'static str = "deliver_alert";

    fn key(&self) -> String {
        self.receiver.clone()
    }
}

/// Starts the lane of every receiver that has something waiting.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SweepAlerts {}

impl Job for SweepAlerts {
    const KIND: &'static str = "sweep_alerts";

    fn key(&self) -> String {
        String::new()
    }
}

pub fn jobs(ctx: Ctx) -> Jobs {
    let sweeper = ctx.clone();
    Jobs::new()
        .on(move |job: DeliverAlert| {
            let ctx = ctx.clone();
            async move { deliver_next(&ctx, &job.receiver).await }
        })
        .on(move |_: SweepAlerts| {
            let ctx = sweeper.clone();
            async move { sweep(&ctx).await }
        })
        .every(SWEEP, SweepAlerts {})
}

async fn sweep(ctx: &Ctx) -> Result<(), JobError> {
    let mut connection = ctx.db.system().acquire().await?;
    for receiver in store::list_unsettled_receivers(&mut *connection).await? {
        enqueue(&mut connection, &DeliverAlert { receiver }, ctx.clock.now()).await?;
    }
    Ok(())
}
