use wasmfaas::{Context, Error, Value};

wasmfaas::record! {
    struct Event { name: String }
}

/// {"name": "you"} -> {"greeting": "Hello, you!"}
fn hello(event: Event, _: &Context) -> Result<Value, Error> {
    Ok(wasmfaas::object! { "greeting" => format!("Hello, {}!", event.name) })
}

wasmfaas::export!(hello);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greets() {
        let context = Context::default();
        let answer = wasmfaas::run(hello, r#"{"name": "Ada"}"#, &context);
        assert_eq!(answer.unwrap(), r#"{"greeting":"Hello, Ada!"}"#);
        let error = wasmfaas::run(hello, "{}", &context).unwrap_err();
        assert_eq!(error.to_string(), "BadEvent: the event needs a string \"name\"");
    }
}
