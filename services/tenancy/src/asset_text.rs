//! Assets as people write them: `s3://bucket/key`, `glue:db.table`, ARNs, `dataset:namespace|name`.

use std::fmt;

use thiserror::Error;

use crate::AssetRef;

#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "`{0}` is not an asset this service knows; write s3://bucket/key, glue:database.table, glue:account/database.table, \
     dataset:namespace|name, job:namespace|name, role:name, user:name, workgroup:name, account:123456789012, \
     tag:key=value, cost-tag:key=value, or an ARN of S3, Glue, IAM, STS or Athena"
)]
pub struct AssetTextError(pub String);

impl<'a> AssetRef<'a> {
    /// Reads what [`fmt::Display`] writes, and the ARNs that AWS writes.
    pub fn parse(text: &'a str) -> Result<Self, AssetTextError> {
        let text = text.trim();
        parse(text).ok_or_else(|| AssetTextError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<AssetRef<'_>> {
    if let Some(arn) = text.strip_prefix("arn:") {
        return parse_arn(arn);
    }
    if let Some(path) = strip_s3_scheme(text) {
        return parse_s3(path);
    }
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(AssetRef::Account(text));
    }
    let (kind, rest) = text.split_once(':')?;
    if rest.is_empty() {
        return None;
    }
    match kind {
        "glue" => {
            let (account, name) = rest.split_once('/').unwrap_or(("", rest));
            Some(glue(account, name))
        }
        "dataset" => rest.split_once('|').map(|(namespace, name)| AssetRef::Dataset { namespace, name }),
        "job" => rest.split_once('|').map(|(namespace, name)| AssetRef::Job { namespace, name }),
        "role" | "user" => {
            let (account, name) = rest.split_once('/').unwrap_or(("", rest));
            Some(if kind == "role" { AssetRef::Role { account, name } } else { AssetRef::User { account, name } })
        }
        "workgroup" => Some(AssetRef::Workgroup(rest)),
        "account" => Some(AssetRef::Account(rest)),
        "tag" => rest.split_once('=').map(|(key, value)| AssetRef::PrincipalTag { key, value }),
        "cost-tag" => rest.split_once('=').map(|(key, value)| AssetRef::CostTag { key, value }),
        _ => None,
    }
}

/// What follows the scheme of an S3 URL, in any of the three spellings Hadoop gave it.
pub(crate) fn strip_s3_scheme(text: &str) -> Option<&str> {
    ["s3://", "s3a://", "s3n://"].iter().find_map(|scheme| text.strip_prefix(scheme))
}

pub(crate) fn parse_s3(path: &str) -> Option<AssetRef<'_>> {
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    (!bucket.is_empty()).then_some(AssetRef::S3 { bucket, key })
}

fn glue<'a>(account: &'a str, name: &'a str) -> AssetRef<'a> {
    match name.split_once('.') {
        Some((database, table)) => AssetRef::GlueTable { account, database, table },
        None => AssetRef::GlueDatabase { account, database: name },
    }
}

/// `partition:service:region:account:resource`, after `arn:`.
fn parse_arn(arn: &str) -> Option<AssetRef<'_>> {
    let mut parts = arn.splitn(5, ':');
    let (_partition, service, _region, account, resource) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    match service {
        "s3" => parse_s3(resource),
        "glue" => parse_glue_resource(account, resource),
        "iam" if resource == "root" => Some(AssetRef::Account(account)),
        "iam" | "sts" => {
            let (kind, path) = resource.split_once('/')?;
            match kind {
                "role" => Some(AssetRef::Role { account, name: last_of(path) }),
                "user" => Some(AssetRef::User { account, name: last_of(path) }),
                "assumed-role" => Some(AssetRef::Role { account, name: path.split('/').next()? }),
                _ => None,
            }
        }
        "athena" => resource.strip_prefix("workgroup/").map(AssetRef::Workgroup),
        _ => None,
    }
}

