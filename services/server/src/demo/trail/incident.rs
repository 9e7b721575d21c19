//! What goes wrong on the access plane, on purpose: one entry for each policy of `policies/isolation/access.cedar`.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::record::{Call, Principal, Request, Signing};
use super::traffic::{key_of, object_key};
use crate::demo::lake::{ACCOUNT, Dataset, LEGAL_HOLD, Lake, Layer, OFFBOARDED, PLATFORM, REGION};
use crate::demo::planted::{Planted, Stream};

/// A planted breach and the calls that are it.
#[derive(Debug)]
pub struct Incident {
    pub planted: Planted,
    pub calls: Vec<Call>,
}

pub fn all(lake: &Lake) -> Vec<Incident> {
    [objects(lake), strangers(lake), other_services(lake), controls(lake)].into_iter().flatten().collect()
}

/// When an incident happened and how often.
#[derive(Clone, Copy)]
struct When {
    days_ago: i64,
    hour: u32,
    times: i64,
}

fn role(tenant: &str, duty: &str, session: &str) -> Principal {
    Principal::Role { account: ACCOUNT, role: format!("{tenant}-{duty}"), session: session.to_owned() }
}

fn incident(
    lake: &Lake,
    planted: Planted,
    when: When,
    principal: &Principal,
    request: impl Fn(i64) -> Request,
) -> Incident {
    let start = lake.days_ago(when.days_ago, when.hour, 11);
    let call = |time: i64| Call {
        at: start + TimeDelta::seconds(time * 7),
        principal: principal.clone(),
        request: request(time),
        denied: false,
    };
    Incident { planted, calls: (0..when.times).map(call).collect() }
}

fn object(event: &'static str, set: &Dataset, part: i64, signing: Signing, lake: &Lake) -> Request {
    let key = object_key(set, lake.now - TimeDelta::days(40), part as u32);
    Request::Object { event, bucket: set.bucket(), key, bytes: 31_000_000, signing }
}

fn objects(lake: &Lake) -> Vec<Incident> {
    let at = |days_ago, hour, times| When { days_ago, hour, times };
    let plant = |policy, set: &Dataset, what: &str| Planted::new(Stream::Trail, policy, set.location(), what);
    let raw = |tenant, name| lake.dataset(tenant, Layer::Raw, name);
    let processed = |tenant, name| lake.dataset(tenant, Layer::Processed, name);
    let (read, written, refused) =
        (raw("globex", "customers"), processed("initech", "orders"), raw("stark", "payments"));
    let (held, presigned, old) =
        (raw(LEGAL_HOLD, "support_tickets"), processed("hooli", "payments"), raw("wayne", "inventory"));
    let archive = raw("wayne", "customers");
    let mut denied = incident(
        lake,
        plant("access-cross-tenant-denied", &refused, "hooli-analyst was refused 23 times at stark's payments"),
        at(4, 16, 23),
        &role("hooli", "analyst", "deepak@hooli.example"),
        |part| object("GetObject", &refused, part, Signing::Header, lake),
    );
    denied.calls.iter_mut().for_each(|call| call.denied = true);
    vec![
        incident(
            lake,
            plant("access-cross-tenant-read", &read, "acme-etl read globex's customers 42 times in one night"),
            at(3, 2, 42),
            &role("acme", "etl", "GlueJobRunnerSession-13"),
            |part| object("GetObject", &read, part, Signing::Header, lake),
        ),
        incident(
            lake,
            plant("access-cross-tenant-read", &archive, "stark-reader browsed wayne's customers of 2019"),
            at(9, 10, 6),
            &role("stark", "reader", "elif@stark.example"),
            |part| Request::Object {
                event: "GetObject",
                bucket: archive.bucket(),
                key: format!("wayne/customers/2019/part-{part:05}.csv"),
                bytes: 1_200_000,
                signing: Signing::Header,
            },
        ),
        incident(
            lake,
            plant("access-cross-tenant-write", &written, "globex-etl wrote three files into initech's orders"),
            at(6, 3, 3),
            &role("globex", "etl", "GlueJobRunnerSession-2"),
            |part| object("PutObject", &written, part, Signing::Header, lake),
        ),
        denied,
        incident(
            lake,
            plant("access-legal-hold-delete", &held, "umbrella-etl deleted eight files that are under legal hold"),
            at(8, 4, 8),
            &role(LEGAL_HOLD, "etl", "GlueJobRunnerSession-31"),
            |part| object("DeleteObject", &held, part, Signing::Header, lake),
        ),
        incident(
            lake,
            plant("access-presigned-url", &presigned, "hooli's payments were fetched through a presigned URL"),
            at(5, 14, 4),
            &role("hooli", "reader", "farid@hooli.example"),
            |part| object("GetObject", &presigned, part, Signing::Presigned, lake),
        ),
        incident(
            lake,
            plant(
                "access-insecure-transport",
                &old,
                "wayne-reader fetched inventory with Signature Version 2 and without TLS",
            ),
            at(7, 9, 5),
            &role("wayne", "reader", "amara@wayne.example"),
            |part| object("GetObject", &old, part, Signing::Old, lake),
        ),
    ]
}

