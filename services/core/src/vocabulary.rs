//! The product's closed word lists: severities, planes and layers, spelt one way everywhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{found}` is not one of {expected}")]
pub struct UnknownWord {
    pub found: String,
    pub expected: &'static str,
}

/// An enum whose words are the same in SQL (`text`), JSON, TOML and on pages.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $expected:literal { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
        #[serde(rename_all = "lowercase")]
        #[sqlx(type_name = "text", rename_all = "lowercase")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord { found: text.to_owned(), expected: $expected }),
                }
            }
        }
    };
}

words! {
    /// How bad a breach is; ordered, worst first.
    Severity, "critical, high, medium, low, info" {
        Critical = "critical",
        High = "high",
        Medium = "medium",
        Low = "low",
        Info = "info",
    }
}

words! {
    /// The side from which isolation is judged.
    Plane, "access, flow, grant, catalog" {
        /// Who did: CloudTrail.
        Access = "access",
        /// Where data went: lineage, transitively.
        Flow = "flow",
        /// Who may: Lake Formation, IAM, bucket policies.
        Grant = "grant",
        /// What exists: Glue locations, formats, tags, encryption.
        Catalog = "catalog",
    }
}

words! {
    /// Where in the lake an asset lies.
    Layer, "raw, processed, analytics" {
        Raw = "raw",
        Processed = "processed",
        Analytics = "analytics",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_spelt_one_way_in_text_and_json() {
        for severity in Severity::ALL {
            assert_eq!(severity.as_str().parse(), Ok(*severity));
            assert_eq!(serde_json::to_value(severity).unwrap(), severity.as_str());
        }
        assert!(Severity::Critical < Severity::Info, "worst first");
        assert_eq!("Raw".parse::<Layer>().unwrap_err().to_string(), "`Raw` is not one of raw, processed, analytics");
    }
}
