//! What `tenants.toml` means, by example.

use lakewarden_core::{Layer, TenantId};

use crate::{AssetRef, Owner, Ownership};

const FILE: &str = r#"
[layers]
raw = ["landing"]
[platform]
accounts = ["111122223333"]
roles = ["platform-*"]
[[tenant]]
slug = "tenant1"
name = "One"
aliases = ["T-ONE"]
accounts = ["444455556666"]
[[tenant]]
slug = "tenant10"
name = "Ten"
[[convention.s3]]
pattern = "s3://lake-{layer}/{tenant}/…"
[[convention.glue]]
pattern = "{tenant}_{layer}"
[[convention.role]]
pattern = "{tenant}-etl"
[[convention.job]]
namespace = "airflow-prod"
name = "{tenant}.{rest}"
[[convention.dataset]]
namespace = "postgres://*"
name = "{tenant}.{rest}"
[[convention.principal_tag]]
key = "tenant"
[[own]]
asset = "s3://lake-raw/tenant1/shared/"
owner = "platform"
[[own]]
asset = "s3://lake-raw/tenant1/shared/ten/"
owner = "tenant10"
layer = "processed"
[[own]]
asset = "s3://lake-raw"
owner = "platform"
[[own]]
asset = "glue:111122223333/tenant1_raw.handed_over"
owner = "tenant10"
[[own]]
asset = "dataset:kafka://broker:9092|orders"
owner = "tenant1"
[[own]]
asset = "role:999988887777/partner"
owner = "tenant10"
"#;

fn ownership() -> Ownership {
    Ownership::parse(FILE).unwrap()
}

/// `tenant1 raw`, `platform`, `-`.
fn answer(asset: &str) -> String {
    let ownership = ownership();
    let owned = ownership.of(&AssetRef::parse(asset).unwrap());
    let owner = match owned.owner {
        Owner::Tenant(id) => ownership.tenant(id).unwrap().slug.clone(),
        Owner::Platform => "platform".to_owned(),
        Owner::Unowned => "-".to_owned(),
    };
    owned.layer.map_or(owner.clone(), |layer| format!("{owner} {layer}"))
}

#[test]
fn paths_are_matched_by_segment() {
    for (asset, expected) in [
        ("s3://lake-raw/tenant1/x.csv", "tenant1 raw"),
        ("s3://lake-raw/tenant10/x.csv", "tenant10 raw"),
        ("s3://lake-landing/tenant1/a/b/c", "tenant1 raw"),
        ("s3://lake-raw/tenant1", "tenant1 raw"),
        ("s3://lake-raw/T-ONE/x", "tenant1 raw"),
        ("s3://lake-raw/tenant1x/x", "-"),
        ("s3://lake-raw/tenant", "-"),
        ("s3://lake-raw/Tenant1/x", "-"),
        ("s3://lake-raw//tenant1/x", "-"),
        ("s3://lake-gold/tenant1/x", "-"),
        ("s3://xlake-raw/tenant1/x", "-"),
    ] {
        assert_eq!(answer(asset), expected, "{asset}");
    }
}

#[test]
fn a_path_is_decoded_once_and_dots_decide_nothing() {
    for (asset, expected) in [
        ("s3://lake-raw/tenant1%2Fx.csv", "tenant1 raw"),
        ("s3://lake-raw/tenant%31/x", "tenant1 raw"),
        ("s3://lake-raw/tenant%2531/x", "-"),
        ("s3://lake-raw/tenant1/100%", "tenant1 raw"),
        ("s3://lake-raw/tenant1/%zz", "tenant1 raw"),
        ("s3://lake-raw/tenant1/../tenant10/x", "-"),
        ("s3://lake-raw/tenant1/%2e%2e/tenant10/x", "-"),
        ("s3://lake-raw/tenant1/..", "-"),
        ("s3://lake-raw/tenant1/a..b/c.d", "tenant1 raw"),
    ] {
        assert_eq!(answer(asset), expected, "{asset}");
    }
}

#[test]
fn explicit_entries_win_and_the_longest_of_them() {
    for (asset, expected) in [
        ("s3://lake-raw", "platform"),
        ("s3://lake-raw/other", "-"),
        ("s3://lake-raw/tenant1/shared/x", "platform"),
        ("s3://lake-raw/tenant1/shared/ten/x", "tenant10 processed"),
        ("s3://lake-raw/tenant1/shared/tent/x", "platform"),
        ("glue:111122223333/tenant1_raw.handed_over", "tenant10"),
        ("glue:tenant1_raw.HANDED_OVER", "tenant10"),
        ("glue:111122223333/tenant1_raw.orders", "tenant1 raw"),
        ("glue:111122223333/TENANT1_RAW", "tenant1 raw"),
    ] {
        assert_eq!(answer(asset), expected, "{asset}");
    }
}