fn strangers(lake: &Lake) -> Vec<Incident> {
    let at = |days_ago, hour, times| When { days_ago, hour, times };
    let plant = |policy, set: &Dataset, what: &str| Planted::new(Stream::Trail, policy, set.location(), what);
    let processed = |tenant, name| lake.dataset(tenant, Layer::Processed, name);
    let get = |set: Dataset| move |part| object("GetObject", &set, part, Signing::Header, lake);
    let (notebook, public, foreign) =
        (processed("acme", "payments"), processed("wayne", "stores"), processed("hooli", "customers"));
    let (sealed, keyed) = (processed("globex", "payments"), processed("stark", "inventory"));
    let left = Dataset { tenant: OFFBOARDED, layer: Layer::Raw, name: "orders", rows: 1_000 };
    let session = |account, role: &str, session: &str| Principal::Role {
        account,
        role: role.to_owned(),
        session: session.to_owned(),
    };
    vec![
        incident(
            lake,
            plant(
                "access-unattributed-principal",
                &notebook,
                "the role dev-notebook, which is nobody's, read acme's payments",
            ),
            at(2, 15, 17),
            &session(ACCOUNT, "dev-notebook", "jupyter"),
            get(notebook.clone()),
        ),
        incident(
            lake,
            plant("access-anonymous", &public, "somebody without credentials read wayne's stores"),
            at(1, 21, 9),
            &Principal::Anonymous,
            get(public.clone()),
        ),
        incident(
            lake,
            plant("access-foreign-account", &foreign, "an account outside the organisation read hooli's customers"),
            at(11, 22, 12),
            &session("999988887777", "data-sync", "nightly"),
            get(foreign.clone()),
        ),
        incident(
            lake,
            plant("access-root-user", &sealed, "the root user opened globex's payments in the console"),
            at(10, 18, 2),
            &Principal::Root,
            get(sealed.clone()),
        ),
        incident(
            lake,
            plant(
                "access-long-lived-key",
                &keyed,
                "the user stark-upload reads stark's inventory with a key that never expires",
            ),
            at(12, 6, 30),
            &Principal::User { name: "stark-upload".to_owned() },
            get(keyed.clone()),
        ),
        incident(
            lake,
            plant("access-offboarded-tenant", &left, "wonka-reader still reads although wonka has left"),
            at(2, 12, 3),
            &role(OFFBOARDED, "reader", "benoit@wonka.example"),
            get(left.clone()),
        ),
    ]
}

