//! The lake the demo shows: tenants, datasets and jobs. Everything else is generated from it, from a seed and from "now".

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

pub const ACCOUNT: &str = "111122223333";
pub const REGION: &str = "eu-west-1";
/// Tenants with a running business in the lake. `policies/tenants.toml` declares them.
pub const TENANTS: [&str; 7] = ["acme", "globex", "initech", "umbrella", "hooli", "stark", "wayne"];
/// Left the lake; what it still does there is planted.
pub const OFFBOARDED: &str = "wonka";
/// Nothing of it may be deleted.
pub const LEGAL_HOLD: &str = "umbrella";
pub const PLATFORM: &str = "platform";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer {
    Raw,
    Processed,
    Analytics,
}

impl Layer {
    pub const ALL: [Self; 3] = [Self::Raw, Self::Processed, Self::Analytics];

    pub fn word(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Processed => "processed",
            Self::Analytics => "analytics",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    pub tenant: &'static str,
    pub layer: Layer,
    pub name: &'static str,
    /// Rows a run usually writes.
    pub rows: u64,
}

impl Dataset {
    pub fn bucket(&self) -> String {
        format!("lake-{}", self.layer.word())
    }

    /// Key prefix without a trailing slash; also the dataset's OpenLineage name.
    pub fn prefix(&self) -> String {
        let area = if self.tenant == PLATFORM { "_shared" } else { self.tenant };
        format!("{area}/{}", self.name)
    }

    pub fn location(&self) -> String {
        format!("s3://{}/{}", self.bucket(), self.prefix())
    }

    /// Its name in the catalog, by which datasets with a symlink are known.
    pub fn table(&self) -> String {
        format!("glue:{ACCOUNT}/{}.{}", self.database(), self.name)
    }

    pub fn database(&self) -> String {
        let owner = if self.tenant == PLATFORM { "shared" } else { self.tenant };
        format!("{owner}_{}", self.layer.word())
    }

    /// Column names and Glue types.
    pub fn columns(&self) -> &'static [(&'static str, &'static str)] {
        columns_of(self.name)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    Airflow,
    Glue,
    Dbt,
}

impl Tool {
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Airflow => "airflow-prod",
            Self::Glue => "glue-prod",
            Self::Dbt => "dbt-prod",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub tenant: &'static str,
    pub tool: Tool,
    /// Without the tenant: `clean_sales`.
    pub name: &'static str,
    pub inputs: Vec<Dataset>,
    pub outputs: Vec<Dataset>,
    /// Hours of the day (UTC) at which it starts.
    pub hours: &'static [u32],
    pub minutes_long: i64,
}

impl Job {
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.tenant, self.name)
    }
}

const RAW: [(&str, u64); 10] = [
    ("orders", 48_000),
    ("order_lines", 151_000),
    ("customers", 12_400),
    ("products", 3_100),
    ("stores", 240),
    ("inventory", 74_000),
    ("payments", 46_500),
    ("shipments", 39_000),
    ("web_events", 820_000),
    ("support_tickets", 1_900),
];

const ANALYTICS: [(&str, u64); 10] = [
    ("sales_daily", 240),
    ("sales_monthly", 2_880),
    ("product_margin", 3_100),
    ("store_performance", 240),
    ("customer_360", 12_400),
    ("funnel", 720),
    ("churn_risk", 12_400),
    ("stock_forecast", 22_000),
    ("delivery_times", 1_440),
    ("cash_flow", 365),
];

/// Every dataset, job and instant of the demo.
#[derive(Debug, Clone)]
pub struct Lake {
    /// The top of the hour up to which the lake has a history.
    pub now: DateTime<Utc>,
    pub days: i64,
    pub datasets: Vec<Dataset>,
    pub jobs: Vec<Job>,
    seed: u64,
}

