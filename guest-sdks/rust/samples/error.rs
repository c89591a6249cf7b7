use wasmfaas::{Context, Error};

wasmfaas::record! {
    struct Event { value: f64 }
}

/// {"value": 9} -> 3, but {"value": -4} -> an error of type Negative.
fn root(event: Event, _: &Context) -> Result<f64, Error> {
    if event.value < 0.0 {
        wasmfaas::fail!("Negative", "{} has no square root here", event.value);
    }
    Ok(event.value.sqrt())
}

wasmfaas::export!(root);
