//! How long "whose is it?" takes with 10,000 tenants and 100,000 rules. The figure to hold: 5 µs an asset.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, Throughput};
use lakewarden_tenancy::{AssetRef, Owner, Ownership};

const TENANTS: usize = 10_000;
const EXPLICIT_PER_TENANT: usize = 9;
const BUCKET_CONVENTIONS: usize = 9_980;

fn file() -> String {
    let mut text = String::from("[platform]\naccounts = [\"111122223333\"]\nroles = [\"platform-*\"]\n");
    for tenant in 0..TENANTS {
        let _ = write!(text, "[[tenant]]\nslug = \"tenant{tenant}\"\nname = \"Tenant {tenant}\"\n");
    }
    text.push_str("[[convention.s3]]\npattern = \"s3://lake-{layer}/{tenant}/…\"\n");
    for bucket in 0..BUCKET_CONVENTIONS {
        let _ = write!(text, "[[convention.s3]]\npattern = \"s3://site-{bucket}/{{layer}}/in/{{tenant}}/…\"\n");
    }
    for (kind, pattern) in [
        ("glue", "{tenant}_{layer}"),
        ("role", "{tenant}-etl"),
        ("role", "{tenant}-analyst"),
        ("role", "{tenant}-reader"),
    ] {
        let _ = write!(text, "[[convention.{kind}]]\npattern = \"{pattern}\"\n");
    }
    text.push_str("[[convention.job]]\nnamespace = \"airflow-prod\"\nname = \"{tenant}.{rest}\"\n");
    for entry in 0..TENANTS * EXPLICIT_PER_TENANT {
        let (tenant, number) = (entry / EXPLICIT_PER_TENANT, entry % EXPLICIT_PER_TENANT);
        let _ = write!(
            text,
            "[[own]]\nasset = \"s3://lake-raw/shared/area{number}/from/tenant{tenant}/\"\nowner = \"tenant{tenant}\"\n"
        );
    }
    text
}

/// Assets of every kind, deep keys and misses among them, over all tenants.
fn assets() -> Vec<String> {
    (0..TENANTS)
        .flat_map(|tenant| {
            [
                format!("s3://lake-raw/tenant{tenant}/2026/11/22/part-{tenant}.parquet"),
                format!("s3://lake-raw/shared/area{}/from/tenant{tenant}/a/b/c.csv", tenant % EXPLICIT_PER_TENANT),
                format!("s3://site-{}/raw/in/tenant{tenant}/x.csv", tenant % BUCKET_CONVENTIONS),
                format!("s3://lake-raw/nobody{tenant}/x.csv"),
                format!("glue:111122223333/tenant{tenant}_analytics.orders"),
                format!("role:111122223333/tenant{tenant}-reader"),
                format!("job:airflow-prod|tenant{tenant}.load.step"),
                format!("dataset:s3://lake-processed|tenant{tenant}/orders"),
            ]
        })
        .collect()
}

fn main() {
    let text = file();
    let began = Instant::now();
    let ownership = Ownership::parse(&text).expect("the generated file is valid");
    println!(
        "ownership: {} tenants, {} rules, compiled in {} ms",
        ownership.tenants().len(),
        ownership.rules().len(),
        began.elapsed().as_millis()
    );
    let texts = assets();
    let assets: Vec<AssetRef<'_>> = texts.iter().map(|text| AssetRef::parse(text).expect("an asset")).collect();
    let owned = assets.iter().filter(|asset| ownership.of(asset).owner != Owner::Unowned).count();
    assert_eq!(owned, assets.len() / 8 * 7, "every asset but one in eight has an owner");

    let began = Instant::now();
    for asset in &assets {
        black_box(ownership.of(black_box(asset)));
    }
    let each = began.elapsed().as_nanos() as f64 / assets.len() as f64 / 1_000.0;
    println!("ownership: {each:.2} µs an asset over {} assets (to hold: 5 µs)", assets.len());

    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    let mut group = criterion.benchmark_group("ownership");
    group.throughput(Throughput::Elements(assets.len() as u64));
    group.bench_function("of", |bencher| {
        bencher.iter(|| assets.iter().filter(|asset| ownership.of(asset).owner == Owner::Unowned).count());
    });
    group.finish();
    criterion.final_summary();
}