#[test]
fn names_hold_in_the_platforms_accounts_only() {
    for (asset, expected) in [
        ("role:111122223333/tenant1-etl", "tenant1"),
        ("role:tenant1-etl", "tenant1"),
        ("role:999988887777/tenant1-etl", "-"),
        ("role:999988887777/partner", "tenant10"),
        ("role:444455556666/tenant10-etl", "tenant1"),
        ("role:444455556666/platform-admin", "tenant1"),
        ("role:111122223333/platform-admin", "platform"),
        ("role:999988887777/platform-admin", "-"),
        ("glue:999988887777/tenant1_raw", "-"),
        ("account:444455556666", "tenant1"),
        ("account:111122223333", "platform"),
        ("account:999988887777", "-"),
    ] {
        assert_eq!(answer(asset), expected, "{asset}");
    }
    assert!(ownership().is_platform_principal("platform-etl"));
    assert!(!ownership().is_platform_principal("tenant1-etl"));
}

#[test]
fn datasets_are_judged_by_where_they_lie() {
    for (asset, expected) in [
        ("dataset:s3://lake-raw|tenant1/orders", "tenant1 raw"),
        ("dataset:s3a://lake-raw|/tenant1/orders", "tenant1 raw"),
        ("dataset:s3n://lake-raw/|tenant1/orders", "tenant1 raw"),
        ("dataset:spark|s3://lake-raw/tenant10/orders", "tenant10 raw"),
        ("dataset:s3://lake-raw/tenant1|orders", "-"),
        ("dataset:arn:aws:glue:eu-west-1:111122223333|table/tenant1_raw/orders", "tenant1 raw"),
        ("dataset:arn:aws:glue:eu-west-1:999988887777|table/tenant1_raw/orders", "-"),
        ("dataset:awsathena://athena.eu-west-1.amazonaws.com|AwsDataCatalog.tenant10_raw.orders", "tenant10 raw"),
        ("dataset:awsathena://athena.eu-west-1.amazonaws.com|other.tenant10_raw.orders", "-"),
        ("dataset:postgres://db:5432|tenant1.public.orders", "tenant1"),
        ("dataset:postgres://db:5432|shop.public.orders", "-"),
        ("dataset:kafka://broker:9092|orders", "tenant1"),
        ("dataset:kafka://broker:9092|orders2", "-"),
        ("job:airflow-prod|tenant1.load.task", "tenant1"),
        ("job:airflow-prod|tenant10", "tenant10"),
        ("job:airflow-test|tenant1.load", "-"),
        ("tag:tenant=tenant1", "tenant1"),
        ("tag:Tenant=tenant1", "-"),
    ] {
        assert_eq!(answer(asset), expected, "{asset}");
    }
}

#[test]
fn every_answer_can_be_explained() {
    let ownership = ownership();
    let explain = |asset| ownership.explain(ownership.of(&AssetRef::parse(asset).unwrap()).rule);
    assert_eq!(explain("s3://lake-raw/tenant1/x"), "convention s3[0] (tenants.toml:15): s3://lake-{layer}/{tenant}/…");
    assert_eq!(explain("s3://lake-raw"), "own[2] (tenants.toml:36): s3://lake-raw → platform");
    assert_eq!(explain("role:platform-x"), "platform role[0] (tenants.toml:6): platform-* → platform");
    assert_eq!(explain("account:444455556666"), "tenant account[0] (tenants.toml:7): account 444455556666 → tenant1");
    assert_eq!(explain("s3://elsewhere/x"), "no rule of tenants.toml matched");
}

