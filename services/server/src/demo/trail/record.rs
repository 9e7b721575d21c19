//! A CloudTrail record in AWS's own form, from the few things that differ between calls.

use chrono::{DateTime, SecondsFormat, Utc};
use rand::RngCore as _;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Builder;

use crate::demo::lake::{ACCOUNT, REGION};

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// A role's session in an account.
    Role {
        account: &'static str,
        role: String,
        session: String,
    },
    /// A user with a key that does not expire.
    User {
        name: String,
    },
    Root,
    Anonymous,
}

/// How a request to S3 travelled and was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    Header,
    Presigned,
    /// Signature Version 2 and no TLS.
    Old,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    Object {
        event: &'static str,
        bucket: String,
        key: String,
        bytes: u64,
        signing: Signing,
    },
    List {
        bucket: String,
        prefix: String,
    },
    Table {
        event: &'static str,
        database: String,
        table: String,
    },
    Query {
        workgroup: String,
        database: String,
        output: String,
        sql: String,
    },
    Vend {
        database: String,
        table: String,
    },
    Decrypt {
        key: String,
        object: String,
    },
    Assume {
        role: String,
        session: String,
        tag: Option<String>,
    },
    /// Anything else, parameters as they are: `(service, event, parameters)`.
    Other {
        service: &'static str,
        event: &'static str,
        parameters: Value,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub at: DateTime<Utc>,
    pub principal: Principal,
    pub request: Request,
    pub denied: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    event_version: &'static str,
    user_identity: Value,
    event_time: String,
    event_source: String,
    event_name: &'static str,
    aws_region: &'static str,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: String,
    user_agent: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'static str>,
    request_parameters: Value,
    response_elements: Value,
    #[serde(skip_serializing_if = "Value::is_null")]
    additional_event_data: Value,
    #[serde(rename = "requestID")]
    request_id: String,
    #[serde(rename = "eventID")]
    event_id: String,
    read_only: bool,
    #[serde(skip_serializing_if = "Value::is_null")]
    resources: Value,
    event_type: &'static str,
    management_event: bool,
    recipient_account_id: &'static str,
    event_category: &'static str,
    #[serde(skip_serializing_if = "Value::is_null")]
    tls_details: Value,
}

impl Call {
    pub fn record(&self, random: &mut ChaCha8Rng) -> Record {
        let (service, event) = self.request.event();
        let is_data = matches!(self.request, Request::Object { .. } | Request::List { .. });
        let host = self.request.host(service);
        let is_plain = matches!(self.request, Request::Object { signing: Signing::Old, .. });
        Record {
            event_version: "1.11",
            user_identity: self.principal.identity(self.at),
            event_time: self.at.to_rfc3339_opts(SecondsFormat::Secs, true),
            event_source: format!("{service}.amazonaws.com"),
            event_name: event,
            aws_region: REGION,
            source_ip_address: self.principal.address(),
            user_agent: self.principal.agent(),
            error_code: self.denied.then_some("AccessDenied"),
            error_message: self.denied.then_some("Access Denied"),
            request_parameters: self.request.parameters(),
            response_elements: Value::Null,
            additional_event_data: self.request.additional(),
            request_id: format!("{:016X}", random.next_u64()),
            event_id: event_id(random),
            read_only: self.request.is_read_only(),
            resources: self.request.resources(),
            event_type: "AwsApiCall",
            management_event: !is_data,
            recipient_account_id: ACCOUNT,
            event_category: if is_data { "Data" } else { "Management" },
            tls_details: if is_plain {
                Value::Null
            } else {
                json!({"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256", "clientProvidedHostHeader": host})
            },
        }
    }
}

fn event_id(random: &mut ChaCha8Rng) -> String {
    let mut bytes = [0; 16];
    random.fill_bytes(&mut bytes);
    Builder::from_random_bytes(bytes).into_uuid().to_string()
}

