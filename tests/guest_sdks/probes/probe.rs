//! The probe of the conformance run, in Rust; tests/guest_sdks/test_conformance.py says what it does.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use wasmfaas::http::{Request, Response};
use wasmfaas::{
    fetch, kv, object, Context, Error, FromEvent, FromValue, IntoValue, RawJson, Value,
};

static COUNT: AtomicI64 = AtomicI64::new(0);

wasmfaas::record! {
    struct Event {
        r#do: Option<String>,
        name: Option<String>,
        text: Option<String>,
        r#type: Option<String>,
        message: Option<String>,
        key: Option<String>,
        url: Option<String>,
        value: Value,
    }
}

fn probe(event: RawJson, context: &Context) -> Result<Value, Error> {
    let count = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    let value = Value::from_event(&event.0)?;
    if !value.get("requestContext").is_null() {
        return respond(Request::from_event(&event.0)?);
    }
    let event = Event::from_value(value).map_err(|what| Error::new("BadEvent", what))?;
    Ok(match event.r#do.as_deref().unwrap_or_default() {
        "environment" => std::env::var(event.name.unwrap_or_default()).ok().into_value(),
        "time" => (SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64).into_value(),
        "random" => drawn(),
        "count" => count.into_value(),
        "context" => known(context),
        "text" => event.text.into_value(),
        "value" => event.value,
        "get" => text_of(&event.key.unwrap_or_default())?.into_value(),
        "ask" => asked(&event.url.unwrap_or_default())?,
        "fail" => wasmfaas::fail!(
            event.r#type.unwrap_or_default(),
            "{}",
            event.message.unwrap_or_default()
        ),
        "panic" => panic!("{}", event.message.unwrap_or_default()),
        "exit" => std::process::exit(0),
        "log" => logged(),
        "allocate" => allocate(),
        _ => wasmfaas::fail!("BadEvent", "nothing to do"),
    })
}

fn drawn() -> Value {
    let mut secure = [0; 8];
    wasmfaas::random_bytes(&mut secure);
    let pseudo = RandomState::new().build_hasher().finish();
    object! { "secure" => format!("{:?}", secure), "pseudo" => pseudo.to_string() }
}

fn known(context: &Context) -> Value {
    object! {
        "requestId" => context.request_id.as_str(),
        "functionName" => context.function_name.as_str(),
        "functionVersion" => context.function_version.as_str(),
        "invokedFunctionArn" => context.invoked_function_arn.as_str(),
        "memoryLimitInMB" => context.memory_limit_in_mb,
        "logGroupName" => context.log_group_name.as_str(),
        "logStreamName" => context.log_stream_name.as_str(),
        "traceId" => context.trace_id.clone(),
        "remainingMs" => context.remaining().as_millis() as i64,
    }
}

fn text_of(key: &str) -> Result<Option<String>, Error> {
    let entry = kv::store().get(key)?;
    Ok(entry.map(|entry| String::from_utf8(entry.value)).transpose()?)
}

/// Whatever there is to ask for; see `test_capabilities`.
fn asked(url: &str) -> Result<Value, Error> {
    let answer =
        fetch::post(url, "é").header("x-mine", "m").timeout(Duration::from_secs(30)).send()?;
    let store = kv::store();
    let first = store.set("a/1", "one")?;
    let setting =
        || kv::Setting { time_to_live: Some(Duration::from_secs(60)), if_version: Some(0) };
    store.set_with("a/2", [0, 255], setting())?;
    let conflict = store.set_with("a/2", "two", setting()).unwrap_err();
    let page = store.list("a/", 1, None)?;
    let rest = store.list("a/", 9, page.next.as_deref())?;
    let entry = store.get("a/2")?.unwrap();
    let invoked = wasmfaas::invoke("rust-callee", object! { "n" => 1 })?;
    Ok(object! {
        "status" => answer.status,
        "kind" => answer.header("Content-TYPE"),
        "told" => answer.json()?,
        "conflict" => conflict.error_type,
        "keys" => page.keys.into_iter().chain(rest.keys).map(|key| key.key).collect::<Vec<_>>(),
        "expires" => entry.expires_at_ms.is_some(),
        "bytes" => entry.value,
        "deleted" => vec![store.delete("a/1", Some(first))?, store.delete("a/1", None)?],
        "left" => text_of("a/1")?,
        "answer" => invoked.value()?,
        "failed" => wasmfaas::invoke("rust-callee", ())?.value().unwrap_err().error_type,
        "accepted" => wasmfaas::invoke_event("rust-callee", object! { "n" => 1 })?.status,
        "secret" => String::from_utf8(wasmfaas::secret("RUST_TOKEN")?)?,
    })
}

fn logged() -> Value {
    println!("one");
    eprintln!("two");
    wasmfaas::debug!("three");
    wasmfaas::info!("four");
    wasmfaas::warn!("five");
    wasmfaas::error!("six");
    Value::Null
}

fn allocate() -> Value {
    let mut kept = Vec::new();
    loop {
        kept.push(vec![1u8; 1 << 20]);
    }
}

fn respond(request: Request) -> Result<Value, Error> {
    let backwards: Vec<u8> = request.body.into_iter().rev().collect();
    let answer = Response::new(201).header("content-type", "application/octet-stream");
    Ok(answer.header("x-method", &request.method).body(backwards).into_value())
}

wasmfaas::export!(probe);
