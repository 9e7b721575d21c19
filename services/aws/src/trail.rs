//! Trail files on S3: listed behind a watermark, fetched, handed to `access::ingest`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use bytes::Bytes;
use chrono::TimeDelta;
use lakewarden_app::Slices;
use lakewarden_core::{Clock, SourceId};
use lakewarden_db::Db;
use lakewarden_sources::{find_watermark, set_watermark};

use crate::call::CallError;
use crate::config::TrailConfig;
use crate::round::RoundError;
use crate::trail_key::{Folder, delivered_at};

/// A trail file is at most 50 MB by AWS's word; anything larger is none, and is not fetched.
const LARGEST_FILE_BYTES: i64 = 64 << 20;

/// One trail's bucket.
#[derive(Debug)]
pub struct Trail {
    client: Client,
    config: TrailConfig,
    /// Keys of the lateness window that this process has read already.
    read: Arc<Mutex<BTreeSet<String>>>,
}

/// What a round brought.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Brought {
    pub files: usize,
    pub records: i64,
    pub quarantined: i64,
}

impl Trail {
    pub fn new(config: &SdkConfig, trail: &TrailConfig) -> Self {
        // Emulators and S3-compatible stores have no host name for each bucket.
        let path_style = config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL").is_some();
        let config = aws_sdk_s3::config::Builder::from(config).force_path_style(path_style).build();
        Self { client: Client::from_conf(config), config: trail.clone(), read: Arc::default() }
    }

    /// Reads what was delivered since the last round. A folder that fails is told at the end; the others are read.
    pub async fn collect(
        &self,
        slices: &Slices,
        db: &Db,
        clock: &Clock,
        source: SourceId,
    ) -> Result<Brought, RoundError> {
        let mut brought = Brought::default();
        let mut failures = Vec::new();
        for folder in self.folders().await? {
            if let Err(error) = self.collect_folder(slices, db, clock, source, &folder, &mut brought).await {
                failures.push(error);
            }
        }
        match failures.into_iter().next() {
            None => Ok(brought),
            Some(error) => Err(error),
        }
    }

    async fn collect_folder(
        &self,
        slices: &Slices,
        db: &Db,
        clock: &Clock,
        source: SourceId,
        folder: &Folder,
        brought: &mut Brought,
    ) -> Result<(), RoundError> {
        let mut connection = db.system().acquire().await?;
        let mut last = find_watermark(&mut connection, source, &folder.prefix).await?;
        drop(connection);
        let start = folder.start_after(last.as_deref(), TimeDelta::minutes(self.config.lateness_minutes));
        let request = self
            .client
            .list_objects_v2()
            .bucket(&self.config.bucket)
            .prefix(&folder.prefix)
            .set_start_after(start.clone());
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| CallError::of("s3:ListObjectsV2", &error))?;
            for object in page.contents() {
                let Some(key) = object.key().filter(|key| delivered_at(key).is_some()) else { continue };
                if self.is_read(key) || object.size().unwrap_or(0) > LARGEST_FILE_BYTES {
                    continue;
                }
                let body = self.fetch(key).await?;
                let ingested = lakewarden_access::ingest(&slices.access, &self.config.bucket, key, body).await?;
                brought.files += 1;
                brought.records += ingested.accepted;
                brought.quarantined += ingested.quarantined;
                self.mark_read(key, start.as_deref());
                if last.as_deref().is_none_or(|last| last < key) {
                    // After the file's own commit: a process killed in between reads the file again, which changes nothing.
                    let mut connection = db.system().acquire().await?;
                    set_watermark(&mut connection, source, &folder.prefix, key, clock.now()).await?;
                    last = Some(key.to_owned());
                }
            }
        }
        Ok(())
    }

    async fn fetch(&self, key: &str) -> Result<Bytes, CallError> {
        let operation = "s3:GetObject";
        let request = self.client.get_object().bucket(&self.config.bucket).key(key);
        let answer = request.send().await.map_err(|error| CallError::of(operation, &error))?;
        let body = answer.body.collect().await;
        body.map(aws_sdk_s3::primitives::AggregatedBytes::into_bytes)
            .map_err(|error| CallError::Unavailable { operation, reason: format!("the file broke off: {error}") })
    }

    /// Every account's and region's folder of trail files, found level by level so that other folders are never listed.
    async fn folders(&self) -> Result<Vec<Folder>, CallError> {
        let root = format!("{}AWSLogs/", self.config.prefix());
        let mut folders = Vec::new();
        for first in self.below(&root).await? {
            let is_organization = first.strip_prefix(&root).is_some_and(|name| name.starts_with("o-"));
            let accounts = if is_organization { self.below(&first).await? } else { vec![first] };
            for account in accounts {
                let regions = self.below(&format!("{account}CloudTrail/")).await?;
                folders.extend(regions.iter().filter_map(|prefix| Folder::parse(prefix)));
            }
        }
        Ok(folders)
    }

    async fn below(&self, prefix: &str) -> Result<Vec<String>, CallError> {
        let request = self.client.list_objects_v2().bucket(&self.config.bucket).prefix(prefix).delimiter("/");
        let mut pages = request.into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| CallError::of("s3:ListObjectsV2", &error))?;
            found.extend(page.common_prefixes().iter().filter_map(|common| common.prefix().map(str::to_owned)));
        }
        Ok(found)
    }

    fn is_read(&self, key: &str) -> bool {
        self.read.lock().expect("no holder of the keys panics").contains(key)
    }

    /// Keys before the window are not listed again, so they need not be remembered.
    fn mark_read(&self, key: &str, start: Option<&str>) {
        let mut read = self.read.lock().expect("no holder of the keys panics");
        if let (Some(start), Some(folder)) = (start, key.rsplit_once('/')) {
            let folder = folder.0;
            read.retain(|other| !other.starts_with(folder) || other.as_str() >= start);
        }
        read.insert(key.to_owned());
    }
}
