//! After `tenants.toml` changed, what is stored follows.

use lakewarden_access::reassign_owners;
use lakewarden_core::Sha256;
use lakewarden_tenancy::{Ownership, sync};
use lakewarden_testkit::noon;

use crate::lake::{Lake, TENANTS, read};

#[tokio::test]
async fn principals_assets_and_facts_follow_the_new_rules() {
    let lake = Lake::new().await;
    lake.ingest("1.json.gz", &[read("1", "loader", "lake-raw", "initech/o.csv")]).await;
    assert_eq!(lake.count("select count(*) from access_facts where tenant_id is null").await, 1);
    let more = format!(
        "{TENANTS}\n[[tenant]]\nslug = \"initech\"\nname = \"Initech\"\n\n[[own]]\nasset = \"role:loader\"\nowner = \"initech\"\n"
    );
    let ownership = sync(&lake.db, Ownership::parse(&more).unwrap(), noon()).await.unwrap();
    lake.ownership.replace(ownership, Sha256::of("more"), noon());
    assert_eq!(reassign_owners(&lake.ctx).await.unwrap(), 2);
    let initech = i64::from(lake.tenant("initech").0);
    for statement in [
        "select tenant_id::bigint from access_principals",
        "select tenant_id::bigint from access_resources",
        "select tenant_id::bigint from access_classes where actor = 'own'",
        "select tenant_id::bigint from access_facts",
        "select tenant_id::bigint from access_samples",
    ] {
        assert_eq!(lake.count(statement).await, initech, "{statement}");
    }
    assert_eq!(lake.findings().await, ["service-unowned-asset|-|1"], "its own data is no breach");
    assert_eq!(reassign_owners(&lake.ctx).await.unwrap(), 0, "nothing is left to change");
}

#[tokio::test]
async fn what_the_new_rules_forbid_becomes_a_finding_and_is_not_counted_again() {
    let lake = Lake::new().await;
    let record = |id| read(id, "platform-x", "lake-raw", "globex/o.csv");
    lake.ingest("1.json.gz", &[record("1"), record("2")]).await;
    assert!(lake.findings().await.is_empty());
    let fewer = TENANTS.replace("\"platform-*\"", "\"other-*\"");
    let fewer = format!("{fewer}\n[[own]]\nasset = \"role:platform-x\"\nowner = \"acme\"\n");
    let ownership = sync(&lake.db, Ownership::parse(&fewer).unwrap(), noon()).await.unwrap();
    lake.ownership.replace(ownership, Sha256::of("fewer"), noon());
    assert_eq!(reassign_owners(&lake.ctx).await.unwrap(), 1);
    assert_eq!(reassign_owners(&lake.ctx).await.unwrap(), 0);
    let globex = lake.tenant("globex");
    assert_eq!(lake.findings().await, [format!("access-cross-tenant-read|{globex}|1")]);
    assert_eq!(lake.count("select count(*) from evidence").await, 1, "the record kept of the class");
}
