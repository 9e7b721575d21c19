//! Reads the answers of Cost Explorer's GetCostAndUsage into complete sets of daily cells, or says why they are not.
//!
//! A page that cannot be read, or a set without its last page, publishes nothing: a missing page looks exactly like money not
//! spent. A cell that cannot be read holds back its day only; the day stays as it was last known.

mod wire;

use std::collections::{BTreeMap, BTreeSet, btree_map};

use chrono::NaiveDate;
use lakewarden_core::{Currency, Sha256};
use rust_decimal::Decimal;
use serde_json::value::RawValue;

use crate::amount::parse_amount;
use wire::{Group, Page, ResultByTime};

/// Bytes as they came, with the name they came under.
#[derive(Debug, Clone, Copy)]
pub struct PageFile<'a> {
    pub name: &'a str,
    pub bytes: &'a [u8],
}

/// Something that cannot be used: where, why, and what stood there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPage {
    /// File and JSON pointer: `september.json#/0/ResultsByTime/3/Groups/12/Metrics`.
    pub place: String,
    pub reason: String,
    pub excerpt: String,
    /// Of the page or group as received.
    pub hash: Sha256,
}

impl BadPage {
    fn new(place: String, reason: String, raw: &str) -> Self {
        Self { place, reason, excerpt: raw.chars().take(200).collect(), hash: Sha256::of(raw) }
    }
}

/// The second key of every group, beside the service: what says who pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouping {
    /// A cost allocation tag.
    Tag(String),
    LinkedAccount,
}

impl Grouping {
    /// As stored: `grouped_by` and `tag_key`.
    pub fn as_columns(&self) -> (&'static str, &str) {
        match self {
            Self::Tag(key) => ("tag", key),
            Self::LinkedAccount => ("account", ""),
        }
    }

    pub fn from_columns(grouped_by: &str, tag_key: String) -> Self {
        if grouped_by == "account" { Self::LinkedAccount } else { Self::Tag(tag_key) }
    }
}

/// What one amount is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellKey {
    pub day: NaiveDate,
    pub service: String,
    /// The tag's value or the account's id; empty is untagged.
    pub allocation_key: String,
    pub currency: Currency,
}

/// One complete answer: every page of one query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostSet {
    pub grouping: Grouping,
    /// Days that were answered for, also without any cost; true where AWS still estimates.
    pub days: BTreeMap<NaiveDate, bool>,
    pub cells: BTreeMap<CellKey, Decimal>,
    pub pages: usize,
    pub pages_sha256: Sha256,
}

/// What files of pages held.
#[derive(Debug, Default)]
pub struct Reading {
    pub sets: Vec<CostSet>,
    /// For the quarantine.
    pub bad: Vec<BadPage>,
    /// Why nothing of the files may be published.
    pub refused: Option<String>,
}

/// Reads files, each a page, an array of pages or several of either, in the order Cost Explorer gave them.
pub fn read_pages(files: &[PageFile<'_>]) -> Reading {
    let mut reading = Reading::default();
    let mut open: Option<OpenSet> = None;
    let mut seen = BTreeSet::new();
    for file in files {
        for (place, raw) in documents_of(file, &mut reading) {
            if !seen.insert(Sha256::of(raw)) {
                continue; // The same page given twice is one page.
            }
            match read_page(&place, raw) {
                Ok(page) => take_page(&place, &page, raw, &mut open, &mut reading),
                Err(bad) => refuse(&mut reading, bad),
            }
        }
    }
    if let Some(set) = open.filter(|_| reading.refused.is_none()) {
        reading.refused = Some(format!(
            "{} says that another page follows (NextPageToken), but none was given; fetch every page and send them together, \
             in order: a missing page looks like money not spent",
            set.last_place
        ));
    }
    if reading.refused.is_some() {
        reading.sets.clear();
    }
    reading
}

struct OpenSet {
    grouping: Grouping,
    days: BTreeMap<NaiveDate, bool>,
    cells: BTreeMap<CellKey, Decimal>,
    /// Days with a cell that could not be read.
    held_back: BTreeSet<NaiveDate>,
    page_hashes: Vec<Sha256>,
    last_place: String,
}

impl OpenSet {
    fn new(grouping: Grouping) -> Self {
        Self {
            grouping,
            days: BTreeMap::new(),
            cells: BTreeMap::new(),
            held_back: BTreeSet::new(),
            page_hashes: Vec::new(),
            last_place: String::new(),
        }
    }

    fn finish(mut self) -> CostSet {
        self.days.retain(|day, _| !self.held_back.contains(day));
        self.cells.retain(|key, _| !self.held_back.contains(&key.day));
        CostSet {
            grouping: self.grouping,
            days: self.days,
            cells: self.cells,
            pages: self.page_hashes.len(),
            pages_sha256: Sha256::of_parts(self.page_hashes.iter().map(Sha256::as_bytes)),
        }
    }
}

fn refuse(reading: &mut Reading, bad: BadPage) {
    reading.refused.get_or_insert_with(|| format!("{}: {}", bad.place, bad.reason));
    reading.bad.push(bad);
}

/// The JSON documents of a file with their places, as text; an array counts as its elements.
fn documents_of<'a>(file: &PageFile<'a>, reading: &mut Reading) -> Vec<(String, &'a str)> {
    let mut documents = Vec::new();
    let mut stream = serde_json::Deserializer::from_slice(file.bytes).into_iter::<&'a RawValue>();
    loop {
        let offset = stream.byte_offset();
        let read = match stream.next() {
            None => break,
            Some(Ok(raw)) if raw.get().starts_with('[') => serde_json::from_str::<Vec<&RawValue>>(raw.get()),
            Some(Ok(raw)) => {
                documents.push((format!("{}#", file.name), raw.get()));
                continue;
            }
            Some(Err(error)) => Err(error),
        };
        match read {
            Ok(pages) => {
                documents.extend(pages.iter().enumerate().map(|(n, raw)| (format!("{}#/{n}", file.name), raw.get())));
            }
            Err(error) => {
                let rest = String::from_utf8_lossy(&file.bytes[offset..]);
                let place = format!("{}#byte {offset}", file.name);
                refuse(reading, BadPage::new(place, format!("not JSON: {error}"), &rest));
                return documents;
            }
        }
    }
    if documents.is_empty() {
        let reason = "empty; expected the JSON that `aws ce get-cost-and-usage` prints".to_owned();
        refuse(reading, BadPage::new(file.name.to_owned(), reason, ""));
    }
    documents
}

