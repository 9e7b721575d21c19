//! Scores: the share of checks that passed in the last thirty days, by dataset, and by tenant and layer.

use std::collections::BTreeMap;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use lakewarden_core::{Layer, TenantId};

use crate::facts::DatasetId;
use crate::judge::Kind;
use crate::store::DayOutcomes;
use crate::store::state::{Place, StoredBroken};

pub const DAYS: u64 = 30;

/// What is scored begins here, with a whole day.
pub fn since(now: DateTime<Utc>) -> DateTime<Utc> {
    let first = now.date_naive().checked_sub_days(Days::new(DAYS)).unwrap_or_else(|| now.date_naive());
    first.and_time(NaiveTime::MIN).and_utc()
}

/// Checks that passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcomes {
    pub passed: i64,
    pub failed: i64,
}

impl Outcomes {
    pub fn add(&mut self, other: &DayOutcomes) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    pub fn total(self) -> i64 {
        self.passed + self.failed
    }

    /// `98.5%`; `–` where nothing was checked: no check is not a pass.
    pub fn score(self) -> String {
        // Never 100 % while anything failed, whatever the rounding.
        let share = lakewarden_http::show::percent(self.passed as f64, self.total() as f64);
        if self.failed > 0 && share == "100%" { "<100%".to_owned() } else { share }
    }
}

/// One tenant's datasets of one layer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    pub tenant: Option<TenantId>,
    pub layer: Option<Layer>,
    pub datasets: usize,
    pub outcomes: Outcomes,
    /// Percent passed on each of the last days on which anything was checked.
    pub trend: Vec<f64>,
    pub failing: usize,
    pub stale: usize,
    pub drops: usize,
}

/// Groups by tenant, then layer; unowned last.
pub fn group(
    datasets: &BTreeMap<DatasetId, Place>,
    outcomes: &[DayOutcomes],
    broken: &[StoredBroken],
    today: NaiveDate,
) -> Vec<Group> {
    let place = |dataset: &Place| (dataset.tenant.is_none(), dataset.tenant, dataset.layer);
    let mut groups: BTreeMap<_, Group> = BTreeMap::new();
    let mut daily: BTreeMap<_, BTreeMap<NaiveDate, Outcomes>> = BTreeMap::new();
    for dataset in datasets.values() {
        let entry = groups.entry(place(dataset));
        entry.or_insert_with(|| Group { tenant: dataset.tenant, layer: dataset.layer, ..Group::default() }).datasets +=
            1;
    }
    for one in outcomes {
        let Some(place) = datasets.get(&one.dataset).map(place) else { continue };
        daily.entry(place).or_default().entry(one.day).or_default().add(one);
        groups.entry(place).or_default().outcomes.add(one);
    }
    for one in broken {
        let Some(group) = datasets.get(&one.dataset).and_then(|dataset| groups.get_mut(&place(dataset))) else {
            continue;
        };
        match one.kind {
            Kind::FailedAssertion => group.failing += 1,
            Kind::Stale => group.stale += 1,
            Kind::RowCountDrop => group.drops += 1,
        }
    }
    for (place, days) in daily {
        groups.entry(place).or_default().trend = trend(&days, today);
    }
    groups.into_values().collect()
}

/// Percent passed by day; a day without checks keeps the percentage of the day before.
pub fn trend(days: &BTreeMap<NaiveDate, Outcomes>, today: NaiveDate) -> Vec<f64> {
    let Some(first) = days.keys().next().copied() else { return Vec::new() };
    let from = today.checked_sub_days(Days::new(DAYS)).map_or(first, |earliest| earliest.max(first));
    let mut last = None;
    from.iter_days()
        .take_while(|day| *day <= today)
        .filter_map(|day| {
            if let Some(outcomes) = days.get(&day).filter(|outcomes| outcomes.total() > 0) {
                last = Some(100.0 * outcomes.passed as f64 / outcomes.total() as f64);
            }
            last
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, number).unwrap()
    }

    #[test]
    fn no_check_is_not_a_pass_and_one_failure_is_never_all_passed() {
        assert_eq!(Outcomes::default().score(), "–");
        assert_eq!(Outcomes { passed: 3, failed: 1 }.score(), "75%");
        assert_eq!(Outcomes { passed: 99_999, failed: 1 }.score(), "<100%");
        assert_eq!(Outcomes { passed: 5, failed: 0 }.score(), "100%");
    }

    #[test]
    fn a_trend_goes_on_over_days_without_checks() {
        let days = BTreeMap::from([
            (day(18), Outcomes { passed: 1, failed: 1 }),
            (day(20), Outcomes { passed: 3, failed: 1 }),
        ]);
        assert_eq!(trend(&days, day(21)), [50.0, 50.0, 75.0, 75.0]);
        assert_eq!(trend(&BTreeMap::new(), day(21)), Vec::<f64>::new());
    }

    #[test]
    fn datasets_are_grouped_by_tenant_and_layer() {
        let dataset =
            |id: i32, tenant: Option<i32>, layer| (DatasetId(id), Place { tenant: tenant.map(TenantId), layer });
        let all = [
            dataset(1, Some(1), Some(Layer::Raw)),
            dataset(2, Some(1), Some(Layer::Raw)),
            dataset(3, None, None),
            dataset(4, Some(1), Some(Layer::Analytics)),
        ];
        let datasets = all.into_iter().collect();
        let outcomes = [
            DayOutcomes { dataset: DatasetId(1), day: day(20), passed: 1, failed: 0 },
            DayOutcomes { dataset: DatasetId(2), day: day(20), passed: 1, failed: 2 },
        ];
        let groups = group(&datasets, &outcomes, &[], day(21));
        let shown: Vec<_> = groups.iter().map(|g| (g.tenant, g.layer, g.datasets, g.outcomes.score())).collect();
        assert_eq!(
            shown,
            [
                (Some(TenantId(1)), Some(Layer::Raw), 2, "50%".to_owned()),
                (Some(TenantId(1)), Some(Layer::Analytics), 1, "–".to_owned()),
                (None, None, 1, "–".to_owned()),
            ]
        );
        assert_eq!(groups[0].trend, [50.0, 50.0]);
    }
}
