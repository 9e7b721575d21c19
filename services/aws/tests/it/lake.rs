//! The service over a real Postgres with the policies as shipped, and collectors pointed at an endpoint.

use std::path::Path;
use std::time::Duration;

use aws_sdk_glue::config::Credentials;
use lakewarden_app::{App, AppConfig};
use lakewarden_aws::config::{AwsConfig, Config};
use lakewarden_aws::connection::Connection;
use lakewarden_aws::round::Collectors;
use lakewarden_testkit::{TestDb, clock};

/// The account that moto answers for.
pub const ACCOUNT: &str = "123456789012";

pub struct Lake {
    pub collectors: Collectors,
}

impl Lake {
    pub async fn new(endpoint_url: &str) -> Self {
        let TestDb { db, .. } = TestDb::new().await;
        let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
        let app = AppConfig { base_url: "https://lakewarden.example".into(), policies };
        let app = App::open(app, db, clock()).await.expect("open the service");
        Self { collectors: Collectors { app, connection: connection(endpoint_url), config: config() } }
    }

    pub async fn number(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(self.collectors.app.db.system()).await.unwrap()
    }

    /// What the last round of this kind said.
    pub async fn said(&self, kind: &str) -> (bool, String) {
        sqlx::query_as(
            "select r.succeeded, r.message from collector_runs r join sources s on s.id = r.source_id
             where s.kind = $1 order by r.id desc limit 1",
        )
        .bind(kind)
        .fetch_one(self.collectors.app.db.system())
        .await
        .unwrap()
    }
}

pub fn connection(endpoint_url: &str) -> Connection {
    Connection {
        endpoint_url: Some(endpoint_url.to_owned()),
        credentials: Some(Credentials::new("test", "test", None, None, "test")),
        attempts: 4,
        first_backoff: Duration::from_millis(1),
    }
}

fn config() -> AwsConfig {
    let text = format!(
        "[aws]\naccounts = ['{ACCOUNT}']\nregions = ['eu-west-1']\n\
         [[aws.trails]]\nbucket = 'lake-logs'\nregion = 'eu-west-1'\n[aws.cost]\naccount = '{ACCOUNT}'\n"
    );
    Config::parse(Path::new("lakewarden.toml"), &text).unwrap().aws
}