/// A page, read, with what its groups' two keys are.
struct ReadPage<'a> {
    grouping: Grouping,
    service_first: bool,
    page: Page<'a>,
}

fn read_page<'a>(place: &str, raw: &'a str) -> Result<ReadPage<'a>, BadPage> {
    let bad = |pointer: &str, reason: String| BadPage::new(format!("{place}{pointer}"), reason, raw);
    let page: Page<'a> =
        serde_json::from_str(raw).map_err(|error| bad("", format!("not an answer of GetCostAndUsage: {error}")))?;
    let (grouping, service_first) = page.grouping().map_err(|reason| bad("/GroupDefinitions", reason))?;
    Ok(ReadPage { grouping, service_first, page })
}

fn take_page(place: &str, read: &ReadPage<'_>, raw: &str, open: &mut Option<OpenSet>, reading: &mut Reading) {
    let set = open.get_or_insert_with(|| OpenSet::new(read.grouping.clone()));
    if set.grouping != read.grouping {
        let reason = "grouped by something else than the page before, which said that this one continues it".to_owned();
        let place = format!("{place}/GroupDefinitions");
        return refuse(reading, BadPage::new(place, reason, raw));
    }
    set.page_hashes.push(Sha256::of(raw));
    place.clone_into(&mut set.last_place);
    for (index, result) in read.page.results_by_time.iter().enumerate() {
        let place = format!("{place}/ResultsByTime/{index}");
        match result.day() {
            Ok(day) => take_day(&place, day, result, read.service_first, set, reading),
            Err(reason) => {
                let place = format!("{place}/TimePeriod");
                return refuse(reading, BadPage::new(place, reason, raw));
            }
        }
    }
    if read.page.next_page_token.as_ref().is_none_or(String::is_empty) {
        reading.sets.extend(open.take().map(OpenSet::finish));
    }
}

fn take_day(
    place: &str,
    day: NaiveDate,
    result: &ResultByTime<'_>,
    service_first: bool,
    set: &mut OpenSet,
    reading: &mut Reading,
) {
    // A day may span two pages: it is estimated if either says so.
    *set.days.entry(day).or_default() |= result.estimated;
    for (index, group) in result.groups.iter().enumerate() {
        let read =
            read_group(day, group, service_first, &set.grouping).and_then(|(key, amount)| match set.cells.entry(key) {
                btree_map::Entry::Vacant(entry) => {
                    entry.insert(amount);
                    Ok(())
                }
                btree_map::Entry::Occupied(_) => Err(("/Keys", "this group was already given for this day".to_owned())),
            });
        if let Err((pointer, reason)) = read {
            set.held_back.insert(day);
            let place = format!("{place}/Groups/{index}{pointer}");
            reading.bad.push(BadPage::new(place, format!("{reason}; {day} is left as it was"), group.get()));
        }
    }
}

fn read_group(
    day: NaiveDate,
    group: &RawValue,
    service_first: bool,
    grouping: &Grouping,
) -> Result<(CellKey, Decimal), (&'static str, String)> {
    let group: Group = serde_json::from_str(group.get()).map_err(|error| ("", error.to_string()))?;
    let [first, second] = group.keys.as_slice() else {
        return Err(("/Keys", format!("expected 2 keys, found {}", group.keys.len())));
    };
    let (service, key) = if service_first { (first, second) } else { (second, first) };
    let allocation_key = match grouping {
        Grouping::LinkedAccount => key.clone(),
        // `tenant$acme`, `tenant$` for untagged; a value may itself hold `$`.
        Grouping::Tag(_) => match key.split_once('$') {
            Some((_, value)) => value.to_owned(),
            None => return Err(("/Keys", format!("`{key}` is not of the form `tag$value`"))),
        },
    };
    if service.contains('\0') || allocation_key.contains('\0') {
        return Err(("/Keys", "a NUL byte, which no database column holds".to_owned()));
    }
    let metric = group
        .metrics
        .get("UnblendedCost")
        .ok_or(("/Metrics", "no UnblendedCost; ask for `--metrics UnblendedCost`".to_owned()))?;
    let amount = parse_amount(&metric.amount).map_err(|error| ("/Metrics/UnblendedCost/Amount", error.to_string()))?;
    let currency = Currency::parse(&metric.unit).map_err(|error| ("/Metrics/UnblendedCost/Unit", error.to_string()))?;
    Ok((CellKey { day, service: service.clone(), allocation_key, currency }, amount))
}

#[cfg(test)]
mod tests;
