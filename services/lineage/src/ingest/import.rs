//! `import openlineage`: files of one event, an array, or one a line, gzip or not, in batches that can be run again.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::{Outcome, ingest_from};
use crate::Ctx;
use crate::error::LineageError;
use crate::event::split_documents;

/// Events handed over at once: a few transactions' worth.
const CHUNK_EVENTS: usize = 1024;
/// A file whose first line is no whole event is read whole, up to this.
const WHOLE_FILE_BYTES: u64 = 256 << 20;

/// What an import has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportProgress {
    pub files: u64,
    pub stored: u64,
    pub duplicates: u64,
    /// In quarantine, with their place.
    pub refused: u64,
}

/// Imports a file, or every `.json`, `.ndjson` and `.jsonl` (also `.gz`) below a folder. Running it again is harmless:
/// events are known by their content, so an import that was interrupted goes on where it stopped by starting over.
pub async fn import(
    ctx: &Ctx,
    path: &Path,
    mut progress: impl FnMut(&ImportProgress),
) -> Result<ImportProgress, LineageError> {
    let mut files = Vec::new();
    list_files(path, &mut files)?;
    files.sort();
    let mut done = ImportProgress::default();
    for file in files {
        import_file(ctx, &file, &mut done, &mut progress).await?;
        done.files += 1;
        progress(&done);
    }
    Ok(done)
}

async fn import_file(
    ctx: &Ctx,
    file: &Path,
    done: &mut ImportProgress,
    progress: &mut impl FnMut(&ImportProgress),
) -> Result<(), LineageError> {
    let name = file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut reader = open(file)?;
    let mut first = Vec::new();
    read_line(file, &mut reader, &mut first)?;
    let whole_line = serde_json::from_slice::<serde::de::IgnoredAny>(&first).is_ok();
    if !whole_line || first.trim_ascii_start().starts_with(b"[") {
        reader.take(WHOLE_FILE_BYTES).read_to_end(&mut first).map_err(|error| unreadable(file, &error))?;
        let events = split_documents(&first)?;
        for (chunk, start) in events.chunks(CHUNK_EVENTS).zip((0..).step_by(CHUNK_EVENTS)) {
            import_chunk(ctx, &name, start, chunk, done).await?;
            progress(done);
        }
        return Ok(());
    }
    let (mut chunk, mut line, mut start) = (vec![first], 1, 0);
    loop {
        let mut next = Vec::new();
        let more = read_line(file, &mut reader, &mut next)? > 0;
        if !more || chunk.len() >= CHUNK_EVENTS {
            import_chunk(ctx, &name, start, &chunk, done).await?;
            progress(done);
            chunk.clear();
            start = line;
        }
        if !more {
            return Ok(());
        }
        line += 1;
        if !next.trim_ascii().is_empty() {
            chunk.push(next);
        }
    }
}

async fn import_chunk(
    ctx: &Ctx,
    name: &str,
    start: usize,
    chunk: &[Vec<u8>],
    done: &mut ImportProgress,
) -> Result<(), LineageError> {
    let outcomes = ingest_from(ctx, "import", chunk, |index| format!("{name}#{}", start + index + 1)).await;
    for outcome in outcomes {
        match outcome {
            Ok(Outcome::Stored) => done.stored += 1,
            Ok(Outcome::Duplicate) => done.duplicates += 1,
            Err(LineageError::Invalid(_)) => done.refused += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn open(file: &Path) -> Result<BufReader<Box<dyn std::io::Read + Send>>, LineageError> {
    let opened = std::fs::File::open(file).map_err(|error| unreadable(file, &error))?;
    let gzip = file.extension().is_some_and(|extension| extension == "gz");
    Ok(BufReader::new(if gzip { Box::new(flate2::read::MultiGzDecoder::new(opened)) } else { Box::new(opened) }))
}

fn read_line(
    file: &Path,
    reader: &mut BufReader<Box<dyn std::io::Read + Send>>,
    line: &mut Vec<u8>,
) -> Result<usize, LineageError> {
    reader.by_ref().take(WHOLE_FILE_BYTES).read_until(b'\n', line).map_err(|error| unreadable(file, &error))
}

fn list_files(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), LineageError> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    for entry in std::fs::read_dir(path).map_err(|error| unreadable(path, &error))? {
        let entry = entry.map_err(|error| unreadable(path, &error))?.path();
        if entry.is_dir() {
            list_files(&entry, files)?;
        } else if looks_like_events(&entry) {
            files.push(entry);
        }
    }
    Ok(())
}

fn looks_like_events(file: &Path) -> bool {
    let name = file.to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    [".json", ".ndjson", ".jsonl"].iter().any(|suffix| name.ends_with(suffix))
}

fn unreadable(path: &Path, error: &std::io::Error) -> LineageError {
    LineageError::Unreadable { path: path.display().to_string(), reason: error.to_string() }
}