fn other_services(lake: &Lake) -> Vec<Incident> {
    let at = |days_ago, hour, times| When { days_ago, hour, times };
    let plant = |policy, place: String, what: &str| Planted::new(Stream::Trail, policy, place, what);
    let vended = lake.dataset("wayne", Layer::Analytics, "customer_360");
    let protected = lake.dataset("initech", Layer::Processed, "payments");
    let encrypted =
        format!("arn:aws:s3:::{}/{}", protected.bucket(), object_key(&protected, lake.now - TimeDelta::days(40), 3));
    let query = |tenant: &str, workgroup: &str, output: &str| Request::Query {
        workgroup: workgroup.to_owned(),
        database: format!("{tenant}_analytics"),
        output: format!("s3://lake-athena-results/{output}/"),
        sql: format!("select customer_id, email from {tenant}_analytics.customer_360"),
    };
    let role_arn = |name: &str| format!("arn:aws:iam::{ACCOUNT}:role/{name}");
    vec![
        incident(
            lake,
            plant(
                "access-cross-tenant-vend",
                format!("glue:{ACCOUNT}/{}.{}", vended.database(), vended.name),
                "Lake Formation handed initech-analyst credentials for wayne's customer_360",
            ),
            at(4, 11, 5),
            &role("initech", "analyst", "chiara@initech.example"),
            |_| Request::Vend { database: vended.database(), table: vended.name.to_owned() },
        ),
        incident(
            lake,
            plant("access-cross-tenant-decrypt", protected.location(), "acme-analyst used initech's key"),
            at(5, 9, 4),
            &role("acme", "analyst", "amara@acme.example"),
            |_| Request::Decrypt { key: key_of("initech"), object: encrypted.clone() },
        ),
        incident(
            lake,
            plant(
                "access-query-output-elsewhere",
                format!("athena:{ACCOUNT}/globex"),
                "globex-analyst let a query's result be written into acme's area",
            ),
            at(6, 13, 2),
            &role("globex", "analyst", "farid@globex.example"),
            |_| query("globex", "globex", "acme"),
        ),
        incident(
            lake,
            plant(
                "access-query-wrong-workgroup",
                format!("athena:{ACCOUNT}/hooli"),
                "stark-analyst ran queries in hooli's workgroup",
            ),
            at(3, 13, 3),
            &role("stark", "analyst", "elif@stark.example"),
            |_| query("stark", "hooli", "stark"),
        ),
        incident(
            lake,
            plant("access-cross-tenant-assume", role_arn("wayne-etl"), "initech-etl assumed wayne's role"),
            at(6, 1, 2),
            &role("initech", "etl", "GlueJobRunnerSession-8"),
            |_| Request::Assume { role: "wayne-etl".to_owned(), session: "handover".to_owned(), tag: None },
        ),
        incident(
            lake,
            plant("access-session-tag-forged", role_arn("hooli-analyst"), "hooli-analyst tagged a session as globex"),
            at(7, 17, 2),
            &role("hooli", "analyst", "deepak@hooli.example"),
            |_| Request::Assume {
                role: "hooli-analyst".to_owned(),
                session: "deepak".to_owned(),
                tag: Some("globex".to_owned()),
            },
        ),
    ]
}

fn controls(lake: &Lake) -> Vec<Incident> {
    let at = |days_ago, hour| When { days_ago, hour, times: 1 };
    let other =
        |service, event, parameters: Value| move |_| Request::Other { service, event, parameters: parameters.clone() };
    let trail = format!("arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/lake-audit");
    let plant = |policy, place: &str, what: &str| Planted::new(Stream::Trail, policy, place, what);
    vec![
        incident(
            lake,
            plant("access-audit-trail-tampered", &trail, "platform-etl stopped the trail for a while"),
            at(10, 23),
            &role(PLATFORM, "etl", "maintenance"),
            other("cloudtrail", "StopLogging", json!({"name": trail})),
        ),
        incident(
            lake,
            plant(
                "access-guard-changed-by-tenant",
                "s3://lake-processed",
                "umbrella-etl rewrote the policy of the processed bucket",
            ),
            at(8, 5),
            &role("umbrella", "etl", "GlueJobRunnerSession-31"),
            other(
                "s3",
                "PutBucketPolicy",
                json!({"bucketName": "lake-processed", "Host": format!("lake-processed.s3.{REGION}.amazonaws.com")}),
            ),
        ),
    ]
}
