//! The policies folder: every part with the version in force, reloaded part by part.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use lakewarden_alerts::AlertPolicy;
use lakewarden_core::{Clock, Live, LoadError, Sha256};
use lakewarden_db::Db;
use lakewarden_findings::{PolicyInfo, Registry, service_policies};
use lakewarden_isolation::Pack;
use lakewarden_tenancy::Ownership;

use crate::AppError;

const TENANTS: &str = lakewarden_tenancy::FILE;
const ALERTS: &str = "alerts.toml";

/// Handles to everything that people edit. Clones share them.
#[derive(Debug, Clone)]
pub struct Policies {
    folder: PathBuf,
    pub ownership: Live<Ownership>,
    pub pack: Live<Pack>,
    pub alerts: Live<AlertPolicy>,
    pub cost: Live<lakewarden_cost::Policies>,
    pub quality: Live<lakewarden_quality::Policies>,
    /// Every policy of every kind, made from the others.
    pub registry: Live<Registry>,
}

/// What a reload did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    pub tenants_changed: bool,
    pub changed: bool,
    pub broken: Vec<LoadError>,
}

/// A part as it stands on disk.
struct Read<T> {
    value: T,
    version: Sha256,
}

impl Policies {
    /// Reads everything for the first time: there is no earlier version to fall back on, so a broken file is an error.
    pub async fn load(folder: PathBuf, db: &Db, clock: &Clock) -> Result<Self, AppError> {
        let now = clock.now();
        let tenants = read_tenants(&folder)?;
        let ownership = lakewarden_tenancy::sync(db, tenants.value, now).await?;
        let ownership = Live::new(ownership, tenants.version, now);
        let pack = live(read_pack(&folder)?, now);
        let alerts = live(read_alerts(&folder)?, now);
        let cost = live(read_cost(&folder)?, now);
        let quality = live(read_quality(&folder)?, now);
        let registry = registry_of(&pack.get(), &quality.get(), &cost.get())?;
        let version = registry.version();
        let registry = Live::new(registry, version, now);
        Ok(Self { folder, ownership, pack, alerts, cost, quality, registry })
    }

    /// Reads everything again. A part that is broken keeps its last good version; the others are taken.
    pub(crate) async fn reload(&self, db: &Db, now: DateTime<Utc>) -> Result<Reloaded, AppError> {
        let mut report = Reloaded::default();
        report.tenants_changed = self.reload_tenants(db, now, &mut report.broken).await?;
        let changed = [
            take(&self.pack, read_pack(&self.folder), now, &mut report.broken),
            take(&self.alerts, read_alerts(&self.folder), now, &mut report.broken),
            take(&self.cost, read_cost(&self.folder), now, &mut report.broken),
            take(&self.quality, read_quality(&self.folder), now, &mut report.broken),
        ];
        report.changed = report.tenants_changed || changed.contains(&true);
        match registry_of(&self.pack.get(), &self.quality.get(), &self.cost.get()) {
            Ok(registry) if registry.version() != self.registry.loaded().version => {
                let version = registry.version();
                self.registry.replace(registry, version, now);
            }
            Ok(_) => {}
            Err(error) => report.broken.push(error),
        }
        Ok(report)
    }

    async fn reload_tenants(&self, db: &Db, now: DateTime<Utc>, broken: &mut Vec<LoadError>) -> Result<bool, AppError> {
        match read_tenants(&self.folder) {
            Ok(read) if is_news(&self.ownership, read.version) => {
                let ownership = lakewarden_tenancy::sync(db, read.value, now).await?;
                self.ownership.replace(ownership, read.version, now);
                Ok(true)
            }
            Ok(_) => Ok(false),
            Err(error) => {
                self.ownership.mark_broken(error.clone());
                broken.push(error);
                Ok(false)
            }
        }
    }

