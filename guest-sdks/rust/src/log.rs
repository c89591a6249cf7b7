//! Lines of the function's log: `[INFO] message`. What is below the level that the variable
//! `AWS_LAMBDA_LOG_LEVEL` names (INFO where there is none) is not written.

use std::fmt;
use std::io::Write;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

const NAMES: [(Level, &str); 6] = [
    (Level::Trace, "TRACE"),
    (Level::Debug, "DEBUG"),
    (Level::Info, "INFO"),
    (Level::Warn, "WARN"),
    (Level::Error, "ERROR"),
    (Level::Fatal, "FATAL"),
];

/// The level from which on lines are written.
pub fn least_level() -> Level {
    let wanted = std::env::var("AWS_LAMBDA_LOG_LEVEL").unwrap_or_default();
    let found = NAMES.iter().find(|(_, name)| *name == wanted);
    found.map_or(Level::Info, |(level, _)| *level)
}

/// Writes a line, if its level is to be written. The macros, such as [`info!`](crate::info), are
/// shorter.
pub fn write(level: Level, message: fmt::Arguments<'_>) {
    if level >= least_level() {
        let line = format!("[{}] {}\n", NAMES[level as usize].1, message);
        // There is nobody to tell that the log cannot be written.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

#[macro_export]
macro_rules! trace {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Trace, ::std::format_args!($($message)+)) };
}

#[macro_export]
macro_rules! debug {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Debug, ::std::format_args!($($message)+)) };
}

#[macro_export]
macro_rules! info {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Info, ::std::format_args!($($message)+)) };
}

#[macro_export]
macro_rules! warn {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Warn, ::std::format_args!($($message)+)) };
}

#[macro_export]
macro_rules! error {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Error, ::std::format_args!($($message)+)) };
}
