//! Pages as people really send them: split, repeated, out of order, grouped otherwise, broken.

use serde_json::{Value, json};

use super::*;

fn page(day: u32, groups: &Value, token: Option<&str>) -> Value {
    let mut page = json!({
        "GroupDefinitions": [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "TAG", "Key": "tenant"}],
        "ResultsByTime": [{
            "TimePeriod": {"Start": format!("2026-09-{day:02}"), "End": format!("2026-09-{:02}", day + 1)},
            "Total": {}, "Groups": groups, "Estimated": day > 20
        }],
        "DimensionValueAttributes": []
    });
    if let Some(token) = token {
        page["NextPageToken"] = json!(token);
    }
    page
}

fn group(service: &str, key: &str, amount: &str) -> Value {
    json!({"Keys": [service, key], "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": "USD"}}})
}

fn read(documents: &[Value]) -> Reading {
    let texts: Vec<String> = documents.iter().map(ToString::to_string).collect();
    let files: Vec<PageFile<'_>> =
        texts.iter().map(|text| PageFile { name: "costs.json", bytes: text.as_bytes() }).collect();
    read_pages(&files)
}

fn keys(set: &CostSet) -> Vec<(&str, &str, String)> {
    set.cells
        .iter()
        .map(|(key, amount)| (key.service.as_str(), key.allocation_key.as_str(), amount.to_string()))
        .collect()
}

#[test]
fn a_tag_value_may_hold_dollars_and_untagged_is_empty() {
    let groups = json!([group("AWS Glue", "tenant$a$b", "1.50"), group("AWS Glue", "tenant$", "0.00000000000")]);
    let reading = read(&[page(1, &groups, None)]);
    assert_eq!(reading.refused, None);
    assert_eq!(keys(&reading.sets[0]), [("AWS Glue", "", "0".into()), ("AWS Glue", "a$b", "1.5".into())]);
    assert_eq!(reading.sets[0].grouping, Grouping::Tag("tenant".into()));
}

#[test]
fn pages_of_one_query_are_one_set_however_they_are_packed() {
    let first = page(1, &json!([group("S", "tenant$acme", "1")]), Some("more"));
    let second = page(1, &json!([group("S", "tenant$globex", "2")]), None);
    let third = page(2, &json!([]), None);
    let expected = read(&[first.clone(), second.clone()]).sets;
    assert_eq!(expected.len(), 1);
    assert_eq!((expected[0].pages, expected[0].cells.len()), (2, 2));
    assert_eq!(read(&[json!([first, second])]).sets, expected, "an array");
    let glued = format!("{first}\n{second}");
    let file = PageFile { name: "glued.json", bytes: glued.as_bytes() };
    assert_eq!(read_pages(&[file]).sets, expected, "two documents in one file");
    assert_eq!(read_pages(&[file, file]).sets, expected, "the same file twice");
    let two = read(&[first, second, third]).sets;
    assert_eq!(two.len(), 2, "what follows a last page is another query");
    assert!(two[1].cells.is_empty() && two[1].days.len() == 1, "a day without cost was still answered for");
}

#[test]
fn an_incomplete_set_publishes_nothing() {
    let whole = page(1, &json!([group("S", "tenant$acme", "1")]), None);
    let open = page(2, &json!([group("S", "tenant$acme", "1")]), Some("more"));
    let reading = read(&[whole, open]);
    assert!(reading.sets.is_empty());
    assert!(reading.refused.as_deref().is_some_and(|why| why.contains("NextPageToken")), "{:?}", reading.refused);
}

#[test]
fn another_grouping_or_granularity_is_refused_with_the_command_to_run() {
    let mut ungrouped = page(1, &json!([]), None);
    ungrouped["GroupDefinitions"] = json!([]);
    let reading = read(&[ungrouped]);
    assert!(reading.refused.as_deref().is_some_and(|why| why.contains("--group-by")), "{:?}", reading.refused);
    assert_eq!(reading.bad[0].place, "costs.json#/GroupDefinitions");

    let mut monthly = page(1, &json!([]), None);
    monthly["ResultsByTime"][0]["TimePeriod"]["End"] = json!("2026-10-01");
    let reading = read(&[monthly]);
    assert!(reading.refused.as_deref().is_some_and(|why| why.contains("DAILY")), "{:?}", reading.refused);

    let mut accounts = page(1, &json!([group("111122223333", "S", "1")]), None);
    accounts["GroupDefinitions"] =
        json!([{"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"}, {"Type": "DIMENSION", "Key": "SERVICE"}]);
    let reading = read(&[accounts]);
    assert_eq!(reading.sets[0].grouping, Grouping::LinkedAccount);
    assert_eq!(keys(&reading.sets[0]), [("S", "111122223333", "1".into())], "the keys follow the definitions' order");
}

#[test]
fn a_bad_cell_holds_back_its_day_and_no_other() {
    let good = group("S", "tenant$acme", "1");
    let float = json!({"Keys": ["T", "tenant$acme"], "Metrics": {"UnblendedCost": {"Amount": 1.5, "Unit": "USD"}}});
    let usage_only =
        json!({"Keys": ["T", "tenant$acme"], "Metrics": {"UsageQuantity": {"Amount": "1", "Unit": "N/A"}}});
    for (bad, pointer) in [
        (float, ""),
        (usage_only, "/Metrics"),
        (group("T", "acme", "1"), "/Keys"),
        (group("T", "tenant$acme", "12,5"), "/Metrics/UnblendedCost/Amount"),
        (good.clone(), "/Keys"),
    ] {
        let mut document = page(1, &json!([good.clone(), bad]), None);
        let next = page(2, &json!([good.clone()]), None)["ResultsByTime"][0].clone();
        document["ResultsByTime"].as_array_mut().unwrap().push(next);
        let reading = read(&[document]);
        assert_eq!(reading.refused, None);
        assert_eq!(reading.sets[0].days.keys().map(ToString::to_string).collect::<Vec<_>>(), ["2026-09-02"]);
        assert_eq!(reading.sets[0].cells.len(), 1);
        assert_eq!(reading.bad[0].place, format!("costs.json#/ResultsByTime/0/Groups/1{pointer}"));
    }
}

#[test]
fn what_is_not_json_is_refused_with_its_place() {
    for (bytes, place) in [
        (&b""[..], "x.json"),
        (b"<html>", "x.json#byte 0"),
        (br#"{"ResultsByTime": [}"#, "x.json#byte 0"),
        (b"[1]", "x.json#/0"),
        (b"\xff\xfe", "x.json#byte 0"),
    ] {
        let reading = read_pages(&[PageFile { name: "x.json", bytes }]);
        assert!(reading.refused.is_some() && reading.sets.is_empty());
        assert_eq!(reading.bad[0].place, place);
    }
    let deep = "[".repeat(100_000);
    assert!(read_pages(&[PageFile { name: "x.json", bytes: deep.as_bytes() }]).refused.is_some());
}

#[test]
fn two_currencies_are_two_cells() {
    let mut euros = group("S", "tenant$acme", "1");
    euros["Metrics"]["UnblendedCost"]["Unit"] = json!("EUR");
    let reading = read(&[page(1, &json!([group("S", "tenant$acme", "1"), euros]), None)]);
    assert_eq!(reading.sets[0].cells.len(), 2);
}