impl Principal {
    fn identity(&self, at: DateTime<Utc>) -> Value {
        match self {
            Self::Role { account, role, session } => json!({
                "type": "AssumedRole",
                "principalId": format!("AROA{}:{session}", letters(role)),
                "arn": format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"),
                "accountId": account,
                "accessKeyId": format!("ASIA{}", letters(session)),
                "sessionContext": {
                    "sessionIssuer": {
                        "type": "Role", "principalId": format!("AROA{}", letters(role)),
                        "arn": format!("arn:aws:iam::{account}:role/{role}"), "accountId": account, "userName": role,
                    },
                    "attributes": {"creationDate": at.format("%Y-%m-%dT%H:00:00Z").to_string(), "mfaAuthenticated": "false"},
                },
            }),
            Self::User { name } => json!({
                "type": "IAMUser", "principalId": format!("AIDA{}", letters(name)),
                "arn": format!("arn:aws:iam::{ACCOUNT}:user/{name}"), "accountId": ACCOUNT,
                "accessKeyId": format!("AKIA{}", letters(name)), "userName": name,
            }),
            Self::Root => json!({
                "type": "Root", "principalId": ACCOUNT, "arn": format!("arn:aws:iam::{ACCOUNT}:root"), "accountId": ACCOUNT,
                "accessKeyId": "",
            }),
            Self::Anonymous => json!({"type": "AWSAccount", "principalId": "", "accountId": "anonymous"}),
        }
    }

    fn address(&self) -> String {
        match self {
            Self::Role { session, .. } => format!("10.20.{}.{}", session.len() % 16, checksum(session) % 250),
            Self::User { name } => format!("198.51.100.{}", checksum(name) % 250),
            Self::Root => "198.51.100.7".to_owned(),
            Self::Anonymous => "203.0.113.99".to_owned(),
        }
    }

    fn agent(&self) -> &'static str {
        match self {
            Self::Role { role, .. } if role.ends_with("-etl") => {
                "aws-sdk-java/2.29.52 md/io#sync Linux/5.10 Java/17 exec-env/AWS_Glue"
            }
            Self::Role { .. } => "aws-cli/2.22.4 md/awscrt#0.23.4 ua/2.0 os/macos#24.5.0 lang/python#3.12.6",
            Self::User { .. } => "Boto3/1.17.112 Python/3.6.9 Linux/4.15.0 Botocore/1.20.112",
            Self::Root => "S3Console/0.4, aws-internal/3",
            Self::Anonymous => "curl/8.5.0",
        }
    }
}

/// Sixteen upper-case letters that stand for a name, as AWS's unique ids do.
fn letters(name: &str) -> String {
    let mut state = checksum(name);
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'A' + ((state >> 33) % 26) as u8)
    };
    (0..16).map(|_| letter()).collect()
}

fn checksum(text: &str) -> u64 {
    text.bytes().fold(14_695_981_039_346_656_037, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211))
}

impl Request {
    fn event(&self) -> (&'static str, &'static str) {
        match self {
            Self::Object { event, .. } => ("s3", event),
            Self::List { .. } => ("s3", "ListObjects"),
            Self::Table { event, .. } => ("glue", event),
            Self::Query { .. } => ("athena", "StartQueryExecution"),
            Self::Vend { .. } => ("lakeformation", "GetDataAccess"),
            Self::Decrypt { .. } => ("kms", "Decrypt"),
            Self::Assume { .. } => ("sts", "AssumeRole"),
            Self::Other { service, event, .. } => (service, event),
        }
    }

    fn host(&self, service: &str) -> String {
        match self {
            Self::Object { bucket, .. } | Self::List { bucket, .. } => format!("{bucket}.s3.{REGION}.amazonaws.com"),
            _ => format!("{service}.{REGION}.amazonaws.com"),
        }
    }

    fn is_read_only(&self) -> bool {
        match self {
            Self::Object { event, .. } => event.starts_with("Get") || event.starts_with("Head"),
            Self::Table { event, .. } => event.starts_with("Get"),
            Self::Query { .. } | Self::Other { .. } => false,
            Self::List { .. } | Self::Vend { .. } | Self::Decrypt { .. } | Self::Assume { .. } => true,
        }
    }

