//! CloudTrail records of thirty days, in trail files named and packed as AWS delivers them.

mod incident;
mod record;
mod traffic;

use std::io::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use rand::Rng as _;

use super::lake::{ACCOUNT, Lake, REGION};
use super::planted::Planted;
pub use incident::Incident;
use record::Call;

/// One delivered file.
#[derive(Debug)]
pub struct TrailFile {
    /// Below the trail's bucket: `AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/22/…json.gz`.
    pub path: String,
    /// Gzip.
    pub bytes: Vec<u8>,
    pub records: usize,
}

pub fn planted(lake: &Lake) -> Vec<Planted> {
    incident::all(lake).into_iter().map(|incident| incident.planted).collect()
}

/// The trail's files in order, one for each hour, together about `records` records. Made one at a time: the whole trail
/// unpacked would be some 300 MB.
pub fn files(lake: &Lake, records: usize) -> impl Iterator<Item = TrailFile> {
    let incidents = incident::all(lake);
    let hours = lake.days * 24;
    let weights: Vec<f64> = (0..hours).map(|hour| traffic::weight(lake.now - TimeDelta::hours(hours - hour))).collect();
    let whole: f64 = weights.iter().sum();
    let planted: usize = incidents.iter().map(|incident| incident.calls.len()).sum();
    let regular = records.saturating_sub(planted) as f64;
    let lake = lake.clone();
    let mut carried = 0.0;
    (0..hours).map(move |hour| {
        let from = lake.now - TimeDelta::hours(hours - hour);
        carried += regular * weights[hour as usize] / whole;
        let count = carried as usize;
        carried -= count as f64;
        hour_file(&lake, from, count, &incidents)
    })
}

fn hour_file(lake: &Lake, from: DateTime<Utc>, count: usize, incidents: &[Incident]) -> TrailFile {
    let mut random = lake.random(&format!("trail/{}", from.timestamp()));
    let until = from + TimeDelta::hours(1);
    let mut calls: Vec<Call> = (0..count).map(|_| traffic::call(lake, from, &mut random)).collect();
    let planted = incidents.iter().flat_map(|incident| &incident.calls);
    calls.extend(planted.filter(|call| call.at >= from && call.at < until).cloned());
    calls.sort_by_key(|call| call.at);
    let mut file = GzEncoder::new(Vec::with_capacity(calls.len() * 160), Compression::fast());
    let mut separator = r#"{"Records":["#;
    for call in &calls {
        file.write_all(separator.as_bytes()).expect("writing to memory cannot fail");
        serde_json::to_writer(&mut file, &call.record(&mut random)).expect("a record has string keys only");
        separator = ",";
    }
    if calls.is_empty() {
        file.write_all(separator.as_bytes()).expect("writing to memory cannot fail");
    }
    file.write_all(b"]}").expect("writing to memory cannot fail");
    let bytes = file.finish().expect("writing to memory cannot fail");
    let name: String = (0..16).map(|_| char::from(random.sample(rand::distr::Alphanumeric))).collect();
    let path = format!(
        "AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{}/{ACCOUNT}_CloudTrail_{REGION}_{}_{name}.json.gz",
        from.format("%Y/%m/%d"),
        until.format("%Y%m%dT%H%MZ"),
    );
    TrailFile { path, bytes, records: calls.len() }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::io::Read as _;

    use serde_json::Value;

    use super::*;

    fn lake() -> Lake {
        Lake::new(7, "2026-11-22T12:34:56Z".parse().unwrap(), 30)
    }

    fn records(file: &TrailFile) -> Vec<Value> {
        let mut text = String::new();
        flate2::read::GzDecoder::new(file.bytes.as_slice()).read_to_string(&mut text).unwrap();
        let mut trail: Value = serde_json::from_str(&text).unwrap();
        serde_json::from_value(trail["Records"].take()).unwrap()
    }

    #[test]
    fn the_trail_holds_as_many_records_as_asked_for_each_with_its_own_id() {
        let files: Vec<TrailFile> = files(&lake(), 5_000).collect();
        assert_eq!(files.len(), 720);
        let total: usize = files.iter().map(|file| file.records).sum();
        assert!((4_990..=5_000).contains(&total), "{total}");
        let ids: HashSet<String> =
            files.iter().flat_map(records).map(|record| record["eventID"].as_str().unwrap().to_owned()).collect();
        assert_eq!(ids.len(), total);
    }

    #[test]
    fn records_lie_in_the_file_of_their_hour_and_planted_ones_are_all_there() {
        let lake = lake();
        let mut planted = 0;
        for file in files(&lake, 1_000) {
            for record in records(&file) {
                let at: DateTime<Utc> = record["eventTime"].as_str().unwrap().parse().unwrap();
                assert!(at <= lake.now);
                planted += usize::from(
                    record["requestParameters"]["key"]
                        .as_str()
                        .is_some_and(|key| key.starts_with("wayne/customers/2019")),
                );
            }
        }
        assert!(planted > 0);
    }

    #[test]
    fn the_same_lake_gives_the_same_bytes() {
        let bytes = |records| files(&lake(), records).take(30).map(|file| file.bytes).collect::<Vec<_>>();
        assert_eq!(bytes(2_000), bytes(2_000));
    }
}
