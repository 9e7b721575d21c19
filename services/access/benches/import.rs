//! Trail files to committed, resolved, judged facts: records a second, memory, and how few classes they fall into.
//!
//! `TEST_DATABASE_URL` names a cluster; for figures that mean something, a durable one (fsync on). The files are generated,
//! always the same: `IMPORT_RECORDS` (default 1,000,000) records, 2,000 a file, of two tenants over a month.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use lakewarden_access::import;

#[expect(dead_code, reason = "the lake of the tests has more to offer than is needed here")]
#[path = "../tests/it/lake.rs"]
mod lake;

use lake::{ACCOUNT, Lake};

const RECORDS_PER_FILE: u64 = 2_000;
const DAYS: u64 = 30;

fn main() {
    let records: u64 = std::env::var("IMPORT_RECORDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime starts");
    let folder = tempfile::tempdir().expect("a folder for the files");
    let (inflated, compressed) = generate(folder.path(), records);
    println!("generated {records} records: {} MB, {} MB compressed", inflated / 1_000_000, compressed / 1_000_000);
    runtime.block_on(async {
        let lake = Lake::new().await;
        let started = Instant::now();
        let summary = import(&lake.ctx, &[folder.path().to_owned()], |_| {}).await.expect("the import succeeds");
        let seconds = started.elapsed().as_secs_f64();
        let classes = lake.count("select count(*) from access_classes").await;
        let findings = lake.count("select count(*) from findings").await;
        println!(
            "imported {} records in {seconds:.1} s: {:.0} records/s",
            summary.accepted,
            summary.accepted as f64 / seconds
        );
        println!(
            "{classes} classes: {:.2}% of records found theirs known",
            100.0 - classes as f64 * 100.0 / records as f64
        );
        println!("{findings} findings; peak memory {} MB", peak_memory_mb());
        let started = Instant::now();
        let again = import(&lake.ctx, &[folder.path().to_owned()], |_| {}).await.expect("the second import succeeds");
        println!("again: {} files skipped in {:.2} s", again.files_skipped, started.elapsed().as_secs_f64());
    });
}

/// A generator of its own, so that the files are the same on every machine and with every version of every crate.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn hex(&mut self, digits: usize) -> String {
        (0..digits).map(|_| char::from_digit(self.next(16) as u32, 16).expect("a hex digit")).collect()
    }
}

fn generate(folder: &Path, records: u64) -> (u64, u64) {
    let mut numbers = Numbers(7);
    let (mut inflated, mut compressed) = (0, 0);
    let files = records.div_ceil(RECORDS_PER_FILE);
    for file in 0..files {
        let minute = file * DAYS * 24 * 60 / files;
        let texts: Vec<String> = (0..RECORDS_PER_FILE).map(|_| record(&mut numbers, minute)).collect();
        let text = format!("{{\"Records\":[{}]}}", texts.join(","));
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).expect("compressing to memory");
        let bytes = encoder.finish().expect("compressing to memory");
        inflated += text.len() as u64;
        compressed += bytes.len() as u64;
        std::fs::write(folder.join(format!("{file:06}.json.gz")), bytes).expect("write a trail file");
    }
    (inflated, compressed)
}

/// An S3 data event as AWS writes it, about 1.3 kB; one in five hundred crosses tenants, one in twenty is a management event.
fn record(numbers: &mut Numbers, minute: u64) -> String {
    let actor = tenant(numbers.next(2));
    let owner = if numbers.next(500) == 0 { tenant(numbers.next(2)) } else { actor };
    let role = format!("{actor}-etl");
    let session = numbers.next(40);
    let (day, hour) = (minute / 1440, minute / 60 % 24);
    let time = format!("2026-10-{:02}T{hour:02}:{:02}:{:02}Z", day % 30 + 1, minute % 60, numbers.next(60));
    let (source, event) = match numbers.next(20) {
        0 => ("glue", "GetTable"),
        1..=5 => ("s3", "PutObject"),
        6 => ("s3", "ListObjects"),
        _ => ("s3", "GetObject"),
    };
    let table = ["orders", "customers", "invoices", "events"][numbers.next(4) as usize];
    let key = format!("{owner}/{table}/dt=2026-10-{:02}/part-{}.parquet", day % 30 + 1, numbers.hex(12));
    let parameters = if source == "glue" {
        format!(r#"{{"databaseName":"{owner}_raw","name":"{table}"}}"#)
    } else {
        format!(
            r#"{{"bucketName":"lake-raw","Host":"lake-raw.s3.eu-west-1.amazonaws.com","key":"{key}","prefix":"{owner}/{table}/","x-amz-server-side-encryption":"aws:kms"}}"#
        )
    };
    let (id, request) = (numbers.hex(32), numbers.hex(16));
    format!(
        concat!(
            r#"{{"eventVersion":"1.10","userIdentity":{{"type":"AssumedRole","principalId":"AROAEXAMPLE{role}:run-{session}","#,
            r#""arn":"arn:aws:sts::{account}:assumed-role/{role}/run-{session}","accountId":"{account}","accessKeyId":"ASIA{actor}{session}","#,
            r#""sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAEXAMPLE{role}","arn":"arn:aws:iam::{account}:role/{role}","#,
            r#""accountId":"{account}","userName":"{role}"}},"attributes":{{"creationDate":"{time}","mfaAuthenticated":"false"}}}}}},"#,
            r#""eventTime":"{time}","eventSource":"{source}.amazonaws.com","eventName":"{event}","awsRegion":"eu-west-1","#,
            r#""sourceIPAddress":"10.0.{session}.7","userAgent":"[aws-sdk-java/2.20.160 Linux/5.10 OpenJDK_64-Bit_Server_VM/17.0.9 Java/17.0.9 vendor/Amazon io/sync http/Apache cfg/retry-mode/standard]","#,
            r#""requestParameters":{parameters},"responseElements":null,"additionalEventData":{{"SignatureVersion":"SigV4","#,
            r#""CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0.0,"SSEApplied":"SSE_KMS","AuthenticationMethod":"AuthHeader","#,
            r#""x-amz-id-2":"{request}{request}{request}","bytesTransferredOut":{bytes}.0}},"requestID":"{request}","eventID":"{id}","readOnly":true,"#,
            r#""resources":[{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::lake-raw/{key}"}},{{"accountId":"{account}","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::lake-raw"}}],"#,
            r#""eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"{account}","eventCategory":"Data","#,
            r#""tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"lake-raw.s3.eu-west-1.amazonaws.com"}}}}"#
        ),
        account = ACCOUNT,
        role = role,
        actor = actor,
        session = session,
        time = time,
        source = source,
        event = event,
        parameters = parameters,
        request = request,
        bytes = numbers.next(5_000_000),
        id = id,
        key = key,
    )
}

fn tenant(index: u64) -> &'static str {
    if index.is_multiple_of(2) { "acme" } else { "globex" }
}

/// Of this process alone; 0 where the system does not say.
fn peak_memory_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) / 1024
}
