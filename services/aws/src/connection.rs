//! How AWS is reached: region, retries, timeouts, and another endpoint where `AWS_ENDPOINT_URL…` names one.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_glue::config::Credentials;

/// Attempts of one call, all waiting included about two minutes at worst.
const ATTEMPTS: u32 = 8;

/// What the environment does not say. The default is right outside tests.
#[derive(Debug, Clone)]
pub struct Connection {
    pub endpoint_url: Option<String>,
    pub credentials: Option<Credentials>,
    pub attempts: u32,
    pub first_backoff: Duration,
}

impl Default for Connection {
    fn default() -> Self {
        Self { endpoint_url: None, credentials: None, attempts: ATTEMPTS, first_backoff: Duration::from_secs(1) }
    }
}

impl Connection {
    pub async fn open(&self, region: &str) -> SdkConfig {
        // Adaptive: after a "slower" the client itself slows down, for all its calls.
        let retry = RetryConfig::adaptive().with_max_attempts(self.attempts).with_initial_backoff(self.first_backoff);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_attempt_timeout(Duration::from_mins(1))
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .retry_config(retry)
            .timeout_config(timeouts);
        if let Some(url) = &self.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if let Some(credentials) = &self.credentials {
            loader = loader.credentials_provider(credentials.clone());
        }
        loader.load().await
    }
}
