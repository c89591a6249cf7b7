use wasmfaas::{Context, Error, Value};

/// Any event -> how much time was left; says so in the log, too.
fn log(_: Value, context: &Context) -> Result<Value, Error> {
    let remaining_ms = context.remaining().as_millis() as i64;
    wasmfaas::info!("invocation {} has {} ms left", context.request_id, remaining_ms);
    println!("stdout is the log, too");
    Ok(wasmfaas::object! { "remainingMs" => remaining_ms })
}

wasmfaas::export!(log);
