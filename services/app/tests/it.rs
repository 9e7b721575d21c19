//! The assembled service: health, signing in, policies that break and mend, headers.
#![expect(clippy::unwrap_used, reason = "a test that cannot prepare its ground has failed")]

use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use lakewarden_app::{App, AppConfig, check_policies};
use lakewarden_identity::{ApiSecret, Reach, bootstrap_administrator};
use lakewarden_testkit::{TestClient, TestDb, clock, noon};

fn shipped() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies"))
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

async fn open(db: &TestDb, policies: PathBuf) -> App {
    let config = AppConfig { base_url: "http://localhost:8080".into(), policies };
    App::open(config, db.db.clone(), clock()).await.expect("the service opens")
}

#[tokio::test]
async fn health_is_for_everyone_and_metrics_are_not() {
    let db = TestDb::new().await;
    let app = open(&db, shipped()).await;
    let anonymous = TestClient::of_router(app.router());
    assert_eq!(anonymous.get("/healthz").await.text(), "ok\n");
    assert_eq!(anonymous.get("/readyz").await.status, StatusCode::OK);
    assert_eq!(anonymous.get("/metrics").await.status, StatusCode::UNAUTHORIZED);
    let scraper = anonymous.with_reach(&db.db, &app.clock, "prometheus", Reach::All).await;
    assert!(scraper.get("/metrics").await.text().contains("lakewarden_policies_broken"));
}

#[tokio::test]
async fn every_answer_carries_its_request_id_and_the_security_headers() {
    let db = TestDb::new().await;
    let anonymous = TestClient::of_router(open(&db, shipped()).await.router());
    for path in ["/healthz", "/findings", "/no/such/page"] {
        let answer = anonymous.get(path).await;
        assert!(!answer.headers["x-request-id"].is_empty(), "{path}");
        assert!(answer.headers["content-security-policy"].to_str().unwrap().contains("default-src 'self'"), "{path}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
    }
}

#[tokio::test]
async fn the_administrator_signs_in_by_form_and_out_again() {
    let db = TestDb::new().await;
    let app = open(&db, shipped()).await;
    let password = ApiSecret::new("correct horse");
    bootstrap_administrator(db.db.system(), "admin", Some(&password), noon()).await.unwrap();
    let client = TestClient::of_router(app.router());
    let form = |body: &'static str| {
        let request = Request::post("/sign-in").header("content-type", "application/x-www-form-urlencoded");
        let client = client.clone();
        async move { client.send(request, Body::from(body)).await }
    };
    let refused = form("username=admin&password=wrong&next=/findings").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let welcomed = form("username=admin&password=correct+horse&next=/findings").await;
    assert_eq!((welcomed.status, welcomed.headers["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, "/findings"));
    let cookie = welcomed.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();

    let page = client.send(Request::get("/isolation").header("cookie", &cookie), Body::empty()).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text());
    client.send(Request::post("/sign-out").header("cookie", &cookie), Body::empty()).await;
    let after = client.send(Request::get("/isolation").header("cookie", &cookie), Body::empty()).await;
    assert_eq!(after.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn another_sites_form_is_refused() {
    let db = TestDb::new().await;
    let client = TestClient::of_router(open(&db, shipped()).await.router());
    let request =
        Request::post("/sign-out").header("sec-fetch-site", "cross-site").header("origin", "https://evil.example");
    assert_eq!(client.send(request, Body::empty()).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_broken_policy_file_keeps_the_last_good_version_and_is_a_finding_until_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&shipped(), folder.path());
    let db = TestDb::new().await;
    let app = open(&db, folder.path().to_owned()).await;
    let officer = TestClient::of_router(app.router()).with_reach(&db.db, &app.clock, "officer", Reach::All).await;
    let file = folder.path().join("isolation/flow.cedar");
    let good = std::fs::read_to_string(&file).unwrap();
    let version = app.policies.pack.loaded().version;

    std::fs::write(&file, format!("{good}\nforbid (principal")).unwrap();
    app.reload().await.unwrap();
    assert_eq!(app.policies.pack.loaded().version, version, "the last good version stays in force");
    assert!(officer.get("/isolation").await.text().contains("isolation/flow.cedar"), "every page says so");
    let open: i64 = count_broken(&db, "open").await;
    app.reload().await.unwrap();
    assert_eq!((open, count_broken(&db, "open").await), (1, 1), "one finding, however often it is read");

    std::fs::write(&file, good).unwrap();
    app.reload().await.unwrap();
    assert_eq!((count_broken(&db, "open").await, count_broken(&db, "resolved").await), (0, 1));
    assert!(app.policies.warnings().is_empty());
}

async fn count_broken(db: &TestDb, status: &str) -> i64 {
    sqlx::query_scalar("select count(*) from findings where policy_id = 'service-policy-file-broken' and status = $1")
        .bind(status)
        .fetch_one(db.db.system())
        .await
        .unwrap()
}

#[tokio::test]
async fn without_an_earlier_version_a_broken_folder_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    copy_folder(&shipped(), folder.path());
    std::fs::write(folder.path().join("tenants.toml"), "[[tenant]]\nslugg = 'x'\n").unwrap();
    let db = TestDb::new().await;
    let config = AppConfig { base_url: "http://localhost".into(), policies: folder.path().to_owned() };
    let error = App::open(config, db.db.clone(), clock()).await.unwrap_err().to_string();
    assert!(error.contains("tenants.toml:2"), "{error}");
    assert!(check_policies(folder.path()).unwrap_err()[0].contains("tenants.toml:2"));
}

#[test]
fn the_shipped_policies_pass_their_own_check() {
    let (registry, cases) = check_policies(&shipped()).unwrap();
    let policies = registry.policies().len();
    assert!(policies >= 16 && cases >= policies / 2, "{policies} policies, {cases} cases");
}
