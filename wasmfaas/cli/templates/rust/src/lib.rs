use wasmfaas::{Context, Error};

wasmfaas::record! {
    struct Event { name: String }

    struct Answer { greeting: String }
}

/// {"name": "Ada"} -> {"greeting": "Hello, Ada!"}
fn handler(event: Event, context: &Context) -> Result<Answer, Error> {
    if event.name.is_empty() {
        wasmfaas::fail!("NameMissing", "the name is empty");
    }
    wasmfaas::info!("greeting {}, {:?} left", event.name, context.remaining());
    Ok(Answer {
        greeting: format!("Hello, {}!", event.name),
    })
}

wasmfaas::export!(handler);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greets() {
        let event = Event {
            name: "Ada".to_owned(),
        };
        assert_eq!(
            handler(event, &Context::default()).unwrap().greeting,
            "Hello, Ada!"
        );
    }
}