#[test]
fn a_mistake_is_named_with_its_line() {
    let tenants = "[[tenant]]\nslug = \"acme\"\nname = \"Acme\"\n[[tenant]]\nslug = \"acme_eu\"\nname = \"Acme EU\"\n";
    for (addition, line, message) in [
        ("[[convention.s3]]\npatern = \"x\"", 8, "unknown field `patern`"),
        ("[[convention.s3]]\npattern = \"s3://lake/{tennant}/\"", 7, "unknown capture `{tennant}`"),
        ("[[convention.s3]]\npattern = \"s3://lake/\"", 7, "has neither {tenant} nor an owner"),
        ("[[convention.s3]]\npattern = \"s3://lake/\"\nowner = \"acne\"", 7, "owner `acne` is neither"),
        ("[[convention.role]]\npattern = \"{tenant}_*\"", 7, "cannot tell what is `acme`'s from what is `acme_eu`'s"),
        ("[[tenant]]\nslug = \"acme\"\nname = \"A\"", 7, "stands for tenant `acme` already"),
        ("[[tenant]]\nslug = \"Acme\"\nname = \"A\"", 7, "is not of lower-case letters"),
        ("[[own]]\nasset = \"orders\"\nowner = \"acme\"", 7, "not an asset this service knows"),
        ("[[own]]\nasset = \"account:12\"\nowner = \"acme\"", 7, "12 digits"),
        (
            "[[own]]\nasset = \"s3://a/\"\nowner = \"acme\"\n[[own]]\nasset = \"s3://a/\"\nowner = \"acme\"",
            10,
            "named already: own[0]",
        ),
        ("[layers]\nraw = [\"processed\"]", 8, "means the layer processed already"),
        ("x", 7, ""),
    ] {
        let error = Ownership::parse(&format!("{tenants}{addition}")).unwrap_err();
        assert!(error.message.contains(message), "{addition}: {error}");
        assert_eq!(error.line, Some(line), "{addition}: {error}");
    }
}

#[test]
fn conventions_that_overlap_are_refused_by_name() {
    let error = Ownership::parse(
        r#"[[tenant]]
slug = "acme"
name = "Acme"
[[convention.s3]]
pattern = "s3://lake-{layer}/{tenant}/"
[[convention.s3]]
pattern = "s3://lake-raw/*/"
owner = "platform"
layer = "raw"
"#,
    )
    .unwrap_err();
    assert_eq!(error.line, Some(6));
    for part in ["convention s3[0] (tenants.toml:4)", "convention s3[1] (tenants.toml:6)", "different owners"] {
        assert!(error.message.contains(part), "{error}");
    }
}

#[test]
fn the_demo_lake_is_owned_as_its_names_say() {
    let ownership = Ownership::parse(include_str!("../../../policies/tenants.toml")).unwrap();
    assert_eq!(ownership.tenants().len(), 8);
    for tenant in ownership.tenants() {
        let slug = &tenant.slug;
        for (asset, layer) in [
            (format!("s3://lake-processed/{slug}/orders/"), Some(Layer::Processed)),
            (format!("glue:111122223333/{slug}_raw.orders"), Some(Layer::Raw)),
            (format!("job:glue-prod|{slug}.load.step"), None),
            (format!("job:{slug}|load"), None),
            (format!("role:111122223333/{slug}-analyst"), None),
            (format!("cost-tag:tenant={slug}"), None),
        ] {
            let owned = ownership.of(&AssetRef::parse(&asset).unwrap());
            assert_eq!((owned.owner, owned.layer), (Owner::Tenant(tenant.id), layer), "{asset}");
        }
    }
    assert_eq!(ownership.tenant_by_slug("acme").unwrap().id, TenantId(1));
    assert_eq!(ownership.tenant(TenantId::PLATFORM).unwrap().name, "Lake platform");
}

#[test]
fn nothing_an_asset_is_called_makes_the_lookup_fail() {
    let ownership = ownership();
    let pieces = [
        "tenant1", "lake-raw", "/", "%", "%2", "%2f", "..", ".", "é", "\u{0}", "_raw", "-", "{tenant}", "*", "",
        "ß%c3%9f",
    ];
    for a in pieces {
        for b in pieces {
            for c in pieces {
                let text = format!("{a}{b}{c}");
                for asset in [
                    AssetRef::S3 { bucket: &text, key: &text },
                    AssetRef::GlueTable { account: a, database: &text, table: b },
                    AssetRef::Dataset { namespace: &text, name: &text },
                    AssetRef::Dataset { namespace: "s3://lake-raw", name: &text },
                    AssetRef::Job { namespace: a, name: &text },
                    AssetRef::Role { account: "", name: &text },
                ] {
                    ownership.explain(ownership.of(&asset).rule);
                }
                let _ = AssetRef::parse(&text);
            }
        }
    }
}
