//! Work after the fact: flows judged, partitions made ahead.

use std::time::Duration;

use lakewarden_db::{Job, JobError, Jobs};
use serde::{Deserialize, Serialize};

use crate::flows::{JudgeFlows, judge_flows};
use crate::{Ctx, LineageError, ensure_partitions};

/// Makes the months to come.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct PrepareLineagePartitions;

impl Job for PrepareLineagePartitions {
    const KIND: &'static str = "prepare_lineage_partitions";

    fn key(&self) -> String {
        String::new()
    }
}

const JUDGE_EVERY: Duration = Duration::from_mins(5);
const PREPARE_EVERY: Duration = Duration::from_hours(6);

pub fn jobs(ctx: Ctx) -> Jobs {
    let judging = ctx.clone();
    Jobs::new()
        .on::<JudgeFlows, _, _>(move |_| {
            let ctx = judging.clone();
            async move { judge_flows(&ctx).await.map(drop).map_err(into_job_error) }
        })
        .every(JUDGE_EVERY, JudgeFlows)
        .on::<PrepareLineagePartitions, _, _>(move |_| {
            let ctx = ctx.clone();
            async move {
                ensure_partitions(&ctx).await;
                Ok(())
            }
        })
        .every(PREPARE_EVERY, PrepareLineagePartitions)
}

fn into_job_error(error: LineageError) -> JobError {
    match error {
        LineageError::Database(error) => JobError::Database(error),
        other => JobError::Retry(other.to_string()),
    }
}
