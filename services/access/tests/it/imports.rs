//! Imports of folders: again, interrupted, beside one another, and with Postgres going away in between.

use std::sync::atomic::{AtomicUsize, Ordering};

use lakewarden_access::{AccessError, import};

use crate::lake::{Lake, folder, read, trail};

#[tokio::test]
async fn a_folder_is_imported_once_however_often_it_is_given() {
    let lake = Lake::new().await;
    let (_folder, paths) = folder(5, 20);
    let first = import(&lake.ctx, &paths, |_| {}).await.unwrap();
    assert_eq!((first.files_found, first.files_imported, first.accepted), (5, 5, 100));
    let second = import(&lake.ctx, &paths, |_| {}).await.unwrap();
    assert_eq!((second.files_skipped, second.files_imported, second.accepted), (5, 0, 0));
    assert_eq!(lake.count("select sum(records)::bigint from access_facts").await, 100);
    assert_eq!(lake.count("select accepted from sources where kind = 'cloudtrail'").await, 100);
}

#[tokio::test]
async fn one_folder_imported_twice_at_once_counts_once() {
    let lake = Lake::new().await;
    let (_folder, paths) = folder(6, 50);
    let (first, second) = tokio::join!(import(&lake.ctx, &paths, |_| {}), import(&lake.ctx, &paths, |_| {}));
    assert_eq!(first.unwrap().accepted + second.unwrap().accepted, 300);
    assert_eq!(lake.count("select sum(records)::bigint from access_facts").await, 300);
    assert_eq!(lake.count("select count(*) from access_events").await, 300);
}

#[tokio::test]
async fn an_import_that_was_killed_goes_on_where_it_stopped() {
    let lake = Lake::new().await;
    let (_folder, paths) = folder(900, 2);
    let commits = AtomicUsize::new(0);
    let killed = tokio::select! {
        biased;
        () = std::future::poll_fn(|context| {
            if commits.load(Ordering::SeqCst) > 0 { return std::task::Poll::Ready(()) }
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        }) => true,
        _ = import(&lake.ctx, &paths, |_| { commits.fetch_add(1, Ordering::SeqCst); }) => false,
    };
    assert!(killed, "the first commit does not end an import of 900 files");
    let stored = lake.count("select count(*) from trail_files").await;
    assert!(stored > 0 && stored < 900, "{stored}");
    let rest = import(&lake.ctx, &paths, |_| {}).await.unwrap();
    assert_eq!((rest.files_skipped as i64, rest.accepted), (stored, 1800 - 2 * stored));
    assert_eq!(lake.count("select sum(records)::bigint from access_facts").await, 1800);
}

#[tokio::test]
async fn connections_killed_during_an_import_lose_and_double_nothing() {
    let lake = Lake::new().await;
    let (_folder, paths) = folder(1200, 2);
    // Another pool, so that the killer is not among the killed.
    let killer = sqlx::PgPool::connect(&lake.url).await.unwrap();
    let kills = AtomicUsize::new(0);
    let kill = async {
        while kills.load(Ordering::SeqCst) < 5 {
            sqlx::query(
                "select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'",
            )
            .execute(&killer)
            .await
            .unwrap();
            kills.fetch_add(1, Ordering::SeqCst);
        }
    };
    let (summary, ()) = tokio::join!(import(&lake.ctx, &paths, |_| {}), kill);
    let summary = summary.unwrap();
    assert_eq!(summary.files_imported, 1200);
    assert_eq!(lake.count("select sum(records)::bigint from access_facts").await, 2400);
    assert_eq!(lake.count("select count(*) from access_events").await, 2400);
}

#[tokio::test]
async fn an_empty_folder_is_said_to_be_empty() {
    let lake = Lake::new().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("README.txt"), "no trail").unwrap();
    let error = import(&lake.ctx, &[folder.path().to_owned()], |_| {}).await.unwrap_err();
    assert!(matches!(error, AccessError::NothingToImport(_)));
    assert!(error.to_string().contains(&folder.path().display().to_string()));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named_and_the_others_go_on() {
    let lake = Lake::new().await;
    let (folder, mut paths) = folder(2, 3);
    paths.push(folder.path().join("gone.json.gz"));
    std::fs::write(folder.path().join("junk.json"), "hello").unwrap();
    std::fs::write(folder.path().join("cut.json.gz"), &trail(&[read("x", "acme-etl", "b", "k")])[..10]).unwrap();
    let summary = import(&lake.ctx, &paths, |_| {}).await.unwrap();
    let mut failed: Vec<String> =
        summary.failures.iter().map(|(path, _)| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    failed.sort();
    assert_eq!(failed, ["cut.json.gz", "gone.json.gz", "junk.json"]);
    assert_eq!((summary.accepted, summary.quarantined), (6, 2));
    assert_eq!(lake.count("select count(*) from quarantine").await, 2);
}