    /// One sentence for each part whose files on disk are not the ones in force.
    pub fn warnings(&self) -> Vec<String> {
        let broken = [
            self.ownership.loaded().broken.clone(),
            self.pack.loaded().broken.clone(),
            self.alerts.loaded().broken.clone(),
            self.cost.loaded().broken.clone(),
            self.quality.loaded().broken.clone(),
        ];
        broken
            .into_iter()
            .flatten()
            .map(|error| format!("A policy file is broken and its last good version is in force: {error}"))
            .collect()
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Reads a policies folder and runs the tests beside its rules, without a database: `lakewarden policy check`. Returns the
/// policies and how many cases passed, or every fault found.
pub fn check_policies(folder: &Path) -> Result<(Registry, usize), Vec<String>> {
    let mut faults: Vec<String> = Vec::new();
    let mut fault = |error: LoadError| faults.push(error.to_string());
    let tenants = read_tenants(folder).map_err(&mut fault).is_ok();
    let alerts = read_alerts(folder).map_err(&mut fault).is_ok();
    let pack = read_pack(folder).map_err(&mut fault).ok();
    let cost = read_cost(folder).map_err(&mut fault).ok();
    let quality = read_quality(folder).map_err(&mut fault).ok();
    let mut policies = None;
    let mut cases = 0;
    if let (Some(pack), Some(quality), Some(cost)) = (&pack, &quality, &cost) {
        match registry_of(&pack.value, &quality.value, &cost.value) {
            Ok(registry) => policies = Some(registry),
            Err(error) => faults.push(error.to_string()),
        }
    }
    if let Some(pack) = &pack {
        match lakewarden_isolation::check_pack(folder, &pack.value) {
            Ok(reports) => {
                for (file, report) in reports {
                    cases += report.passed;
                    faults.extend(report.failures.into_iter().map(|failure| format!("{file}: {failure}")));
                }
            }
            Err(error) => faults.push(error.to_string()),
        }
    }
    match policies {
        Some(policies) if faults.is_empty() && tenants && alerts => Ok((policies, cases)),
        _ => Err(faults),
    }
}

fn live<T>(read: Read<T>, now: DateTime<Utc>) -> Live<T> {
    Live::new(read.value, read.version, now)
}

/// A part is taken when its files changed, or when they are whole again after having been broken.
fn is_news<T>(live: &Live<T>, version: Sha256) -> bool {
    let loaded = live.loaded();
    loaded.version != version || loaded.broken.is_some()
}

fn take<T>(live: &Live<T>, read: Result<Read<T>, LoadError>, now: DateTime<Utc>, broken: &mut Vec<LoadError>) -> bool {
    match read {
        Ok(read) if is_news(live, read.version) => {
            live.replace(read.value, read.version, now);
            true
        }
        Ok(_) => false,
        Err(error) => {
            live.mark_broken(error.clone());
            broken.push(error);
            false
        }
    }
}

fn read_tenants(folder: &Path) -> Result<Read<Ownership>, LoadError> {
    let text = read_file(folder, TENANTS)?;
    Ok(Read { value: Ownership::parse(&text)?, version: Sha256::of(text) })
}

fn read_pack(folder: &Path) -> Result<Read<Pack>, LoadError> {
    let pack = lakewarden_isolation::load_pack(folder)?;
    Ok(Read { version: pack.version(), value: pack })
}

fn read_alerts(folder: &Path) -> Result<Read<AlertPolicy>, LoadError> {
    let text = read_file(folder, ALERTS)?;
    Ok(Read { value: AlertPolicy::parse(ALERTS, &text)?, version: Sha256::of(text) })
}

fn read_cost(folder: &Path) -> Result<Read<lakewarden_cost::Policies>, LoadError> {
    let files = read_folder(folder, "cost")?;
    Ok(Read { value: lakewarden_cost::Policies::parse(&files)?, version: version_of(&files) })
}

fn read_quality(folder: &Path) -> Result<Read<lakewarden_quality::Policies>, LoadError> {
    let files = read_folder(folder, "quality")?;
    Ok(Read { value: lakewarden_quality::Policies::parse(&files)?, version: version_of(&files) })
}

fn registry_of(
    pack: &Pack,
    quality: &lakewarden_quality::Policies,
    cost: &lakewarden_cost::Policies,
) -> Result<Registry, LoadError> {
    let isolation = pack.policies().iter().map(|policy| PolicyInfo::clone(policy));
    let all = isolation.chain(quality.infos()).chain(cost.infos()).chain(service_policies());
    Registry::new(all).map_err(|duplicate| LoadError {
        file: duplicate.second.clone(),
        line: None,
        message: duplicate.to_string(),
    })
}

fn read_file(folder: &Path, file: &str) -> Result<String, LoadError> {
    std::fs::read_to_string(folder.join(file)).map_err(|error| LoadError {
        file: file.to_owned(),
        line: None,
        message: format!("cannot be read: {error} (looked in {})", folder.display()),
    })
}

/// The folder's `*.toml` with their texts, by name.
fn read_folder(folder: &Path, part: &str) -> Result<Vec<(String, String)>, LoadError> {
    let entries = std::fs::read_dir(folder.join(part)).map_err(|error| LoadError {
        file: part.to_owned(),
        line: None,
        message: format!("cannot be listed: {error}"),
    })?;
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "toml"))
        .collect();
    names.sort();
    names
        .into_iter()
        .map(|name| {
            let file = format!("{part}/{name}");
            read_file(folder, &file).map(|text| (file, text))
        })
        .collect()
}

fn version_of(files: &[(String, String)]) -> Sha256 {
    Sha256::of_parts(files.iter().flat_map(|(file, text)| [file.as_bytes(), text.as_bytes()]))
}
