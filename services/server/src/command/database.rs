//! `migrate` and `verify`.

use lakewarden_db::Db;
use lakewarden_findings::{AuditVerdict, verify_audit};

use crate::config::Config;
use crate::database::Database;
use crate::failure::Failure;
use crate::progress::grouped;

pub async fn migrate(config: &Config) -> Result<(), Failure> {
    let database = Database::join_or_start(config).await?;
    let outcome = Db::open(&database.settings).await;
    if let Ok(db) = &outcome {
        db.close().await;
    }
    database.stop().await;
    outcome?;
    println!("the database is up to date");
    Ok(())
}

pub async fn verify(config: &Config) -> Result<(), Failure> {
    let database = Database::join_or_start(config).await?;
    let verdict = read_chain(&database).await;
    database.stop().await;
    match verdict? {
        AuditVerdict::Intact { rows, head } => {
            println!("the audit log is intact: {} entries, the last has hash {head}", grouped(rows.unsigned_abs()));
            println!("keep that hash elsewhere: with it, a log whose end was cut off shows too");
            Ok(())
        }
        AuditVerdict::Broken { seq, reason } => {
            Err(Failure::new(format!("the audit log is broken at entry {seq}: {reason}")))
        }
    }
}

async fn read_chain(database: &Database) -> Result<AuditVerdict, Failure> {
    let db = Db::connect(&database.settings).await?;
    let mut tx = db.begin().await?;
    let verdict = verify_audit(&mut tx).await?;
    tx.rollback().await?;
    db.close().await;
    Ok(verdict)
}
