//! Real trail files, where `LAKEWARDEN_CONFORMANCE_DATA` names a folder that holds them under `cloudtrail`; nothing otherwise.

#[expect(dead_code, reason = "the lake of the other tests has more to offer than is needed here")]
#[path = "it/lake.rs"]
mod lake;

use std::collections::BTreeMap;
use std::path::PathBuf;

use lake::Lake;
use lakewarden_access::import;

#[tokio::test]
async fn no_record_of_real_trails_is_lost() {
    let Some(data) = std::env::var_os("LAKEWARDEN_CONFORMANCE_DATA") else { return };
    let folder = PathBuf::from(data).join("cloudtrail");
    let manifest = std::fs::read_to_string(folder.join("MANIFEST.tsv")).unwrap();
    let expected: BTreeMap<&str, i64> = manifest
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once('\t'))
        .map(|(file, rest)| (file, rest.split('\t').next().unwrap().parse().unwrap()))
        .collect();
    let lake = Lake::new().await;
    let summary = import(&lake.ctx, &[folder.join("given")], |_| {}).await.unwrap();
    assert_eq!((summary.files_imported, &summary.failures), (expected.len(), &Vec::new()));
    let read: Vec<(String, i64)> =
        sqlx::query_as("select name, (accepted + duplicates + quarantined)::bigint from trail_files order by name")
            .fetch_all(lake.db.system())
            .await
            .unwrap();
    for (file, records) in &read {
        assert_eq!(expected[file.as_str()], *records, "{file}");
    }
    assert_eq!(lake.count("select sum(records)::bigint from access_facts").await, summary.accepted);
    assert_eq!(lake.count("select count(*) from quarantine").await, summary.quarantined);
    for table in ["access_samples", "evidence"] {
        // Secrets in these files were replaced by words that begin so.
        let statement = format!("select count(*) from {table} where record::text like '%EXAMPLExxx%'");
        let leaked: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(statement)).fetch_one(lake.db.system()).await.unwrap();
        assert_eq!(leaked, 0, "{table}");
    }
    let again = import(&lake.ctx, &[folder.join("given")], |_| {}).await.unwrap();
    assert_eq!((again.files_skipped, again.accepted), (expected.len(), 0));
    println!("{summary:?}");
}
