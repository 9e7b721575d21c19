//! `token create|list|revoke`.

use chrono::TimeDelta;
use lakewarden_core::{Clock, TenantId};
use lakewarden_db::Db;
use lakewarden_identity::{Reach, Token, create_token, list_tokens, revoke_token};

use super::policy::read_ownership;
use crate::cli::{CreateToken, TokenCommand};
use crate::config::Config;
use crate::database::Database;
use crate::failure::Failure;

pub async fn token(config: &Config, command: TokenCommand) -> Result<(), Failure> {
    let database = Database::join_or_start(config).await?;
    let outcome = on_database(config, &database, command).await;
    database.stop().await;
    outcome
}

async fn on_database(config: &Config, database: &Database, command: TokenCommand) -> Result<(), Failure> {
    let db = Db::open(&database.settings).await?;
    let outcome = match command {
        TokenCommand::Create(args) => create(config, &db, &args).await,
        TokenCommand::List => list(&db).await,
        TokenCommand::Revoke { name } => {
            let revoked = revoke_token(db.system(), &name, Clock::system().now()).await;
            revoked.map(|()| println!("{name} is revoked")).map_err(|error| Failure::new(error.to_string()))
        }
    };
    db.close().await;
    outcome
}

async fn create(config: &Config, db: &Db, args: &CreateToken) -> Result<(), Failure> {
    let now = Clock::system().now();
    let reach = match &args.reach.tenant {
        Some(slug) => Reach::Tenant(tenant_id(config, db, slug).await?),
        None if args.reach.all => Reach::All,
        None => Reach::Ingest,
    };
    let expires_at = args.days.map(|days| now + TimeDelta::days(days.into()));
    let secret = create_token(db.system(), &args.name, reach, expires_at, now)
        .await
        .map_err(|error| Failure::new(error.to_string()))?;
    // The secret alone on stdout, so that it can be piped into a file or a secret store.
    eprintln!("token `{}`, shown once:", args.name);
    println!("{}", secret.reveal());
    Ok(())
}

/// The tenant's id in the database, which is given to it here if the service has never started.
async fn tenant_id(config: &Config, db: &Db, slug: &str) -> Result<TenantId, Failure> {
    let ownership = read_ownership(&config.policies)?;
    let ownership = lakewarden_tenancy::sync(db, ownership, Clock::system().now()).await?;
    let tenant = ownership.tenant_by_slug(slug);
    tenant.map(|tenant| tenant.id).ok_or_else(|| {
        let known: Vec<&str> = ownership.tenants().iter().map(|tenant| tenant.slug.as_str()).collect();
        Failure::new(format!("there is no tenant `{slug}` in tenants.toml; there are: {}", known.join(", ")))
    })
}

async fn list(db: &Db) -> Result<(), Failure> {
    let tokens = list_tokens(db.system()).await?;
    if tokens.is_empty() {
        eprintln!("no tokens yet; make one: lakewarden token create airflow --ingest");
    }
    for token in tokens {
        println!("{}", line_of(&token));
    }
    Ok(())
}

fn line_of(token: &Token) -> String {
    let reach = match token.reach {
        Reach::Ingest => "ingest".to_owned(),
        Reach::All => "all".to_owned(),
        Reach::Tenant(id) => format!("tenant {id}"),
    };
    let state = match (token.revoked_at, token.expires_at) {
        (Some(at), _) => format!("revoked {}", at.format("%Y-%m-%d")),
        (None, Some(at)) => format!("until {}", at.format("%Y-%m-%d")),
        (None, None) => "in force".to_owned(),
    };
    let used = token
        .last_used_at
        .map_or_else(|| "never used".to_owned(), |at| format!("last used {}", at.format("%Y-%m-%d %H:%M")));
    format!("{:<24} {reach:<12} {state:<18} {used}", token.name)
}
