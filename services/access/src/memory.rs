//! What a process remembers between batches; all of it can be forgotten at any time.

use std::sync::Mutex;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::ids::ClassId;
use crate::interning::Interned;

const SAMPLES_REMEMBERED_AT_MOST: usize = 500_000;

#[derive(Debug, Default)]
pub struct Memory {
    pub interned: tokio::sync::Mutex<Interned>,
    days: Mutex<FxHashSet<NaiveDate>>,
    samples: Mutex<FxHashMap<ClassId, DateTime<Utc>>>,
}

impl Memory {
    /// Days whose partitions may not exist yet, in order.
    pub fn unknown_days(&self, days: FxHashSet<NaiveDate>) -> Vec<NaiveDate> {
        let known = self.days.lock().expect("no holder of the days panics");
        let mut unknown: Vec<NaiveDate> = days.into_iter().filter(|day| !known.contains(day)).collect();
        unknown.sort_unstable();
        unknown
    }

    pub fn remember_days(&self, days: &[NaiveDate]) {
        self.days.lock().expect("no holder of the days panics").extend(days);
    }

    /// Whether the class has no example of about this time.
    pub fn wants_sample(&self, class: ClassId, at: DateTime<Utc>, every: TimeDelta) -> bool {
        let samples = self.samples.lock().expect("no holder of the samples panics");
        samples.get(&class).is_none_or(|last| at - *last >= every)
    }

    pub fn remember_samples(&self, taken: Vec<(ClassId, DateTime<Utc>)>) {
        let mut samples = self.samples.lock().expect("no holder of the samples panics");
        if samples.len() > SAMPLES_REMEMBERED_AT_MOST {
            samples.clear();
        }
        samples.extend(taken);
    }
}