    fn parameters(&self) -> Value {
        match self {
            Self::Object { bucket, key, .. } => json!({"bucketName": bucket, "Host": self.host("s3"), "key": key}),
            Self::List { bucket, prefix } => {
                json!({"list-type": "2", "bucketName": bucket, "encoding-type": "url", "prefix": prefix, "Host": self.host("s3")})
            }
            Self::Table { database, table, .. } => {
                json!({"databaseName": database, "name": table, "catalogId": ACCOUNT})
            }
            Self::Query { workgroup, database, output, sql } => json!({
                "queryString": sql, "workGroup": workgroup,
                "queryExecutionContext": {"database": database}, "resultConfiguration": {"outputLocation": output},
            }),
            Self::Vend { database, table } => json!({
                "tableArn": format!("arn:aws:glue:{REGION}:{ACCOUNT}:table/{database}/{table}"),
                "permissions": ["SELECT"], "durationSeconds": 3600,
                "auditContext": {"additionalAuditContext": "{queryId: 6f2f9f0e-52a5-4e53-9d51-3a3c4e3e9a11}"},
                "supportedPermissionTypes": ["COLUMN_PERMISSION", "CELL_FILTER_PERMISSION"],
            }),
            Self::Decrypt { object, .. } => {
                json!({"encryptionContext": {"aws:s3:arn": object}, "encryptionAlgorithm": "SYMMETRIC_DEFAULT"})
            }
            Self::Assume { role, session, tag } => {
                let mut parameters = json!({
                    "roleArn": format!("arn:aws:iam::{ACCOUNT}:role/{role}"), "roleSessionName": session, "durationSeconds": 3600,
                });
                if let Some(tenant) = tag {
                    parameters["tags"] = json!([{"key": "tenant", "value": tenant}]);
                }
                parameters
            }
            Self::Other { parameters, .. } => parameters.clone(),
        }
    }

    fn additional(&self) -> Value {
        let s3 = |signing: Signing, out: u64, into: u64| {
            let method = if signing == Signing::Presigned { "QueryString" } else { "AuthHeader" };
            let mut data =
                json!({"AuthenticationMethod": method, "bytesTransferredIn": into, "bytesTransferredOut": out});
            let version = if signing == Signing::Old { "SigV2" } else { "SigV4" };
            data["SignatureVersion"] = version.into();
            if signing != Signing::Old {
                data["CipherSuite"] = "TLS_AES_128_GCM_SHA256".into();
                data["SSEApplied"] = "SSE_KMS".into();
            }
            data
        };
        match self {
            Self::Object { bytes, signing, .. } if self.is_read_only() => s3(*signing, *bytes, 0),
            Self::Object { bytes, signing, .. } => s3(*signing, 0, *bytes),
            Self::List { .. } => s3(Signing::Header, 7_412, 0),
            Self::Vend { .. } => json!({"requesterService": "ATHENA", "LakeFormationTrustedCallerInvocation": "true"}),
            _ => Value::Null,
        }
    }

    fn resources(&self) -> Value {
        let bucket_of = |bucket: &str| json!({"accountId": ACCOUNT, "type": "AWS::S3::Bucket", "ARN": format!("arn:aws:s3:::{bucket}")});
        match self {
            Self::Object { bucket, key, .. } => {
                json!([{"type": "AWS::S3::Object", "ARN": format!("arn:aws:s3:::{bucket}/{key}")}, bucket_of(bucket)])
            }
            Self::List { bucket, prefix } => {
                json!([{"type": "AWS::S3::Object", "ARNPrefix": format!("arn:aws:s3:::{bucket}/{prefix}")}, bucket_of(bucket)])
            }
            Self::Decrypt { key, .. } => json!([{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": key}]),
            Self::Assume { role, .. } => {
                json!([{"accountId": ACCOUNT, "type": "AWS::IAM::Role", "ARN": format!("arn:aws:iam::{ACCOUNT}:role/{role}")}])
            }
            _ => Value::Null,
        }
    }
}
