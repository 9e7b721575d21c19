//! Cost Explorer: days by service and tenant tag, the whole window again each time, because AWS restates.

use aws_config::SdkConfig;
use aws_sdk_costexplorer::Client;
use aws_sdk_costexplorer::types::{DateInterval, Granularity, GroupDefinition, GroupDefinitionType};
use bytes::Bytes;
use chrono::{Datelike as _, Months, NaiveDate};

use crate::call::CallError;
use crate::recorder::Recorder;

/// Cost Explorer answers in this region, whatever the costs are of.
pub const REGION: &str = "us-east-1";
/// Support for a month arrives on the 6th or 7th of the next; credits and refunds a little later.
const PREVIOUS_MONTH_UNTIL_DAY: u32 = 10;
/// A day by service and tag is far below this; more means that the token goes round in circles.
const PAGES_AT_MOST: usize = 500;

#[derive(Debug)]
pub struct CostExplorer {
    client: Client,
    recorder: Recorder,
    tag: String,
}

/// Days to ask for: `from` inclusive, `to` exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days {
    pub from: NaiveDate,
    pub to: NaiveDate,
}

impl Days {
    /// What may still change: this month, and until the 10th the month before; through yesterday, because today is partial.
    pub fn restated(today: NaiveDate) -> Self {
        let this_month = today.with_day(1).expect("every month has a first day");
        let from = if today.day() <= PREVIOUS_MONTH_UNTIL_DAY { this_month - Months::new(1) } else { this_month };
        Self { from, to: today }
    }

    /// The first look: also the months before, as far as days are kept.
    pub fn with_history(today: NaiveDate, months: u32) -> Self {
        let recent = Self::restated(today);
        let first = today.with_day(1).expect("every month has a first day") - Months::new(months);
        Self { from: recent.from.min(first), to: recent.to }
    }
}

impl CostExplorer {
    pub fn new(config: &SdkConfig, tag: &str) -> Self {
        let recorder = Recorder::default();
        let with_recorder = aws_sdk_costexplorer::config::Builder::from(config).interceptor(recorder.clone()).build();
        Self { client: Client::from_conf(with_recorder), recorder, tag: tag.to_owned() }
    }

    /// Every page as AWS sent it, or an error: half of the pages would look like money not spent.
    pub async fn fetch(&self, days: Days) -> Result<Vec<Bytes>, CallError> {
        let operation = "ce:GetCostAndUsage";
        let group = |kind, key: &str| GroupDefinition::builder().r#type(kind).key(key).build();
        let period = DateInterval::builder().start(days.from.to_string()).end(days.to.to_string()).build();
        let period = period.map_err(|error| CallError::Unavailable { operation, reason: error.to_string() })?;
        let request = self
            .client
            .get_cost_and_usage()
            .time_period(period)
            .granularity(Granularity::Daily)
            .metrics("UnblendedCost")
            .group_by(group(GroupDefinitionType::Dimension, "SERVICE"))
            .group_by(group(GroupDefinitionType::Tag, &self.tag));
        let mut token = None;
        // The SDK has no paginator for this call.
        for _ in 0..PAGES_AT_MOST {
            let page = request.clone().set_next_page_token(token.take()).send().await;
            let page = page.map_err(|error| CallError::of(operation, &error))?;
            match page.next_page_token {
                Some(next) => token = Some(next),
                None => return Ok(self.recorder.take()),
            }
        }
        self.recorder.take();
        Err(CallError::Unavailable { operation, reason: format!("more than {PAGES_AT_MOST} pages, without an end") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn the_month_before_is_read_again_until_its_last_charges_are_in() {
        for (today, from) in [
            ("2026-11-01", "2026-10-01"),
            ("2026-11-10", "2026-10-01"),
            ("2026-11-11", "2026-11-01"),
            ("2026-01-05", "2025-12-01"),
        ] {
            assert_eq!(Days::restated(day(today)), Days { from: day(from), to: day(today) }, "{today}");
        }
        assert_eq!(Days::with_history(day("2026-11-22"), 3).from, day("2026-08-01"));
    }
}
