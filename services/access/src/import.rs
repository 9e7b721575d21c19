//! Files and folders into facts: reading runs beside storing, and an import that was killed goes on where it stopped.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use lakewarden_core::Sha256;
use rustc_hash::FxHashSet;
use tokio::sync::mpsc;

use crate::class::{ReadFile, Sample};
use crate::commit::{Ingested, commit, refused};
use crate::reading::read;
use crate::{AccessError, Ctx, store};

/// The source's name for imported files, on the sources page.
pub const IMPORT_SOURCE: &str = "cloudtrail-import";
/// Records of one transaction, about.
const BATCH_RECORDS: usize = 40_000;
/// Files of one transaction: many small files would otherwise wait long for their commit.
const BATCH_FILES: usize = 400;
/// Bytes of records kept whole in one transaction: where every record is of a class of its own they would be most of memory.
const BATCH_SAMPLE_BYTES: usize = 16_000_000;
/// Files read ahead of the database: memory is bounded by this and by the batch.
const READ_AHEAD: usize = 2;
/// How often a batch is tried while Postgres restarts; with the pauses about a minute.
const ATTEMPTS: u32 = 12;

/// What an import has done so far, and in the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    pub files_found: usize,
    pub files_imported: usize,
    /// Stored by an earlier import: not read again.
    pub files_skipped: usize,
    pub accepted: i64,
    pub duplicates: i64,
    pub quarantined: i64,
    pub bytes: i64,
    /// Files that could not be read, and why; the others went on.
    pub failures: Vec<(PathBuf, String)>,
}

enum Item {
    Read(Box<ReadFile>),
    /// Read, but without any record in it: quarantined as a whole.
    Refused(PathBuf, Box<ReadFile>, String),
    Skipped,
    Failed(PathBuf, String),
}

/// Imports files and folders (recursively, `.json` and `.json.gz`); `progress` hears after each commit.
pub async fn import(ctx: &Ctx, paths: &[PathBuf], progress: impl Fn(&Summary) + Send) -> Result<Summary, AccessError> {
    let (files, failures) = find_files(paths).await?;
    if files.is_empty() && failures.is_empty() {
        return Err(AccessError::NothingToImport(paths.to_vec()));
    }
    let mut summary = Summary { files_found: files.len(), failures, ..Summary::default() };
    let known = Arc::new(patiently(|| find_known(ctx)).await?);
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    // Joined and not spawned: dropping the import stops both.
    let (stored, ()) =
        tokio::join!(store_files(ctx, receiver, &mut summary, progress), read_files(ctx, files, known, sender));
    stored?;
    Ok(summary)
}

async fn find_known(ctx: &Ctx) -> Result<FxHashSet<Sha256>, AccessError> {
    let hashes = store::list_file_hashes(ctx.db.system(), IMPORT_SOURCE).await?;
    Ok(hashes.iter().filter_map(|hash| Sha256::from_slice(hash)).collect())
}

async fn read_files(ctx: &Ctx, files: Vec<PathBuf>, known: Arc<FxHashSet<Sha256>>, sender: mpsc::Sender<Item>) {
    let readers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let mut items = futures::stream::iter(files)
        .map(|path| {
            let (ctx, known, name) = (ctx.clone(), Arc::clone(&known), path.clone());
            async move {
                let task = tokio::task::spawn_blocking(move || read_one(&ctx, &path, &known));
                task.await.unwrap_or_else(|error| Item::Failed(name, error.to_string()))
            }
        })
        .buffered(readers);
    while let Some(item) = items.next().await {
        if sender.send(item).await.is_err() {
            break;
        }
    }
}

fn read_one(ctx: &Ctx, path: &Path, known: &FxHashSet<Sha256>) -> Item {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return Item::Failed(path.to_owned(), error.to_string()),
    };
    if known.contains(&Sha256::of(&bytes)) {
        return Item::Skipped;
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    match read(&name, &bytes, ctx.inflated_limit, &ctx.ownership.get(), ctx.clock.now()) {
        Ok(file) => Item::Read(Box::new(file)),
        Err(error) => {
            Item::Refused(path.to_owned(), Box::new(refused(&name, &bytes, &error.to_string())), error.to_string())
        }
    }
}

