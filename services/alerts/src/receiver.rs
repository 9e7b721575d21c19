//! Where messages go. An address is a secret: only its host is ever shown.

use std::fmt;
use std::net::IpAddr;

use chrono::TimeDelta;
use reqwest::Url;
use serde::Deserialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReceiverKind {
    Slack,
    Webhook,
}

impl ReceiverKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Webhook => "webhook",
        }
    }
}

impl fmt::Display for ReceiverKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Somebody who can be told.
#[derive(Debug, Clone)]
pub struct Receiver {
    pub name: String,
    pub kind: ReceiverKind,
    pub(crate) address: Address,
    /// The environment variable that holds the signing secret.
    pub(crate) secret_env: Option<String>,
    pub(crate) min_interval: TimeDelta,
    pub(crate) allow_private: bool,
}

/// Where secrets are looked up: the process's environment, or a test's.
pub(crate) type Environment = dyn Fn(&str) -> Option<String> + Send + Sync;

impl Receiver {
    /// What a page may show of the address.
    pub(crate) fn host(&self, environment: &Environment) -> String {
        match self.address.url(environment) {
            Ok(url) => url.host_str().unwrap_or_default().to_owned(),
            Err(missing) => missing,
        }
    }
}

/// An address, or where to find it.
#[derive(Clone)]
pub(crate) enum Address {
    Url(Url),
    Environment(String),
}

impl Address {
    /// The error never holds the text: a mistyped secret is still a secret.
    pub(crate) fn of_url(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("the url cannot be read: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err("the url must start with https:// or http:// and name a host".to_owned());
        }
        Ok(Self::Url(url))
    }

    pub(crate) fn url(&self, environment: &Environment) -> Result<Url, String> {
        match self {
            Self::Url(url) => Ok(url.clone()),
            Self::Environment(name) => {
                let text = environment(name).ok_or_else(|| format!("the environment variable {name} is not set"))?;
                match Self::of_url(text.trim()) {
                    Ok(Self::Url(url)) => Ok(url),
                    Ok(Self::Environment(_)) => Err(format!("{name} names another variable")),
                    Err(error) => Err(format!("{name}: {error}")),
                }
            }
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => write!(f, "Url({}://{}/…)", url.scheme(), url.host_str().unwrap_or_default()),
            Self::Environment(name) => write!(f, "Environment({name})"),
        }
    }
}

/// Whether nothing may be sent to this address.
///
/// Link-local addresses hold the cloud's metadata service, and with it the machine's credentials: never. Private ones only
/// where the receiver says so.
pub(crate) fn is_refused(ip: IpAddr, allow_private: bool) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let shared = first == 100 && (64..128).contains(&second);
            let never =
                ip.is_link_local() || ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() || first == 0;
            never || (!allow_private && (ip.is_loopback() || ip.is_private() || shared))
        }
        IpAddr::V6(ip) => {
            if let Some(inner) = ip.to_ipv4_mapped() {
                return is_refused(IpAddr::V4(inner), allow_private);
            }
            let segments = ip.segments();
            // The well-known NAT64 prefix carries an IPv4 address in its end.
            if segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0] {
                let [a, b] = segments[6].to_be_bytes();
                let [c, d] = segments[7].to_be_bytes();
                return is_refused(IpAddr::from([a, b, c, d]), allow_private);
            }
            // fd00:ec2::/32 is where AWS keeps its metadata service.
            let metadata = segments[0] == 0xfd00 && segments[1] == 0x0ec2;
            let never = ip.is_unicast_link_local() || ip.is_unspecified() || ip.is_multicast() || metadata;
            never || (!allow_private && (ip.is_loopback() || ip.is_unique_local()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_and_link_local_addresses_are_refused_whatever_the_receiver_says() {
        for ip in [
            "169.254.169.254",
            "169.254.0.1",
            "fe80::1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "fd00:ec2::254",
            "0.0.0.0",
            "::",
            "224.0.0.1",
            "255.255.255.255",
        ] {
            assert!(is_refused(ip.parse().unwrap(), true), "{ip}");
        }
    }

    #[test]
    fn private_addresses_are_refused_unless_the_receiver_allows_them() {
        for ip in
            ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd12::1", "::ffff:10.0.0.1"]
        {
            assert!(is_refused(ip.parse().unwrap(), false), "{ip}");
            assert!(!is_refused(ip.parse().unwrap(), true), "{ip}");
        }
        for ip in ["3.5.140.2", "2606:4700::1111"] {
            assert!(!is_refused(ip.parse().unwrap(), false), "{ip}");
        }
    }
}
