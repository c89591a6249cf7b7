use wasmfaas::{Context, Error, RawJson};

/// Any event -> {"event": the event, "context": the context}, both as they came.
fn echo(event: RawJson, context: &Context) -> Result<RawJson, Error> {
    Ok(RawJson(format!(r#"{{"event":{},"context":{}}}"#, event.0, context.raw)))
}

wasmfaas::export!(echo);