async fn store_files(
    ctx: &Ctx,
    mut receiver: mpsc::Receiver<Item>,
    summary: &mut Summary,
    progress: impl Fn(&Summary),
) -> Result<(), AccessError> {
    let mut batch = Vec::new();
    loop {
        let item = receiver.recv().await;
        let is_last = item.is_none();
        match item {
            Some(Item::Read(file)) => batch.push(*file),
            Some(Item::Refused(path, file, reason)) => {
                summary.failures.push((path, reason));
                batch.push(*file);
            }
            Some(Item::Skipped) => summary.files_skipped += 1,
            Some(Item::Failed(path, reason)) => summary.failures.push((path, reason)),
            None => {}
        }
        if !batch.is_empty() && (is_last || is_full(&batch)) {
            let outcomes = patiently(|| commit(ctx, IMPORT_SOURCE, &batch)).await?;
            summary.add(&batch, &outcomes);
            progress(summary);
            batch.clear();
        }
        if is_last {
            return Ok(());
        }
    }
}

fn is_full(batch: &[ReadFile]) -> bool {
    let records: usize = batch.iter().map(|file| file.observations.len()).sum();
    let kept: usize = batch.iter().flat_map(|file| &file.samples).map(Sample::size_bytes).sum();
    records >= BATCH_RECORDS || kept >= BATCH_SAMPLE_BYTES || batch.len() >= BATCH_FILES
}

/// Tries again while Postgres is away: what is tried is all or nothing, so a second try counts nothing twice.
async fn patiently<T, F>(action: impl Fn() -> F) -> Result<T, AccessError>
where
    F: Future<Output = Result<T, AccessError>>,
{
    let mut attempt = 0;
    loop {
        match action().await {
            Err(error) if error.is_transient() && attempt < ATTEMPTS => {
                let pause = Duration::from_millis(50 << attempt.min(7));
                tracing::warn!(%error, attempt, "Postgres is away or busy; the import tries again");
                tokio::time::sleep(pause).await;
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

impl Summary {
    fn add(&mut self, files: &[ReadFile], outcomes: &[Ingested]) {
        self.files_imported += files.len();
        self.bytes += files.iter().map(|file| file.size_bytes).sum::<i64>();
        for outcome in outcomes {
            self.accepted += outcome.accepted;
            self.duplicates += outcome.duplicates;
            self.quarantined += outcome.quarantined;
        }
    }
}

type Found = (Vec<PathBuf>, Vec<(PathBuf, String)>);

async fn find_files(paths: &[PathBuf]) -> Result<Found, AccessError> {
    let paths = paths.to_vec();
    tokio::task::spawn_blocking(move || {
        let mut found = Found::default();
        for path in paths {
            if path.is_dir() { walk(&path, &mut found) } else { found.0.push(path) }
        }
        found
    })
    .await
    .map_err(|error| AccessError::Reader(error.to_string()))
}

/// In the order of names, which for trail files is the order of delivery. Links to folders are not followed: they may be loops.
fn walk(folder: &Path, found: &mut Found) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return found.1.push((folder.to_owned(), error.to_string())),
    };
    let mut entries: Vec<std::fs::DirEntry> = entries.filter_map(Result::ok).collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&path, found),
            Ok(_) if is_trail_file(&path) => found.0.push(path),
            Ok(_) => {}
            Err(error) => found.1.push((path, error.to_string())),
        }
    }
}

/// Digests and Insights lie beside the trail in folders of their own and hold no records.
fn is_trail_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let is_beside = ["cloudtrail-digest", "cloudtrail-insight"].iter().any(|word| name.contains(word));
    !is_beside && Path::new(name).extension().is_some_and(|extension| extension == "json")
}
