//! GetCostAndUsage as it is on the wire.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Grouping;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Page<'a> {
    #[serde(default)]
    group_definitions: Vec<GroupDefinition>,
    #[serde(borrow)]
    pub(super) results_by_time: Vec<ResultByTime<'a>>,
    #[serde(default)]
    pub(super) next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GroupDefinition {
    #[serde(rename = "Type")]
    kind: String,
    key: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ResultByTime<'a> {
    time_period: TimePeriod,
    /// Read one by one, so that one bad group is told apart from its neighbours.
    #[serde(default, borrow)]
    pub(super) groups: Vec<&'a RawValue>,
    #[serde(default)]
    pub(super) estimated: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TimePeriod {
    start: String,
    /// Exclusive.
    end: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Group {
    pub(super) keys: Vec<String>,
    pub(super) metrics: BTreeMap<String, Metric>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Metric {
    /// Text on the wire; a JSON number would have passed through a float.
    pub(super) amount: String,
    pub(super) unit: String,
}

impl Page<'_> {
    /// What says who pays, and whether the service is the first of the two keys.
    pub(super) fn grouping(&self) -> Result<(Grouping, bool), String> {
        let of = |definition: &GroupDefinition| match (definition.kind.as_str(), definition.key.as_str()) {
            ("TAG", key) => Some(Grouping::Tag(key.to_owned())),
            ("DIMENSION", "LINKED_ACCOUNT") => Some(Grouping::LinkedAccount),
            _ => None,
        };
        let is_service = |definition: &GroupDefinition| definition.kind == "DIMENSION" && definition.key == "SERVICE";
        let read = match self.group_definitions.as_slice() {
            [first, second] if is_service(first) => of(second).map(|grouping| (grouping, true)),
            [first, second] if is_service(second) => of(first).map(|grouping| (grouping, false)),
            _ => None,
        };
        read.ok_or_else(|| {
            "costs are taken by day, service and tenant tag (or linked account); ask for them with `aws ce get-cost-and-usage \
             --granularity DAILY --metrics UnblendedCost --group-by Type=DIMENSION,Key=SERVICE Type=TAG,Key=tenant`"
                .to_owned()
        })
    }
}

impl ResultByTime<'_> {
    pub(super) fn day(&self) -> Result<NaiveDate, String> {
        let date = |text: &str| {
            NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| format!("`{text}` is not a date like 2026-09-01"))
        };
        let (start, end) = (date(&self.time_period.start)?, date(&self.time_period.end)?);
        if start.succ_opt() == Some(end) {
            Ok(start)
        } else {
            Err(format!("{start} to {end} is not one day; ask for `--granularity DAILY`"))
        }
    }
}