impl Lake {
    pub fn new(seed: u64, now: DateTime<Utc>, days: i64) -> Self {
        let datasets: Vec<Dataset> = TENANTS.into_iter().flat_map(datasets_of).chain(datasets_of_platform()).collect();
        let mut lake = Self {
            now: now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now),
            days,
            datasets,
            jobs: Vec::new(),
            seed,
        };
        lake.jobs = TENANTS.into_iter().flat_map(|tenant| lake.jobs_of(tenant)).collect();
        lake.jobs.extend(lake.jobs_of_platform());
        lake
    }

    /// Randomness of one part of the generator: parts do not disturb each other's.
    pub fn random(&self, part: &str) -> ChaCha8Rng {
        let salt = part.bytes().fold(self.seed, |sum, byte| sum.wrapping_mul(1_099_511_628_211) ^ u64::from(byte));
        ChaCha8Rng::seed_from_u64(salt)
    }

    /// An id that is the same for the same words.
    pub fn id(&self, words: &str) -> Uuid {
        Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("lakewarden-demo/{}/{words}", self.seed).as_bytes())
    }

    pub fn days_ago(&self, days: i64, hour: u32, minute: u32) -> DateTime<Utc> {
        let day = (self.now - TimeDelta::days(days)).date_naive();
        day.and_hms_opt(hour, minute, 0).expect("an hour below 24 and a minute below 60").and_utc()
    }

    pub fn dataset(&self, tenant: &str, layer: Layer, name: &str) -> Dataset {
        let found = self.datasets.iter().find(|set| set.tenant == tenant && set.layer == layer && set.name == name);
        found.unwrap_or_else(|| panic!("the demo has no dataset {tenant} {layer:?} {name}")).clone()
    }

    /// Starts of a job's runs within the history, oldest first.
    pub fn starts(&self, job: &Job) -> Vec<DateTime<Utc>> {
        let hours = job.hours;
        let days = (0..=self.days).rev();
        days.flat_map(|day| hours.iter().map(move |hour| self.days_ago(day, *hour, 5)))
            .filter(|start| *start < self.now - TimeDelta::minutes(job.minutes_long))
            .filter(|start| *start > self.now - TimeDelta::days(self.days))
            .collect()
    }

    fn jobs_of(&self, tenant: &'static str) -> Vec<Job> {
        let pick =
            |layer, names: &[&str]| names.iter().map(|name| self.dataset(tenant, layer, name)).collect::<Vec<_>>();
        let sales = ["orders", "order_lines", "payments"];
        let master = ["customers", "products", "stores"];
        let operations = ["inventory", "shipments", "web_events", "support_tickets"];
        let job = |tool, name, inputs, outputs, hours, minutes_long| Job {
            tenant,
            tool,
            name,
            inputs,
            outputs,
            hours,
            minutes_long,
        };
        let clean = |name, subjects: &[&str], hours| {
            job(Tool::Glue, name, pick(Layer::Raw, subjects), pick(Layer::Processed, subjects), hours, 22)
        };
        let mart = |name, inputs: &[&str], outputs: &[&str]| {
            job(Tool::Dbt, name, pick(Layer::Processed, inputs), pick(Layer::Analytics, outputs), &[5], 9)
        };
        let landed: Vec<&str> = RAW.iter().map(|(name, _)| *name).collect();
        vec![
            job(Tool::Airflow, "daily", Vec::new(), Vec::new(), &[1], 290),
            job(Tool::Airflow, "daily.land_files", Vec::new(), pick(Layer::Raw, &landed), &[1, 13], 35),
            clean("clean_sales", &sales, &[2, 14]),
            clean("clean_master", &master, &[2, 14]),
            clean("clean_operations", &operations, &[3, 15]),
            mart(
                "mart_sales",
                &["orders", "order_lines", "products", "stores"],
                &["sales_daily", "sales_monthly", "product_margin", "store_performance"],
            ),
            mart(
                "mart_customers",
                &["customers", "orders", "web_events", "support_tickets"],
                &["customer_360", "funnel", "churn_risk"],
            ),
            mart(
                "mart_operations",
                &["inventory", "shipments", "payments"],
                &["stock_forecast", "delivery_times", "cash_flow"],
            ),
        ]
    }

    fn jobs_of_platform(&self) -> Vec<Job> {
        let set = |layer, name| vec![self.dataset(PLATFORM, layer, name)];
        let job = |tool, name, inputs, outputs| Job {
            tenant: PLATFORM,
            tool,
            name,
            inputs,
            outputs,
            hours: &[0],
            minutes_long: 12,
        };
        vec![
            job(Tool::Airflow, "reference_load", Vec::new(), set(Layer::Raw, "exchange_rates")),
            job(
                Tool::Glue,
                "reference_clean",
                set(Layer::Raw, "exchange_rates"),
                set(Layer::Processed, "exchange_rates"),
            ),
            job(
                Tool::Dbt,
                "usage_rollup",
                set(Layer::Processed, "exchange_rates"),
                set(Layer::Analytics, "platform_usage"),
            ),
        ]
    }
}

