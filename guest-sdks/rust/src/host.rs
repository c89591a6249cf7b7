use crate::{object, Error, IntoAnswer, Value};

#[cfg(target_family = "wasm")]
mod imports {
    #[link(wasm_import_module = "wasmfaas")]
    extern "C" {
        pub fn call(op: *const u8, op_size: usize, request: *const u8, request_size: usize) -> u64;
        pub fn take(data: *mut u8, size: usize) -> usize;
    }

    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    extern "C" {
        pub fn random_get(data: *mut u8, size: usize) -> i32;
    }
}

/// Asks the host for an operation, section 12 of the ABI; the request is an object. Outside of a
/// sandbox, the error is `Unavailable`.
#[track_caller]
pub fn call(op: &str, request: Value) -> Result<Value, Error> {
    let mut packed = Vec::new();
    crate::msgpack::write(&request, &mut packed);
    let unavailable = || Error::new("Unavailable", "there is no host to answer this");
    let (ok, answer) = asked(op, &packed).ok_or_else(unavailable)?;
    let mut answer = crate::msgpack::read(&answer).ok_or_else(unavailable)?;
    if ok {
        return Ok(answer);
    }
    let mut text_of = |name| match answer.take(name) {
        Value::String(text) => text,
        _ => String::new(),
    };
    let (error_type, message) = (text_of("errorType"), text_of("errorMessage"));
    Err(Error::new(error_type, message))
}

#[cfg(target_family = "wasm")]
fn asked(op: &str, request: &[u8]) -> Option<(bool, Vec<u8>)> {
    // The host reads what it is shown, and writes no more than it is told there is room for.
    unsafe {
        let called = imports::call(op.as_ptr(), op.len(), request.as_ptr(), request.len());
        let mut answer = vec![0; called as u32 as usize];
        let taken = imports::take(answer.as_mut_ptr(), answer.len());
        (taken > 0 && taken == answer.len()).then(|| (called >> 32 == 0, answer))
    }
}

#[cfg(not(target_family = "wasm"))]
fn asked(_: &str, _: &[u8]) -> Option<(bool, Vec<u8>)> {
    None
}

/// Fills *bytes* with randomness that nobody can foretell.
#[cfg(target_family = "wasm")]
pub fn random_bytes(bytes: &mut [u8]) {
    let status = unsafe { imports::random_get(bytes.as_mut_ptr(), bytes.len()) };
    assert_eq!(status, 0, "no randomness");
}

/// Fills *bytes* with randomness that nobody can foretell.
#[cfg(not(target_family = "wasm"))]
pub fn random_bytes(bytes: &mut [u8]) {
    use std::io::Read;
    let source = std::fs::File::open("/dev/urandom");
    source.and_then(|mut file| file.read_exact(bytes)).expect("no randomness");
}

/// What came of invoking a function.
#[derive(Clone, Debug)]
pub struct Invoked {
    /// 200, or 202 where it was only taken.
    pub status: i64,
    /// The answer, or the error payload: JSON text.
    pub payload: String,
    /// `Handled` or `Unhandled` where the function failed.
    pub function_error: Option<String>,
    pub executed_version: String,
    pub request_id: String,
}

impl Invoked {
    /// The answer; where the function failed, an error of its type.
    #[track_caller]
    pub fn value(&self) -> Result<Value, Error> {
        let value = Value::parse(&self.payload)?;
        if self.function_error.is_none() {
            return Ok(value);
        }
        let text_of = |name| value.get(name).as_str().unwrap_or_default().to_owned();
        Err(Error::new(text_of("errorType"), text_of("errorMessage")))
    }
}

/// Invokes a function, by name, `name:qualifier` or ARN, and waits for its answer.
#[track_caller]
pub fn invoke(function: &str, payload: impl IntoAnswer) -> Result<Invoked, Error> {
    invoked(function, payload.into_answer()?, "RequestResponse")
}

/// Leaves an event for a function, and does not wait.
#[track_caller]
pub fn invoke_event(function: &str, payload: impl IntoAnswer) -> Result<Invoked, Error> {
    invoked(function, payload.into_answer()?, "Event")
}

#[track_caller]
fn invoked(function: &str, payload: String, kind: &str) -> Result<Invoked, Error> {
    let request = object! { "function" => function, "payload" => payload, "type" => kind };
    let mut answer = call("invoke", request)?;
    let payload = answer.take("payload").into_bytes().unwrap_or_default();
    let text_of = |name| answer.get(name).as_str().map(str::to_owned);
    Ok(Invoked {
        status: answer.get("status").as_i64().unwrap_or_default(),
        payload: String::from_utf8(payload)?,
        function_error: text_of("functionError"),
        executed_version: text_of("executedVersion").unwrap_or_default(),
        request_id: text_of("requestId").unwrap_or_default(),
    })
}

/// The value of a secret.
#[track_caller]
pub fn secret(name: &str) -> Result<Vec<u8>, Error> {
    let mut answer = call("secrets.get", object! { "name" => name })?;
    Ok(answer.take("value").into_bytes().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(not(target_family = "wasm"))]
    fn without_a_host_calls_fail() {
        assert_eq!(secret("a").unwrap_err().error_type, "Unavailable");
    }

    #[test]
    fn randomness_differs() {
        let (mut one, mut two) = ([0; 16], [0; 16]);
        random_bytes(&mut one);
        random_bytes(&mut two);
        assert_ne!(one, two);
    }

    #[test]
    fn a_failed_function_is_an_error() {
        let invoked = |payload: &str, error: Option<&str>| Invoked {
            status: 200,
            payload: payload.to_owned(),
            function_error: error.map(str::to_owned),
            executed_version: String::new(),
            request_id: String::new(),
        };
        assert_eq!(invoked("[1]", None).value().unwrap().to_json(), "[1]");
        let payload = r#"{"errorType": "Odd", "errorMessage": "1 is odd"}"#;
        let error = invoked(payload, Some("Unhandled")).value().unwrap_err();
        assert_eq!(error.to_string(), "Odd: 1 is odd");
    }
}
