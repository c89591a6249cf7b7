use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{Error, Value};

/// The invocation: what Lambda's context objects have. `Context::default()` is for unit tests.
#[derive(Clone, Debug, Default)]
pub struct Context {
    pub request_id: String,
    /// When the invocation is ended, in milliseconds since 1970.
    pub deadline_ms: u64,
    pub function_name: String,
    pub function_version: String,
    pub invoked_function_arn: String,
    pub memory_limit_in_mb: u32,
    pub log_group_name: String,
    pub log_stream_name: String,
    /// Null where the caller sent none.
    pub client_context: Value,
    pub identity: Value,
    /// X-Ray's trace header.
    pub trace_id: Option<String>,
    /// All of it, JSON text.
    pub raw: String,
}

impl Context {
    /// The context of a JSON text.
    pub fn parse(text: &str) -> Result<Context, Error> {
        let mut fields = Value::parse(text)?;
        let mut text_of = |name: &str| match fields.take(name) {
            Value::String(text) => text,
            _ => String::new(),
        };
        Ok(Context {
            request_id: text_of("requestId"),
            deadline_ms: text_of("deadlineMs").parse().unwrap_or(0),
            function_name: text_of("functionName"),
            function_version: text_of("functionVersion"),
            invoked_function_arn: text_of("invokedFunctionArn"),
            memory_limit_in_mb: text_of("memoryLimitInMB").parse().unwrap_or(0),
            log_group_name: text_of("logGroupName"),
            log_stream_name: text_of("logStreamName"),
            trace_id: Some(text_of("traceId")).filter(|id| !id.is_empty()),
            client_context: fields.take("clientContext"),
            identity: fields.take("identity"),
            raw: text.to_owned(),
        })
    }

    /// The time until the invocation is ended, at least 0.
    pub fn remaining(&self) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Duration::from_millis(self.deadline_ms).saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_has_every_field() {
        let text = r#"{"requestId": "id", "deadlineMs": "99999999999999", "functionName": "name",
            "functionVersion": "1", "invokedFunctionArn": "arn", "memoryLimitInMB": "128",
            "logGroupName": "group", "logStreamName": "stream", "clientContext": {"custom": {}},
            "identity": null, "traceId": "Root=1", "newer": []}"#;
        let context = Context::parse(text).unwrap();
        assert_eq!(context.request_id, "id");
        assert_eq!(context.memory_limit_in_mb, 128);
        assert_eq!(context.trace_id.as_deref(), Some("Root=1"));
        assert!(context.client_context.get("custom").as_object().is_some());
        assert!(context.remaining() > Duration::from_secs(3600));
        assert_eq!(context.raw, text);
        assert_eq!(Context::parse("{}").unwrap().remaining(), Duration::ZERO);
        assert!(Context::parse("").is_err());
    }
}
