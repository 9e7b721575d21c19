//! Keeps the answers exactly as AWS sent them, so that keys this version does not know are kept too.

use std::sync::{Arc, Mutex};

use aws_sdk_glue::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_glue::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_glue::error::BoxError;
use bytes::Bytes;

/// Bodies of the answers that were understood, in their order; attempts that failed leave nothing.
#[derive(Debug, Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<Bytes>>>);

impl Recorder {
    /// What was recorded since the last call.
    pub fn take(&self) -> Vec<Bytes> {
        std::mem::take(&mut *self.0.lock().expect("no holder of the recording panics"))
    }
}

impl Intercept for Recorder {
    fn name(&self) -> &'static str {
        "Recorder"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let (true, Some(body)) = (context.output_or_error().is_ok(), context.response().body().bytes()) {
            self.0.lock().expect("no holder of the recording panics").push(Bytes::copy_from_slice(body));
        }
        Ok(())
    }
}
