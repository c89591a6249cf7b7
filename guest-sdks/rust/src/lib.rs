//! Write [wasmfaas](https://github.com/wasmfaas/wasmfaas) functions in Rust.
//!
//! ```
//! use wasmfaas::{Context, Error, Value};
//!
//! wasmfaas::record! {
//!     struct Event { name: String }
//! }
//!
//! fn hello(event: Event, _: &Context) -> Result<Value, Error> {
//!     Ok(wasmfaas::object! { "greeting" => format!("Hello, {}!", event.name) })
//! }
//!
//! wasmfaas::export!(hello);
//! # assert!(wasmfaas::run(hello, r#"{"name": "Ada"}"#, &Context::default()).is_ok());
//! ```
//!
//! Built as a `cdylib` for `wasm32-wasip1` that is a function to deploy. It has no dependencies, and
//! needs Rust 1.63. ABI version 1, see guest-sdks/README.md.

#[doc(hidden)]
pub mod abi;
mod base64;
mod context;
mod convert;
mod envelope;
mod error;
pub mod fetch;
mod host;
pub mod http;
mod json;
pub mod kv;
pub mod log;
mod msgpack;
mod record;
mod value;

pub use context::Context;
pub use convert::{FromEvent, FromValue, IntoAnswer, IntoValue, RawJson};
pub use error::Error;
pub use host::{call, invoke, invoke_event, random_bytes, secret, Invoked};
pub use value::{Object, Value, DEPTH_MAX};

/// Runs a handler on an event, JSON text, and returns the answer, JSON text; for unit tests, too.
pub fn run<Event, Answer, Handler>(
    handler: Handler,
    event: &str,
    context: &Context,
) -> Result<String, Error>
where
    Event: FromEvent,
    Answer: IntoAnswer,
    Handler: FnOnce(Event, &Context) -> Result<Answer, Error>,
{
    handler(Event::from_event(event)?, context)?.into_answer()
}

/// Makes a handler, `fn(event, &Context) -> Result<answer, Error>`, the function of this module.
#[macro_export]
macro_rules! export {
    ($handler:path) => {
        const _: fn(&str, &$crate::Context) -> Result<String, $crate::Error> = {
            fn run(event: &str, context: &$crate::Context) -> Result<String, $crate::Error> {
                $crate::run($handler, event, context)
            }

            #[cfg(all(target_family = "wasm", not(test)))]
            #[no_mangle]
            extern "C" fn _initialize() {
                $crate::abi::initialize()
            }

            #[cfg(all(target_family = "wasm", not(test)))]
            #[no_mangle]
            extern "C" fn wasmfaas_alloc(size: usize) -> *mut u8 {
                $crate::abi::allocate(size)
            }

            #[cfg(all(target_family = "wasm", not(test)))]
            #[no_mangle]
            extern "C" fn wasmfaas_handle(_: *mut u8, size: usize) -> u64 {
                $crate::abi::handle(size, run)
            }

            run
        };
    };
}
