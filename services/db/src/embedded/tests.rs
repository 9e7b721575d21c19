//! The embedded cluster against real PostgreSQL programs: every start there is, and every start that is refused.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

/// A folder that the user Postgres drops to can reach.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

async fn connect(cluster: &Cluster) -> PgConnection {
    PgConnection::connect(cluster.url()).await.unwrap()
}

async fn count_kept(cluster: &Cluster) -> i64 {
    sqlx::query_scalar("select count(*) from kept").fetch_one(&mut connect(cluster).await).await.unwrap()
}

async fn keep_one(cluster: &Cluster) {
    let mut connection = connect(cluster).await;
    sqlx::raw_sql("create table if not exists kept (id integer); insert into kept values (1)")
        .execute(&mut connection)
        .await
        .unwrap();
}

fn postmaster_pid(dir: &Path) -> u32 {
    let text = std::fs::read_to_string(dir.join("data/postmaster.pid")).unwrap();
    text.lines().next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_cluster_is_made_used_and_found_again_with_its_data() {
    let dir = folder();
    let cluster = Cluster::start(dir.path(), None).await.unwrap();
    keep_one(&cluster).await;
    let role: (String, bool, String) = sqlx::query_as(
        "select current_user::text, rolsuper or rolbypassrls, current_setting('listen_addresses') from pg_roles where rolname = current_user",
    )
    .fetch_one(&mut connect(&cluster).await)
    .await
    .unwrap();
    assert_eq!(role, ("lakewarden".to_owned(), false, String::new()), "no superuser, no network");
    cluster.stop().await;
    assert!(!dir.path().join("data/postmaster.pid").exists(), "stopped in order");

    let cluster = Cluster::start(dir.path(), None).await.unwrap();
    assert_eq!(count_kept(&cluster).await, 1);
}

#[tokio::test]
async fn a_second_process_on_the_same_directory_is_refused_politely() {
    let dir = folder();
    let cluster = Cluster::start(dir.path(), None).await.unwrap();
    let error = Cluster::start(dir.path(), None).await.unwrap_err();
    assert!(matches!(error, EmbeddedError::InUse(_)), "{error}");
    assert_eq!(Cluster::url_in(dir.path()).unwrap(), cluster.url(), "but it can be joined");
    keep_one(&cluster).await;
}

#[tokio::test]
async fn a_postgres_killed_in_flight_recovers_what_was_committed() {
    let dir = folder();
    let cluster = Cluster::start(dir.path(), None).await.unwrap();
    keep_one(&cluster).await;
    let killed = Command::new("kill").args(["-9", &postmaster_pid(dir.path()).to_string()]).status().unwrap();
    assert!(killed.success());
    drop(cluster);
    let cluster = Cluster::start(dir.path(), None).await.unwrap();
    assert_eq!(count_kept(&cluster).await, 1);
}

#[tokio::test]
async fn an_orphan_of_a_killed_service_is_stopped_and_replaced() {
    let dir = folder();
    let mut cluster = Cluster::start(dir.path(), None).await.unwrap();
    keep_one(&cluster).await;
    // As after kill -9 of the service without setpriv: the lock is free, Postgres runs on, nobody stops it.
    let keeper = cluster.keeper.take().unwrap();
    drop(cluster);
    let orphan = postmaster_pid(dir.path());
    let cluster = Cluster::start(dir.path(), None).await.unwrap();
    assert_ne!(postmaster_pid(dir.path()), orphan);
    assert_eq!(count_kept(&cluster).await, 1);
    keeper.join().unwrap();
}

#[tokio::test]
async fn a_stale_pid_that_now_belongs_to_another_process_is_cleared() {
    let dir = folder();
    Cluster::start(dir.path(), None).await.unwrap().stop().await;
    let file = dir.path().join("data/postmaster.pid");
    std::fs::write(&file, format!("{}\n{}\n", std::process::id(), dir.path().join("data").display())).unwrap();
    let cluster = Cluster::start(dir.path(), None).await.unwrap();
    keep_one(&cluster).await;
}

#[tokio::test]
async fn a_data_directory_of_another_major_version_is_refused_with_both_versions() {
    let dir = folder();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    std::fs::write(dir.path().join("data/PG_VERSION"), "9\n").unwrap();
    let error = Cluster::start(dir.path(), None).await.unwrap_err();
    assert!(matches!(error, EmbeddedError::OtherVersion { made_by: 9, .. }), "{error}");
    assert!(error.to_string().contains("made by PostgreSQL 9"), "{error}");
}

#[tokio::test]
async fn a_half_made_cluster_is_made_anew() {
    let dir = folder();
    let unfinished = dir.path().join("data.unfinished");
    std::fs::create_dir(&unfinished).unwrap();
    std::fs::write(unfinished.join("PG_VERSION"), "1").unwrap();
    let cluster = Cluster::start(dir.path(), None).await.unwrap();
    keep_one(&cluster).await;
    assert!(!unfinished.exists());
}
