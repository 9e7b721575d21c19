//! A trail file's bytes to what is stored of it: pure, so that files are read in parallel with the database's work.

use chrono::{DateTime, Utc};
use lakewarden_core::Sha256;
use lakewarden_tenancy::Ownership;
use rustc_hash::FxHashMap;
use thiserror::Error;
use uuid::Uuid;

use crate::class::{Bits, Observation, ReadFile, Reject, Sample, SeenClass};
use crate::file::cut;
use crate::identity::{Actor, UserIdentity};
use crate::inflate::{InflateError, inflate};
use crate::record::{AdditionalData, Record, part, shorten};
use crate::redact::redacted_excerpt;
use crate::touched::{tagged_session, touched};

/// Records of one class kept whole per file.
const SAMPLES_PER_CLASS: u8 = 2;
const EXCERPT_BYTES: usize = 400;

#[derive(Debug, Error)]
pub enum ReadError {
    #[error(transparent)]
    Inflate(#[from] InflateError),
    #[error("no CloudTrail records in it: {0}")]
    NotATrail(String),
}

/// Reads a file's bytes, gzip or plain. Records that cannot be read are rejected one by one; a file without any record
/// that could be cut is an error as a whole.
pub fn read(
    name: &str,
    bytes: &[u8],
    limit: usize,
    ownership: &Ownership,
    now: DateTime<Utc>,
) -> Result<ReadFile, ReadError> {
    let inflated = inflate(bytes, limit)?;
    let cut = cut(&inflated.text);
    let broken = inflated.cut.or(cut.broken);
    if let (Some(reason), true) = (&broken, cut.records.is_empty()) {
        return Err(ReadError::NotATrail(reason.clone()));
    }
    let mut reader = Reader::new(name, bytes, ownership, now, cut.records.len());
    for (position, raw) in cut.records.iter().enumerate() {
        reader.read_record(position as u32, raw);
    }
    if let Some(reason) = broken {
        let rejects = &mut reader.file.rejects;
        rejects.push(Reject {
            position: Some(cut.records.len() as u32),
            reason: format!("the rest of the file is missing: {reason}"),
            excerpt: String::new(),
            hash: reader.file.hash,
        });
    }
    Ok(reader.file)
}

struct Reader<'a> {
    ownership: &'a Ownership,
    now: DateTime<Utc>,
    file: ReadFile,
    /// Identities repeat word for word within a file, so each is understood once.
    actors: FxHashMap<(&'a str, &'a str), u32>,
    classes: FxHashMap<SeenClass, u32>,
    sampled: Vec<u8>,
}

impl<'a> Reader<'a> {
    fn new(name: &str, bytes: &[u8], ownership: &'a Ownership, now: DateTime<Utc>, records: usize) -> Self {
        let file = ReadFile {
            name: crate::identity::clean(name, 500),
            hash: Sha256::of(bytes),
            size_bytes: bytes.len() as i64,
            actors: Vec::new(),
            classes: Vec::new(),
            observations: Vec::with_capacity(records),
            samples: Vec::new(),
            sessions: Vec::new(),
            rejects: Vec::new(),
        };
        Self { ownership, now, file, actors: FxHashMap::default(), classes: FxHashMap::default(), sampled: Vec::new() }
    }

    fn read_record(&mut self, position: u32, raw: &'a str) {
        let outcome = serde_json::from_str::<Record<'a>>(raw)
            .map_err(|error| error.to_string())
            .and_then(|record| Ok((record.time(self.now)?, record)));
        match outcome {
            Ok((at, record)) => self.take(position, raw, at, &record),
            Err(reason) => self.file.rejects.push(Reject {
                position: Some(position),
                reason,
                excerpt: redacted_excerpt(raw, EXCERPT_BYTES),
                hash: Sha256::of(raw.as_bytes()),
            }),
        }
    }

    fn take(&mut self, position: u32, raw: &'a str, at: DateTime<Utc>, record: &Record<'a>) {
        let actor = self.actor(record);
        let data: AdditionalData<'_> = part(record.additional_event_data);
        let class = self.class(record, &data, actor);
        let observation = Observation { key: key_of(record, raw), at, class, bytes_out: data.bytes_out(), position };
        self.file.observations.push(observation);
        let sampled = &mut self.sampled[class as usize];
        if *sampled < SAMPLES_PER_CLASS {
            *sampled += 1;
            self.file.samples.push(Sample::new(observation, raw));
        }
        if record.event_name.as_str().starts_with("AssumeRole") || record.event_name.as_str() == "GetFederationToken" {
            self.file.sessions.extend(tagged_session(record));
        }
    }

