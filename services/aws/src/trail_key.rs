//! Names of trail files: `[prefix/]AWSLogs/[o-…/]account/CloudTrail/region/YYYY/MM/DD/account_CloudTrail_region_TIME_….json.gz`.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

/// The folder of one account and region in a trail's bucket; keys in it are in the order of their delivery.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Folder {
    /// With a trailing slash.
    pub prefix: String,
    pub account: String,
    pub region: String,
}

impl Folder {
    /// From `…/account/CloudTrail/region/`; any other folder (digests, insights) is none.
    pub fn parse(prefix: &str) -> Option<Self> {
        let mut parts = prefix.strip_suffix('/')?.rsplit('/');
        let (region, kind, account) = (parts.next()?, parts.next()?, parts.next()?);
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        (kind == "CloudTrail" && is_account && !region.is_empty()).then(|| Self {
            prefix: prefix.to_owned(),
            account: account.to_owned(),
            region: region.to_owned(),
        })
    }

    /// Where to go on listing: everything delivered `lateness` before the last file, because files may come late and S3 keys
    /// are ordered by minute only. From the start where nothing was read.
    pub fn start_after(&self, last_key: Option<&str>, lateness: TimeDelta) -> Option<String> {
        let from = delivered_at(last_key?)? - lateness;
        Some(format!(
            "{}{}/{}_CloudTrail_{}_{}",
            self.prefix,
            from.format("%Y/%m/%d"),
            self.account,
            self.region,
            from.format("%Y%m%dT%H%M")
        ))
    }
}

/// When a file was delivered, from its name; `None` for what is no trail file.
pub fn delivered_at(key: &str) -> Option<DateTime<Utc>> {
    let file = key.rsplit('/').next()?;
    let name = file.strip_suffix(".json.gz").or_else(|| file.strip_suffix(".json"))?;
    let mut parts = name.split('_');
    let (_account, kind, _region, time) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if kind != "CloudTrail" {
        return None;
    }
    NaiveDateTime::parse_from_str(time, "%Y%m%dT%H%MZ").ok().map(|at| at.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &str = "lake/AWSLogs/o-abc/111122223333/CloudTrail/eu-west-1/";

    #[test]
    fn only_folders_of_trail_files_are_read() {
        let folder = Folder::parse(PREFIX).unwrap();
        assert_eq!((folder.account.as_str(), folder.region.as_str()), ("111122223333", "eu-west-1"));
        for other in [
            "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/",
            "AWSLogs/111122223333/CloudTrail-Insight/eu-west-1/",
            "AWSLogs/111122223333/Config/eu-west-1/",
            "AWSLogs/o-abc/CloudTrail/eu-west-1/",
            "",
        ] {
            assert_eq!(Folder::parse(other), None, "{other}");
        }
    }

    #[test]
    fn listing_goes_on_some_time_before_the_last_file() {
        let folder = Folder::parse(PREFIX).unwrap();
        let last =
            format!("{PREFIX}2026/11/22/111122223333_CloudTrail_eu-west-1_20261122T0010Z_abcdefghijklmnop.json.gz");
        assert_eq!(
            folder.start_after(Some(&last), TimeDelta::hours(1)).unwrap(),
            format!("{PREFIX}2026/11/21/111122223333_CloudTrail_eu-west-1_20261121T2310")
        );
        assert_eq!(folder.start_after(None, TimeDelta::hours(1)), None);
    }

    #[test]
    fn a_name_that_is_no_trail_file_has_no_time() {
        for key in [
            "a/b/c.txt",
            "a/111122223333_CloudTrail-Digest_eu-west-1_x_20261122T001000Z.json.gz",
            "a/x_CloudTrail_r_nonsense_.json.gz",
        ] {
            assert_eq!(delivered_at(key), None, "{key}");
        }
    }
}
