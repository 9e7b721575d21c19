//! One spelling for an asset that producers spell in several: what joins datasets and what other planes call them.

use crate::facts::Name;

/// The canonical key of a dataset: `s3://bucket/prefix`, `glue:account/database.table`, else `dataset:namespace|name`.
pub fn asset_key(name: &Name) -> String {
    s3_location(name)
        .or_else(|| glue_table(name))
        .unwrap_or_else(|| format!("dataset:{}|{}", name.namespace.trim_end_matches('/'), name.name))
}

/// `s3`, `s3a` and `s3n`; the bucket in the namespace or the whole location in the name.
fn s3_location(name: &Name) -> Option<String> {
    let in_namespace = strip_s3_scheme(&name.namespace);
    let (bucket, key) = match (strip_s3_scheme(&name.name), in_namespace) {
        (Some(location), _) => location.split_once('/').unwrap_or((location, "")),
        // A table name below a warehouse location (`s3://warehouse` and `db.table`) is no path.
        (None, Some(bucket)) => (bucket.trim_end_matches('/'), name.name.as_str()),
        (None, None) => return None,
    };
    if bucket.is_empty() {
        return None;
    }
    let key = key.trim_matches('/');
    Some(if key.is_empty() { format!("s3://{bucket}") } else { format!("s3://{bucket}/{key}") })
}

fn strip_s3_scheme(text: &str) -> Option<&str> {
    ["s3://", "s3a://", "s3n://"].iter().find_map(|scheme| text.strip_prefix(scheme))
}

/// `arn:aws:glue:region:account` with `table/db/table`, the older `aws:glue:…` with `db.table`, or the whole ARN as name.
fn glue_table(name: &Name) -> Option<String> {
    let whole =
        if name.name.starts_with("arn:aws") { name.name.clone() } else { format!("{}:{}", name.namespace, name.name) };
    let arn = whole.strip_prefix("arn:").unwrap_or(&whole);
    let mut parts = arn.splitn(5, ':');
    let (partition, service, _region, account, resource) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if !partition.starts_with("aws") || service != "glue" || account.is_empty() {
        return None;
    }
    let table = match resource.strip_prefix("table/") {
        Some(path) => path.replacen('/', ".", 1),
        None => resource.to_owned(),
    };
    Some(format!("glue:{account}/{table}"))
}

/// An asset and everything above it: `s3://b/x/y` lies in `s3://b/x` and in `s3://b`.
pub fn asset_and_ancestors(asset: &str) -> Vec<String> {
    let mut all = vec![asset.trim_end_matches('/').to_owned()];
    let Some(path) = asset.strip_prefix("s3://") else { return all };
    let mut path = path.trim_end_matches('/');
    while let Some((parent, _)) = path.rsplit_once('/') {
        all.push(format!("s3://{parent}"));
        path = parent;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_asset_have_one_key() {
        for (namespace, name, key) in [
            ("s3://lake-raw", "acme/orders", "s3://lake-raw/acme/orders"),
            ("s3a://lake-raw", "/acme/orders/", "s3://lake-raw/acme/orders"),
            ("s3n://lake-raw/", "acme/orders", "s3://lake-raw/acme/orders"),
            ("spark", "s3://lake-raw/acme/orders", "s3://lake-raw/acme/orders"),
            ("s3://lake-raw", "/", "s3://lake-raw"),
            ("arn:aws:glue:eu-central-1:123456789012", "table/acme_raw/orders", "glue:123456789012/acme_raw.orders"),
            ("aws:glue:us-west-2:123456789012", "acme_raw.orders", "glue:123456789012/acme_raw.orders"),
            ("postgres://db:5432", "shop.public.orders", "dataset:postgres://db:5432|shop.public.orders"),
            ("file", "/tmp/x", "dataset:file|/tmp/x"),
        ] {
            assert_eq!(asset_key(&Name::new(namespace, name)), key);
        }
    }

    #[test]
    fn an_object_lies_in_every_prefix_above_it() {
        assert_eq!(asset_and_ancestors("s3://b/x/y.csv"), ["s3://b/x/y.csv", "s3://b/x", "s3://b"]);
        assert_eq!(asset_and_ancestors("glue:1/db.t"), ["glue:1/db.t"]);
    }
}