    fn actor(&mut self, record: &Record<'a>) -> u32 {
        let raw = record.user_identity.map_or("", |identity| identity.get());
        // Borrowed only where the file holds it unescaped, which account ids always are.
        let recipient: &'a str = match &record.recipient_account_id.0 {
            std::borrow::Cow::Borrowed(account) => account,
            std::borrow::Cow::Owned(_) => "",
        };
        if let Some(&actor) = self.actors.get(&(raw, recipient)) {
            return actor;
        }
        let identity: UserIdentity<'a> = part(record.user_identity);
        let index = self.file.actors.len() as u32;
        self.file.actors.push(Actor::of(identity, recipient).into_owned());
        self.actors.insert((raw, recipient), index);
        index
    }

    fn class(&mut self, record: &Record<'a>, data: &AdditionalData<'_>, actor_index: u32) -> u32 {
        let actor = &self.file.actors[actor_index as usize];
        let recipient = record.recipient_account_id.get().unwrap_or(&actor.account);
        let touched = touched(record, shorten(recipient, 60), self.ownership);
        let class = SeenClass {
            actor: actor_index,
            action: touched.action,
            operation: crate::identity::clean(&record.operation(), 160),
            resource: touched.resource,
            second: touched.second,
            bits: touched.bits.with(circumstances(record, data, actor)),
        };
        if let Some(&index) = self.classes.get(&class) {
            return index;
        }
        let index = self.file.classes.len() as u32;
        self.file.classes.push(class.clone());
        self.classes.insert(class, index);
        self.sampled.push(0);
        index
    }
}

fn circumstances(record: &Record<'_>, data: &AdditionalData<'_>, actor: &Actor<'_>) -> Bits {
    let error = record.error_code.as_str();
    let is_denied =
        ["AccessDenied", "Unauthorized", "Forbidden", "AuthFailure"].iter().any(|word| error.contains(word));
    let is_signed = data.signature_version.get().is_some() || data.authentication_method.get().is_some();
    let has_tls = record.tls_details.is_some() || data.cipher_suite.get().is_some();
    let recipient = record.recipient_account_id.as_str();
    let is_foreign = !actor.account.is_empty() && !recipient.is_empty() && actor.account != recipient;
    let by_service = actor.kind != crate::identity::PrincipalKind::Service && !actor.invoked_by.is_empty();
    Bits::NONE
        .with_if(is_denied, Bits::DENIED)
        .with_if(!is_denied && !error.is_empty(), Bits::FAILED)
        // Only S3 says how a request was signed, and then it also says the cipher if there was one.
        .with_if(is_signed && !has_tls, Bits::NO_TLS)
        .with_if(data.authentication_method.as_str() == "QueryString", Bits::PRESIGNED)
        .with_if(data.signature_version.as_str() == "SigV2", Bits::SIGV2)
        .with_if(is_foreign, Bits::CROSS_ACCOUNT)
        .with_if(actor.session.starts_with("AWSLF-"), Bits::VIA_LAKE_FORMATION)
        .with_if(actor.is_log_delivery(), Bits::LOG_DELIVERY)
        .with_if(record.vpc_endpoint_id.get().is_some(), Bits::VIA_ENDPOINT)
        .with_if(actor.has_long_lived_key(), Bits::LONG_LIVED_KEY)
        .with_if(actor.has_source_identity, Bits::SOURCE_IDENTITY)
        .with_if(by_service, Bits::BY_SERVICE)
}

/// One record has one key wherever and however often it is delivered.
fn key_of(record: &Record<'_>, raw: &str) -> Uuid {
    let digest = match record.event_id.get() {
        Some(id) => Sha256::of_parts([record.recipient_account_id.as_str().as_bytes(), id.as_bytes()]),
        None => Sha256::of(raw.as_bytes()),
    };
    Uuid::from_slice(&digest.as_bytes()[..16]).expect("sixteen bytes")
}
