//! Real answers of Cost Explorer with known totals, where `LAKEWARDEN_CONFORMANCE_DATA` names a folder that holds them under `cost`; nothing otherwise.

use std::path::PathBuf;

use chrono::TimeDelta;
use lakewarden_cost::{PageFile, ingest};
use serde_json::Value;

use crate::lake::Lake;

const GIVEN: &str = "ce_get_cost_and_usage_service_x_tag_2024-09-01";

fn read(folder: &std::path::Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// `2024-09-12 Tax business_unit$ - 1.23`.
fn changes(answers: &Value) -> Vec<String> {
    let amount = |value: &Value| value.as_str().map_or("-".to_owned(), trimmed);
    let mut changes: Vec<String> = answers["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| {
            let (day, service, key) = (&change["day"], &change["keys"][0], &change["keys"][1]);
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            format!(
                "{} {} {} {} {}",
                text(day),
                text(service),
                text(key),
                amount(&change["old"]),
                amount(&change["new"])
            )
        })
        .collect();
    changes.sort();
    changes
}

fn trimmed(amount: &str) -> String {
    if amount.contains('.') { amount.trim_end_matches('0').trim_end_matches('.').to_owned() } else { amount.to_owned() }
}

#[tokio::test]
async fn conformance_given_pages_have_the_given_totals_and_the_given_restatement() {
    let Some(data) = std::env::var_os("LAKEWARDEN_CONFORMANCE_DATA") else { return };
    let folder = PathBuf::from(data).join("cost");
    let answers: Value = serde_json::from_slice(&read(&folder, &format!("{GIVEN}.answers.json"))).unwrap();
    let lake = Lake::new().await;
    let pages = read(&folder, &format!("{GIVEN}.json"));
    let first = ingest(&lake.ctx, "payer", &[PageFile { name: "given", bytes: &pages }]).await.unwrap();
    assert_eq!((first.days as i64, first.quarantined), (answers["days"].as_i64().unwrap(), 0));
    assert_eq!(first.written as i64, answers["groups"].as_i64().unwrap());
    let total = "select trim_scale(sum(amount))::text from cost_lines where seen_to is null";
    assert_eq!(lake.text(total).await, trimmed(answers["total_UnblendedCost"].as_str().unwrap()));
    let untagged = "select trim_scale(sum(amount))::text from cost_lines where seen_to is null and allocation_key = ''";
    assert_eq!(lake.text(untagged).await, trimmed(answers["untagged_total"].as_str().unwrap()));
    let estimated = lake.number("select count(*) from cost_days where estimated").await;
    assert_eq!(estimated, answers["estimated_days"].as_i64().unwrap());
    for (day, total) in answers["by_day"].as_object().unwrap() {
        let sum: String = sqlx::query_scalar(
            "select trim_scale(sum(amount))::text from cost_lines where seen_to is null and day = $1::text::date",
        )
        .bind(day)
        .fetch_one(lake.ctx.db.system())
        .await
        .unwrap();
        assert_eq!(sum, trimmed(total.as_str().unwrap()), "{day}");
    }
    let cents = "select sum(cents)::text || ' ' || round(sum(amount) * 100) from cost_cells";
    assert_eq!(lake.text(cents).await, "518 518");

    lake.clock.advance(TimeDelta::days(1));
    let restated: Value = serde_json::from_slice(&read(&folder, &format!("{GIVEN}.restated.answers.json"))).unwrap();
    let pages = read(&folder, &format!("{GIVEN}.restated.json"));
    for _ in 0..2 {
        ingest(&lake.ctx, "payer", &[PageFile { name: "restated", bytes: &pages }]).await.unwrap();
        assert_eq!(lake.text(total).await, trimmed(restated["total_UnblendedCost"].as_str().unwrap()));
        let found = sqlx::query_scalar::<_, String>(
            "select day || ' ' || service || ' business_unit$' || allocation_key || ' ' ||
                    coalesce(trim_scale(old_amount)::text, '-') || ' ' || coalesce(trim_scale(new_amount)::text, '-')
             from cost_restatements",
        );
        let mut found = found.fetch_all(lake.ctx.db.system()).await.unwrap();
        found.sort();
        assert_eq!(found, changes(&restated));
    }
}
