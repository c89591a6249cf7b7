use std::fmt;
use std::panic::Location;

/// What the caller of the function is told. Any error of the standard library's kind becomes one
/// by `?`, under the name of its type.
#[derive(Clone, Debug, PartialEq)]
pub struct Error {
    pub error_type: String,
    pub message: String,
    /// Where it came from, the innermost place first.
    pub stack_trace: Vec<String>,
}

impl Error {
    /// An error that comes from the line which calls this.
    #[track_caller]
    pub fn new(error_type: impl Into<String>, message: impl Into<String>) -> Error {
        Error {
            error_type: error_type.into(),
            message: message.into(),
            stack_trace: vec![Location::caller().to_string()],
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.error_type, self.message)
    }
}

impl<E: std::error::Error> From<E> for Error {
    #[track_caller]
    fn from(error: E) -> Error {
        let whole = std::any::type_name::<E>();
        let path = whole.split('<').next().unwrap_or(whole);
        Error::new(path.rsplit("::").next().unwrap_or(path), error.to_string())
    }
}

/// Leaves the handler with an error: `fail!("NotFound", "no city {}", name)`.
#[macro_export]
macro_rules! fail {
    ($kind:expr, $($message:tt)+) => {
        return ::std::result::Result::Err($crate::Error::new($kind, ::std::format!($($message)+)))
    };
}