fn datasets_of(tenant: &'static str) -> Vec<Dataset> {
    let set =
        |layer, (name, rows): (&'static str, u64)| Dataset { tenant, layer, name, rows: rows * size_of(tenant) / 10 };
    let raw = RAW.into_iter().map(|subject| set(Layer::Raw, subject));
    let processed = RAW.into_iter().map(|subject| set(Layer::Processed, subject));
    raw.chain(processed).chain(ANALYTICS.into_iter().map(|subject| set(Layer::Analytics, subject))).collect()
}

fn datasets_of_platform() -> Vec<Dataset> {
    let set = |layer, name, rows| Dataset { tenant: PLATFORM, layer, name, rows };
    vec![
        set(Layer::Raw, "exchange_rates", 170),
        set(Layer::Processed, "exchange_rates", 170),
        set(Layer::Processed, "benchmark_pool", 70_000),
        set(Layer::Analytics, "platform_usage", 720),
    ]
}

/// Tenths of a usual tenant: customers are not all of one size.
pub fn size_of(tenant: &str) -> u64 {
    match tenant {
        "acme" => 28,
        "globex" => 17,
        "hooli" => 22,
        "stark" => 13,
        "initech" | "wayne" => 6,
        _ => 9,
    }
}

fn columns_of(name: &str) -> &'static [(&'static str, &'static str)] {
    match name {
        "orders" => &[
            ("order_id", "bigint"),
            ("customer_id", "bigint"),
            ("store_id", "int"),
            ("ordered_at", "timestamp"),
            ("total", "decimal(12,2)"),
            ("currency", "string"),
        ],
        "order_lines" => &[
            ("order_id", "bigint"),
            ("line", "int"),
            ("product_id", "bigint"),
            ("quantity", "int"),
            ("price", "decimal(12,2)"),
        ],
        "customers" => &[
            ("customer_id", "bigint"),
            ("name", "string"),
            ("email", "string"),
            ("country", "string"),
            ("since", "date"),
        ],
        "products" => {
            &[("product_id", "bigint"), ("title", "string"), ("category", "string"), ("cost", "decimal(12,2)")]
        }
        "stores" => &[("store_id", "int"), ("city", "string"), ("country", "string"), ("opened_on", "date")],
        "inventory" => {
            &[("store_id", "int"), ("product_id", "bigint"), ("on_hand", "int"), ("counted_at", "timestamp")]
        }
        "payments" => &[
            ("payment_id", "bigint"),
            ("order_id", "bigint"),
            ("method", "string"),
            ("amount", "decimal(12,2)"),
            ("paid_at", "timestamp"),
        ],
        "shipments" => &[
            ("shipment_id", "bigint"),
            ("order_id", "bigint"),
            ("carrier", "string"),
            ("sent_at", "timestamp"),
            ("arrived_at", "timestamp"),
        ],
        "web_events" => {
            &[("event_id", "string"), ("customer_id", "bigint"), ("page", "string"), ("occurred_at", "timestamp")]
        }
        "support_tickets" => &[
            ("ticket_id", "bigint"),
            ("customer_id", "bigint"),
            ("topic", "string"),
            ("opened_at", "timestamp"),
            ("closed_at", "timestamp"),
        ],
        "sales_daily" => &[("day", "date"), ("store_id", "int"), ("orders", "bigint"), ("total", "decimal(14,2)")],
        "sales_monthly" => &[("month", "date"), ("category", "string"), ("total", "decimal(14,2)")],
        "product_margin" => {
            &[("product_id", "bigint"), ("revenue", "decimal(14,2)"), ("cost", "decimal(14,2)"), ("margin", "double")]
        }
        "store_performance" => &[("store_id", "int"), ("total", "decimal(14,2)"), ("rank", "int")],
        "customer_360" => &[
            ("customer_id", "bigint"),
            ("email", "string"),
            ("orders", "bigint"),
            ("tickets", "bigint"),
            ("last_seen_at", "timestamp"),
        ],
        "funnel" => &[("day", "date"), ("step", "string"), ("customers", "bigint")],
        "churn_risk" => &[("customer_id", "bigint"), ("risk", "double")],
        "stock_forecast" => &[("store_id", "int"), ("product_id", "bigint"), ("day", "date"), ("expected", "double")],
        "delivery_times" => &[("carrier", "string"), ("day", "date"), ("median_hours", "double")],
        "cash_flow" => &[("day", "date"), ("paid_in", "decimal(14,2)"), ("paid_out", "decimal(14,2)")],
        "exchange_rates" => &[("day", "date"), ("currency", "string"), ("rate", "double")],
        _ => &[("id", "bigint"), ("measure", "string"), ("amount", "double")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lake() -> Lake {
        Lake::new(7, "2026-11-22T12:34:56Z".parse().unwrap(), 30)
    }

    #[test]
    fn the_lake_is_as_large_as_promised() {
        let lake = lake();
        assert!(lake.datasets.len() > 200, "{}", lake.datasets.len());
        assert!(lake.jobs.len() >= 59, "{}", lake.jobs.len());
        assert_eq!(lake.now.to_rfc3339(), "2026-11-22T12:00:00+00:00");
    }

    #[test]
    fn runs_cover_thirty_days_and_end_before_now() {
        let lake = lake();
        for job in &lake.jobs {
            let starts = lake.starts(job);
            assert!(starts.len() >= 29, "{}: {}", job.full_name(), starts.len());
            assert!(starts.iter().all(|start| *start + TimeDelta::minutes(job.minutes_long) < lake.now));
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_ids_and_another_seed_others() {
        let other = Lake::new(8, lake().now, 30);
        assert_eq!(lake().id("run"), lake().id("run"));
        assert_ne!(lake().id("run"), other.id("run"));
    }
}
