//! The job queue and row-level security against a real Postgres.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking; the lint knows only functions marked as tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use lakewarden_core::{Scope, TenantId};
use lakewarden_db::{Db, Job, JobError, Jobs, enqueue, jobs};
use lakewarden_testkit::{TestDb, clock};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct CountSheep {
    flock: i32,
}

impl Job for CountSheep {
    const KIND: &'static str = "count_sheep";
    fn key(&self) -> String {
        self.flock.to_string()
    }
}

async fn put(db: &Db, flock: i32) {
    let mut tx = db.begin().await.unwrap();
    enqueue(&mut tx, &CountSheep { flock }, clock().now()).await.unwrap();
    tx.commit().await.unwrap();
}

fn counting(counted: &Arc<AtomicUsize>) -> Jobs {
    let counted = Arc::clone(counted);
    Jobs::new().on(move |_: CountSheep| {
        let counted = Arc::clone(&counted);
        async move {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    })
}

#[tokio::test]
async fn the_same_work_enqueued_twice_runs_once() {
    let TestDb { db, .. } = TestDb::new().await;
    put(&db, 1).await;
    put(&db, 1).await;
    put(&db, 2).await;
    let counted = Arc::default();
    assert_eq!(counting(&counted).run_until_idle(&db, &clock()).await.unwrap(), 2);
    assert_eq!(counted.load(Ordering::SeqCst), 2);
    assert!(jobs::count_by_kind(db.system()).await.unwrap().is_empty());
}

#[tokio::test]
async fn work_of_a_transaction_that_is_rolled_back_never_was() {
    let TestDb { db, .. } = TestDb::new().await;
    let mut tx = db.begin().await.unwrap();
    enqueue(&mut tx, &CountSheep { flock: 1 }, clock().now()).await.unwrap();
    drop(tx);
    let counted = Arc::default();
    assert_eq!(counting(&counted).run_until_idle(&db, &clock()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_nudge_that_arrives_while_the_job_runs_makes_it_run_again() {
    let TestDb { db, .. } = TestDb::new().await;
    put(&db, 1).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let handler = {
        let (db, runs) = (db.clone(), Arc::clone(&runs));
        Jobs::new().on(move |_: CountSheep| {
            let (db, runs) = (db.clone(), Arc::clone(&runs));
            async move {
                if runs.fetch_add(1, Ordering::SeqCst) == 0 {
                    put(&db, 1).await;
                }
                Ok(())
            }
        })
    };
    assert_eq!(handler.run_until_idle(&db, &clock()).await.unwrap(), 2);
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_failed_job_waits_and_is_tried_again() {
    let TestDb { db, .. } = TestDb::new().await;
    let clock = clock();
    put(&db, 1).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let handler = {
        let runs = Arc::clone(&runs);
        Jobs::new().on(move |_: CountSheep| {
            let first = runs.fetch_add(1, Ordering::SeqCst) == 0;
            async move { if first { Err(JobError::Retry("the dog barked".into())) } else { Ok(()) } }
        })
    };
    assert_eq!(handler.run_until_idle(&db, &clock).await.unwrap(), 1, "not at once");
    clock.advance(TimeDelta::minutes(1));
    assert_eq!(handler.run_until_idle(&db, &clock).await.unwrap(), 1);
    assert!(jobs::count_by_kind(db.system()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_dead_workers_job_is_taken_over_when_its_lease_ends() {
    let TestDb { db, .. } = TestDb::new().await;
    let clock = clock();
    put(&db, 1).await;
    // A worker that claims and is then killed: its run is dropped in the middle.
    let stuck = Jobs::new().on(|_: CountSheep| std::future::pending::<Result<(), JobError>>());
    let killed = tokio::time::timeout(Duration::from_millis(300), stuck.run_until_idle(&db, &clock)).await;
    assert!(killed.is_err());
    let counted = Arc::default();
    let jobs = counting(&counted);
    assert_eq!(jobs.run_until_idle(&db, &clock).await.unwrap(), 0, "the lease still holds");
    clock.advance(TimeDelta::from_std(jobs::LEASE).unwrap() + TimeDelta::seconds(1));
    assert_eq!(jobs.run_until_idle(&db, &clock).await.unwrap(), 1);
}

#[tokio::test]
async fn a_scope_sees_its_own_rows_and_a_forgotten_scope_sees_nothing() {
    let TestDb { db, .. } = TestDb::new().await;
    let mut setup = db.begin().await.unwrap();
    for statement in [
        "create table sheep (id integer, tenant_id integer)",
        "alter table sheep enable row level security",
        "alter table sheep force row level security",
        "create policy sheep_visible on sheep using (may_see(tenant_id)) with check (may_see(tenant_id))",
        "insert into sheep values (1, 1), (2, 2), (3, 0), (4, null)",
    ] {
        sqlx::query(statement).execute(&mut *setup).await.unwrap();
    }
    setup.commit().await.unwrap();

    let mut seen = Vec::new();
    for scope in [Scope::All, Scope::Tenant(TenantId(1)), Scope::Tenant(TenantId(9))] {
        let mut tx = db.begin_as(scope).await.unwrap();
        let ids: Vec<i32> = sqlx::query_scalar("select id from sheep order by id").fetch_all(&mut *tx).await.unwrap();
        seen.push(ids);
    }
    assert_eq!(seen, [vec![1, 2, 3, 4], vec![1], vec![]]);

    let mut tx = db.begin_as(Scope::Tenant(TenantId(1))).await.unwrap();
    let planted = sqlx::query("insert into sheep values (5, 2)").execute(&mut *tx).await;
    assert!(planted.is_err(), "a tenant cannot write another tenant's row");

    sqlx::query("alter table sheep no force row level security").execute(db.system()).await.unwrap();
    assert!(db.audit_row_security().await.unwrap_err().to_string().contains("sheep"));
}
