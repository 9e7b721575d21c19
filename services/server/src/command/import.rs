//! `import`: files into the service, by the same functions that its doors use, or over HTTP into a service elsewhere.

use std::path::{Path, PathBuf};

use lakewarden_app::Slices;
use lakewarden_identity::ApiSecret;

use crate::cli::{ImportArgs, ImportKind};
use crate::client::{Body, Client};
use crate::config::Config;
use crate::database::Database;
use crate::failure::Failure;
use crate::progress::{Progress, grouped};
use crate::service::Service;

/// What an import came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Outcome {
    taken: u64,
    /// Known already: nothing changed.
    known: u64,
    quarantined: u64,
}

pub async fn import(config: &Config, args: &ImportArgs) -> Result<(), Failure> {
    let outcome = match (&args.url, &args.token_file) {
        (Some(url), Some(token_file)) => send(url, token_file, args).await?,
        _ => store(config, args).await?,
    };
    report(outcome)
}

fn report(outcome: Outcome) -> Result<(), Failure> {
    let Outcome { taken, known, quarantined } = outcome;
    println!("{} taken, {} known already, {} quarantined", grouped(taken), grouped(known), grouped(quarantined));
    if quarantined == 0 {
        return Ok(());
    }
    Err(Failure::quarantined(format!(
        "{} could not be read; the sources page shows each with its place and reason. Everything else was taken",
        grouped(quarantined)
    )))
}

async fn store(config: &Config, args: &ImportArgs) -> Result<Outcome, Failure> {
    let database = Database::join_or_start(config).await?;
    let service = Service::open(&database.settings, config.base_url(), config.policies.clone()).await?;
    let outcome = store_in(&service.app.slices, args).await;
    if outcome.is_ok() {
        // What the new facts lead to is judged before the command ends: there may be no service running to do it.
        service.app.jobs().run_until_idle(&service.app.db, &service.app.clock).await?;
    }
    service.stop().await;
    database.stop().await;
    outcome
}

async fn store_in(slices: &Slices, args: &ImportArgs) -> Result<Outcome, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
    match args.kind {
        ImportKind::Openlineage => {
            let mut progress = Progress::new("OpenLineage events", "events", None);
            let mut total = Outcome::default();
            for path in &args.paths {
                let done =
                    lakewarden_lineage::import(&slices.lineage, path, |done| progress.set(total.taken + done.stored))
                        .await
                        .map_err(|error| failed(&error))?;
                total.taken += done.stored;
                total.known += done.duplicates;
                total.quarantined += done.refused;
            }
            progress.finish();
            Ok(total)
        }
        ImportKind::Cloudtrail => {
            let progress = std::sync::Mutex::new(Progress::new("CloudTrail records", "records", None));
            let summary = lakewarden_access::import(&slices.access, &args.paths, |done| {
                progress.lock().expect("drawing does not panic").set(done.accepted.unsigned_abs());
            })
            .await
            .map_err(|error| failed(&error))?;
            progress.into_inner().expect("drawing does not panic").finish();
            for (path, reason) in &summary.failures {
                eprintln!("  {}: {reason}", path.display());
            }
            Ok(Outcome {
                taken: summary.accepted.unsigned_abs(),
                known: summary.duplicates.unsigned_abs(),
                quarantined: summary.quarantined.unsigned_abs() + summary.failures.len() as u64,
            })
        }
        ImportKind::Glue => {
            let files = read_files(&args.paths)?;
            let asked = lakewarden_catalog::Asked { account: None, region: None, taken_at: slices.catalog.clock.now() };
            let stored =
                lakewarden_catalog::import(&slices.catalog, &files, &asked).await.map_err(|error| failed(&error))?;
            Ok(Outcome {
                taken: stored.changes() as u64,
                known: (stored.unchanged + stored.stale) as u64,
                quarantined: stored.quarantined as u64,
            })
        }
        ImportKind::Cost => {
            let files = read_files(&args.paths)?;
            let pages: Vec<_> = files.iter().map(|(name, bytes)| lakewarden_cost::PageFile { name, bytes }).collect();
            let source = args.source.as_deref().unwrap_or("cost-explorer");
            let done = lakewarden_cost::ingest(&slices.cost, source, &pages).await.map_err(|error| failed(&error))?;
            Ok(Outcome {
                taken: done.written as u64,
                known: done.unchanged as u64,
                quarantined: done.quarantined as u64,
            })
        }
    }
}

/// Over HTTP; each file is one request, so that a broken one loses none of the others.
async fn send(url: &str, token_file: &Path, args: &ImportArgs) -> Result<Outcome, Failure> {
    let token = read_token(token_file)?;
    let client = Client::new(url, token)?;
    let files = list_files(&args.paths)?;
    let mut progress = Progress::new("files", "files", Some(files.len() as u64));
    let mut outcome = Outcome::default();
    for file in files {
        let name = file.display().to_string();
        let bytes = std::fs::read(&file).map_err(|error| Failure::new(format!("cannot read {name}: {error}")))?;
        let (path, body) = match args.kind {
            ImportKind::Cloudtrail => ("/api/v1/cloudtrail", Body::file(name.clone(), bytes)),
            ImportKind::Openlineage => ("/api/v1/lineage/batch", Body::json(&bytes)),
            ImportKind::Glue => ("/api/v1/catalog", Body::json(&bytes)),
            ImportKind::Cost => ("/api/v1/cost", Body::json(&bytes)),
        };
        match client.post(path, &body).await {
            Ok(_) => outcome.taken += 1,
            Err(failure) => {
                eprintln!("  {name}: {failure}");
                outcome.quarantined += 1;
            }
        }
        progress.add(1);
    }
    progress.finish();
    Ok(outcome)
}

/// A token from a file: on the command line it would show in the list of processes.
pub fn read_token(file: &Path) -> Result<ApiSecret, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))?;
    Ok(ApiSecret::new(text.trim()))
}

fn read_files(paths: &[PathBuf]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let read = |path: PathBuf| {
        let bytes =
            std::fs::read(&path).map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?;
        Ok((path.display().to_string(), bytes))
    };
    list_files(paths)?.into_iter().map(read).collect()
}

/// Files as named; of folders every file below, in the order of their names.
fn list_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        push_files(path, &mut files)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?;
    }
    if files.is_empty() {
        return Err(Failure::new("there are no files in what was named"));
    }
    Ok(files)
}

fn push_files(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !std::fs::metadata(path)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries = std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    entries.sort();
    entries.iter().try_for_each(|entry| push_files(entry, files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_read_to_the_bottom_in_order_and_a_missing_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("b")).unwrap();
        for name in ["b/2.json", "b/1.json", "a.json"] {
            std::fs::write(dir.path().join(name), "{}").unwrap();
        }
        let names: Vec<String> = list_files(&[dir.path().to_owned()])
            .unwrap()
            .iter()
            .map(|path| path.strip_prefix(dir.path()).unwrap().display().to_string())
            .collect();
        assert_eq!(names, ["a.json", "b/1.json", "b/2.json"]);
        assert!(list_files(&["/nowhere/x".into()]).unwrap_err().to_string().contains("/nowhere/x"));
    }

    #[test]
    fn quarantine_shows_in_the_exit_code() {
        assert!(report(Outcome { taken: 3, ..Outcome::default() }).is_ok());
        assert_eq!(report(Outcome { taken: 3, quarantined: 1, ..Outcome::default() }).unwrap_err().code(), 65);
    }
}