/// `table/db/table` and `database/db`, after the account of a Glue ARN; also an OpenLineage name under such a namespace.
pub(crate) fn parse_glue_resource<'a>(account: &'a str, resource: &'a str) -> Option<AssetRef<'a>> {
    let (kind, rest) = resource.split_once('/')?;
    match kind {
        "table" => rest.split_once('/').map(|(database, table)| AssetRef::GlueTable { account, database, table }),
        "database" if !rest.is_empty() => Some(AssetRef::GlueDatabase { account, database: rest }),
        _ => None,
    }
}

/// A role's name without its path.
pub(crate) fn last_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The canonical text: what findings and pages show, and [`AssetRef::parse`] reads.
impl fmt::Display for AssetRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_account = |f: &mut fmt::Formatter<'_>, account: &str| {
            if account.is_empty() { Ok(()) } else { write!(f, "{account}/") }
        };
        match self {
            Self::S3 { bucket, key: "" } => write!(f, "s3://{bucket}"),
            Self::S3 { bucket, key } => write!(f, "s3://{bucket}/{key}"),
            Self::GlueDatabase { account, database } => {
                f.write_str("glue:")?;
                in_account(f, account)?;
                f.write_str(database)
            }
            Self::GlueTable { account, database, table } => {
                f.write_str("glue:")?;
                in_account(f, account)?;
                write!(f, "{database}.{table}")
            }
            Self::Dataset { namespace, name } => write!(f, "dataset:{namespace}|{name}"),
            Self::Job { namespace, name } => write!(f, "job:{namespace}|{name}"),
            Self::Role { account, name } => {
                f.write_str("role:")?;
                in_account(f, account)?;
                f.write_str(name)
            }
            Self::User { account, name } => {
                f.write_str("user:")?;
                in_account(f, account)?;
                f.write_str(name)
            }
            Self::PrincipalTag { key, value } => write!(f, "tag:{key}={value}"),
            Self::Account(account) => write!(f, "account:{account}"),
            Self::CostTag { key, value } => write!(f, "cost-tag:{key}={value}"),
            Self::Workgroup(name) => write!(f, "workgroup:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_read_again() {
        for text in [
            "s3://lake-raw",
            "s3://lake-raw/acme/orders.csv",
            "glue:acme_raw",
            "glue:111122223333/acme_raw.orders",
            "dataset:postgres://db:5432|shop.public.orders",
            "job:airflow-prod|acme.load",
            "role:acme-etl",
            "user:111122223333/ada",
            "tag:tenant=acme",
            "account:111122223333",
            "cost-tag:tenant=acme",
            "workgroup:acme",
        ] {
            assert_eq!(AssetRef::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn arns_are_read() {
        for (arn, canonical) in [
            ("arn:aws:s3:::lake-raw/acme/x", "s3://lake-raw/acme/x"),
            ("arn:aws:iam::111122223333:role/service-role/acme-etl", "role:111122223333/acme-etl"),
            ("arn:aws:sts::111122223333:assumed-role/acme-etl/session", "role:111122223333/acme-etl"),
            ("arn:aws:iam::111122223333:user/ada", "user:111122223333/ada"),
            ("arn:aws:iam::111122223333:root", "account:111122223333"),
            ("arn:aws:glue:eu-west-1:111122223333:table/acme_raw/orders", "glue:111122223333/acme_raw.orders"),
            ("arn:aws:glue:eu-west-1:111122223333:database/acme_raw", "glue:111122223333/acme_raw"),
            ("arn:aws:athena:eu-west-1:111122223333:workgroup/acme", "workgroup:acme"),
            ("s3a://lake-raw/x", "s3://lake-raw/x"),
            ("111122223333", "account:111122223333"),
        ] {
            assert_eq!(AssetRef::parse(arn).unwrap().to_string(), canonical, "{arn}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_would_do() {
        for text in [
            "",
            "orders",
            "s3://",
            "glue:",
            "dataset:x",
            "arn:aws:s3",
            "arn:aws:ec2:eu-west-1:1:instance/i",
            "ftp://x/y",
        ] {
            let error = AssetRef::parse(text).unwrap_err();
            assert!(error.to_string().contains("glue:database.table"), "{text}");
        }
    }
}
