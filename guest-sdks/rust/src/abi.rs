//! The host's side of a module, section 5 of the ABI: what `export!` needs.

use std::cell::UnsafeCell;
use std::io::Write;

use crate::{envelope, Context, Error};

/// Bytes of events and of answers for which there is room from the start.
const WARM_BYTES: usize = 4096;
/// What handlers allocate comes from here first: memory that grows costs the host a sandbox.
const HEAP_BYTES: usize = 256 * 1024;

#[derive(Default)]
struct Buffers {
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
}

struct Shared(UnsafeCell<Option<Buffers>>);

// A module has one thread.
unsafe impl Sync for Shared {}

static BUFFERS: Shared = Shared(UnsafeCell::new(None));

fn buffers() -> &'static mut Buffers {
    // The host makes one call at a time, and none of the exports calls another.
    unsafe { (*BUFFERS.0.get()).get_or_insert_with(Buffers::default) }
}

/// Runs once, before the image is taken that every invocation begins with: so nothing here may
/// draw randomness. The seed of `HashMap` is drawn when the first one is made.
pub fn initialize() {
    #[cfg(target_family = "wasm")]
    {
        extern "C" {
            fn __wasm_call_ctors();
        }
        unsafe { __wasm_call_ctors() }
    }
    std::panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let message = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("?");
        match info.location() {
            Some(place) => crate::error!("panicked at {}: {}", place, message),
            None => crate::error!("panicked: {}", message),
        }
    }));
    buffers().incoming.reserve(WARM_BYTES);
    buffers().outgoing.reserve(WARM_BYTES);
    drop(Vec::<u8>::with_capacity(HEAP_BYTES));
}

/// Room for a request envelope; null where there is none.
pub fn allocate(size: usize) -> *mut u8 {
    let incoming = &mut buffers().incoming;
    incoming.clear();
    if incoming.try_reserve_exact(size).is_err() {
        return std::ptr::null_mut();
    }
    incoming.resize(size, 0);
    incoming.as_mut_ptr()
}

/// Answers the request envelope in the buffer; its result is where the answer envelope is.
pub fn handle(size: usize, run: fn(&str, &Context) -> Result<String, Error>) -> u64 {
    let buffers = buffers();
    let result = answer(&buffers.incoming[..size], run);
    let _ = std::io::stdout().flush();
    buffers.outgoing.clear();
    envelope::write(result, &mut buffers.outgoing);
    (buffers.outgoing.as_ptr() as usize as u64) << 32 | buffers.outgoing.len() as u64
}

fn answer(
    request: &[u8],
    run: fn(&str, &Context) -> Result<String, Error>,
) -> Result<String, Error> {
    let (event, context) = envelope::read(request).expect("a request envelope");
    let context = Context::parse(std::str::from_utf8(context)?)?;
    match std::str::from_utf8(event) {
        Ok(event) => run(event, &context),
        Err(error) => Err(Error::new("BadEvent", error.to_string())),
    }
}
