//! Tokens, the administrator and sessions against a real Postgres.

use chrono::TimeDelta;
use lakewarden_core::{Scope, TenantId};
use lakewarden_identity::*;
use lakewarden_testkit::{TestDb, clock};

#[tokio::test]
async fn a_token_is_what_it_was_made_for_until_it_expires_or_is_revoked() {
    let TestDb { db, .. } = TestDb::new().await;
    let clock = clock();
    let now = clock.now();
    let ingest = create_token(db.system(), "airflow", Reach::Ingest, None, now).await.unwrap();
    let tenant = create_token(db.system(), "auditor", Reach::Tenant(TenantId(7)), Some(now + TimeDelta::hours(1)), now)
        .await
        .unwrap();
    let lookup = TokenLookup::new(db.clone(), clock.clone());
    assert_eq!(lookup.caller(ingest.reveal()).await.unwrap(), Caller::Producer(Producer { name: "airflow".into() }));
    let Caller::Viewer(viewer) = lookup.caller(tenant.reveal()).await.unwrap() else { panic!("a viewer") };
    assert_eq!((viewer.scope, viewer.is_administrator), (Scope::Tenant(TenantId(7)), false));
    assert_eq!(lookup.caller("lwt_guess").await.unwrap(), Caller::Anonymous);

    clock.advance(TimeDelta::hours(2));
    assert_eq!(lookup.caller(tenant.reveal()).await.unwrap(), Caller::Anonymous, "expired");
    revoke_token(db.system(), "airflow", clock.now()).await.unwrap();
    clock.advance(TimeDelta::seconds(6));
    assert_eq!(lookup.caller(ingest.reveal()).await.unwrap(), Caller::Anonymous, "revoked");
    assert!(matches!(revoke_token(db.system(), "airflow", now).await, Err(TokenError::Unknown(_))));
}

#[tokio::test]
async fn secrets_are_stored_as_hashes_and_names_are_unique() {
    let TestDb { db, .. } = TestDb::new().await;
    let now = clock().now();
    let secret = create_token(db.system(), "dbt", Reach::All, None, now).await.unwrap();
    let again = create_token(db.system(), "dbt", Reach::All, None, now).await;
    assert!(matches!(again, Err(TokenError::NameTaken(name)) if name == "dbt"));
    let stored: String =
        sqlx::query_scalar("select api_tokens::text from api_tokens").fetch_one(db.system()).await.unwrap();
    assert!(!stored.contains(secret.reveal()), "{stored}");
    assert_eq!(list_tokens(db.system()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_first_administrator_is_made_once_and_signs_in() {
    let TestDb { db, .. } = TestDb::new().await;
    let clock = clock();
    let password = bootstrap_administrator(db.system(), "admin", None, clock.now()).await.unwrap().expect("made");
    assert!(bootstrap_administrator(db.system(), "admin", None, clock.now()).await.unwrap().is_none());

    assert!(sign_in(db.system(), "admin", "wrong", clock.now()).await.unwrap().is_none());
    assert!(sign_in(db.system(), "nobody", password.reveal(), clock.now()).await.unwrap().is_none());
    let session = sign_in(db.system(), "admin", password.reveal(), clock.now()).await.unwrap().expect("signed in");
    let viewer = find_session(db.system(), session.secret.reveal(), clock.now()).await.unwrap().expect("found");
    assert!(viewer.is_administrator && viewer.scope == Scope::All);

    clock.advance(TimeDelta::hours(7));
    assert!(find_session(db.system(), session.secret.reveal(), clock.now()).await.unwrap().is_some());
    clock.advance(TimeDelta::hours(9));
    assert!(find_session(db.system(), session.secret.reveal(), clock.now()).await.unwrap().is_none(), "idle too long");
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server() {
    let TestDb { db, .. } = TestDb::new().await;
    let now = clock().now();
    let chosen = ApiSecret::new("chosen by the operator");
    bootstrap_administrator(db.system(), "admin", Some(&chosen), now).await.unwrap();
    let session = sign_in(db.system(), "admin", chosen.reveal(), now).await.unwrap().expect("signed in");
    sign_out(db.system(), session.secret.reveal()).await.unwrap();
    assert!(find_session(db.system(), session.secret.reveal(), now).await.unwrap().is_none());
}
