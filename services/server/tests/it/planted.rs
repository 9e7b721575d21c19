//! Every planted breach becomes a finding, and nothing unplanted of high severity does.

use std::path::Path;

use lakewarden_app::{App, AppConfig};
use lakewarden_identity::{Reach, create_token};
use lakewarden_server::client::Client;
use lakewarden_server::demo::lake::Lake;
use lakewarden_server::demo::planted::Planted;
use lakewarden_server::demo::{DAYS, feed, planted};
use lakewarden_testkit::{TestDb, clock, noon};
use tokio::net::TcpListener;

const RECORDS: usize = 3_000;

#[derive(Debug, sqlx::FromRow)]
struct Found {
    policy_id: String,
    severity: String,
    subject: String,
    title: String,
    asset: Option<String>,
}

impl Found {
    fn is(&self, planted: &Planted) -> bool {
        let texts = [Some(self.subject.as_str()), Some(self.title.as_str()), self.asset.as_deref()];
        self.policy_id == planted.policy && texts.iter().flatten().any(|text| text.contains(&planted.place))
    }
}

/// A service on an empty database that was fed the demo's lake, and has judged it.
async fn fed_service(db: &TestDb, lake: &Lake) -> App {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let config = AppConfig { base_url: "http://lake.example".to_owned(), policies };
    let app = App::open(config, db.db.clone(), clock()).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let router = app.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let token = create_token(app.db.system(), "demo", Reach::Ingest, None, noon()).await.unwrap();
    feed(&Client::new(&base_url, token).unwrap(), lake, RECORDS).await.unwrap();
    lakewarden_quality::judge_quality(&app.slices.quality).await.unwrap();
    app.jobs().run_until_idle(&app.db, &app.clock).await.unwrap();
    app
}

#[tokio::test]
async fn every_planted_breach_is_found_and_nothing_of_weight_besides() {
    let db = TestDb::new().await;
    let lake = Lake::new(1, noon(), DAYS);
    let app = fed_service(&db, &lake).await;
    let found: Vec<Found> =
        sqlx::query_as("select policy_id, severity, subject, title, asset from findings where status = 'open'")
            .fetch_all(app.db.system())
            .await
            .unwrap();
    let planted = planted(&lake);

    let missed: Vec<&Planted> = planted.iter().filter(|planted| !found.iter().any(|found| found.is(planted))).collect();
    let surplus: Vec<&Found> = found
        .iter()
        .filter(|found| ["critical", "high"].contains(&found.severity.as_str()))
        .filter(|found| !planted.iter().any(|planted| found.is(planted)))
        .collect();
    assert!(
        missed.is_empty() && surplus.is_empty(),
        "not found: {missed:#?}\nnot planted: {surplus:#?}\nof {}",
        found.len()
    );
}
