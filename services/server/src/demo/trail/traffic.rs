//! The lake's daily traffic: jobs at night, people by day, every principal at its own tenant's data.

use chrono::{DateTime, Datelike as _, TimeDelta, Timelike as _, Utc, Weekday};
use rand::Rng as _;
use rand::seq::IndexedRandom as _;
use rand_chacha::ChaCha8Rng;

use super::record::{Call, Principal, Request, Signing};
use crate::demo::lake::{ACCOUNT, Dataset, Lake, PLATFORM, REGION, TENANTS, size_of};

const PEOPLE: [&str; 6] = ["amara", "benoit", "chiara", "deepak", "elif", "farid"];

/// How busy an hour is.
pub fn weight(hour: DateTime<Utc>) -> f64 {
    let weekend = matches!(hour.weekday(), Weekday::Sat | Weekday::Sun);
    match hour.hour() {
        1..=5 => 1.6,
        8..=17 if weekend => 0.5,
        8..=17 => 1.3,
        _ => 0.6,
    }
}

/// One call within the hour that begins at `from`.
pub fn call(lake: &Lake, from: DateTime<Utc>, random: &mut ChaCha8Rng) -> Call {
    let at = from + TimeDelta::seconds(random.random_range(0..3600));
    let tenant = pick_tenant(random);
    let is_job = !(8..=17).contains(&from.hour()) || random.random_ratio(1, 2);
    let principal = if is_job { job_of(tenant, random) } else { person_of(tenant, random) };
    let own: Vec<&Dataset> = lake.datasets.iter().filter(|set| set.tenant == tenant).collect();
    let set = own.choose(random).copied().unwrap_or(&lake.datasets[0]);
    Call { at, principal, request: request(set, is_job, at, random), denied: false }
}

fn pick_tenant(random: &mut ChaCha8Rng) -> &'static str {
    if random.random_ratio(1, 25) {
        return PLATFORM;
    }
    TENANTS.choose_weighted(random, |tenant| size_of(tenant)).copied().unwrap_or(TENANTS[0])
}

fn job_of(tenant: &str, random: &mut ChaCha8Rng) -> Principal {
    let role = format!("{tenant}-etl");
    Principal::Role { account: ACCOUNT, role, session: format!("GlueJobRunnerSession-{}", random.random_range(1..40)) }
}

pub fn person_of(tenant: &str, random: &mut ChaCha8Rng) -> Principal {
    if tenant == PLATFORM {
        return job_of(tenant, random);
    }
    let person = PEOPLE.choose(random).copied().unwrap_or(PEOPLE[0]);
    let duty = if random.random_ratio(1, 3) { "reader" } else { "analyst" };
    Principal::Role {
        account: ACCOUNT,
        role: format!("{tenant}-{duty}"),
        session: format!("{person}@{tenant}.example"),
    }
}

pub fn object_key(set: &Dataset, at: DateTime<Utc>, part: u32) -> String {
    format!("{}/dt={}/part-{part:05}-c000.snappy.parquet", set.prefix(), at.format("%Y-%m-%d"))
}

fn request(set: &Dataset, is_job: bool, at: DateTime<Utc>, random: &mut ChaCha8Rng) -> Request {
    let key = object_key(set, at, random.random_range(0..64));
    let bytes = random.random_range(20_000..90_000_000);
    let object = |event, bytes| Request::Object {
        event,
        bucket: set.bucket(),
        key: key.clone(),
        bytes,
        signing: Signing::Header,
    };
    let workgroup = if set.tenant == PLATFORM { "platform".to_owned() } else { set.tenant.to_owned() };
    match (random.random_range(0..100), is_job) {
        (55..=59, _) => object("HeadObject", 0),
        (60..=74, true) => object("PutObject", bytes),
        (75, true) if set.tenant != crate::demo::lake::LEGAL_HOLD => object("DeleteObject", 0),
        (60..=70, false) => Request::Query {
            output: format!("s3://lake-athena-results/{}/", set.tenant),
            sql: format!("select * from {}.{} limit 100", set.database(), set.name),
            workgroup,
            database: set.database(),
        },
        (71..=77, false) => Request::Vend { database: set.database(), table: set.name.to_owned() },
        (78..=85, _) => Request::List { bucket: set.bucket(), prefix: format!("{}/", set.prefix()) },
        (86..=91, _) => Request::Table { event: "GetTable", database: set.database(), table: set.name.to_owned() },
        (92..=93, true) => {
            Request::Table { event: "GetPartitions", database: set.database(), table: set.name.to_owned() }
        }
        (94..=96, _) => {
            Request::Decrypt { key: key_of(set.tenant), object: format!("arn:aws:s3:::{}/{key}", set.bucket()) }
        }
        (97, true) => Request::Assume { role: format!("{}-etl", set.tenant), session: "nightly".to_owned(), tag: None },
        // Reading is most of what happens in a lake.
        _ => object("GetObject", bytes),
    }
}

/// The key with which a tenant's objects are encrypted.
pub fn key_of(tenant: &str) -> String {
    format!("arn:aws:kms:{REGION}:{ACCOUNT}:alias/lake-{tenant}")
}
