use crate::msgpack::{head, write_str, Reader};
use crate::value::DEPTH_MAX;
use crate::Error;

/// The event and the context of a request envelope; None where it is none. Other keys are ignored.
pub(crate) fn read(envelope: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut event, mut context) = (None, None);
    let mut reader = Reader(envelope);
    for _ in 0..reader.map()? {
        match reader.bytes()? {
            b"event" => event = Some(reader.bytes()?),
            b"context" => context = Some(reader.bytes()?),
            _ => drop(reader.value(DEPTH_MAX)?),
        }
    }
    if reader.0.is_empty() {
        Some((event?, context?))
    } else {
        None
    }
}

/// Writes the answer envelope.
pub(crate) fn write(result: Result<String, Error>, out: &mut Vec<u8>) {
    match result {
        Ok(answer) => {
            out.extend(b"\x81\xA2ok");
            head(0xC6, answer.len(), out);
            out.extend(answer.as_bytes());
        }
        Err(error) => {
            out.extend(b"\x81\xA5error\x83\xA9errorType");
            write_str(&error.error_type, out);
            out.extend(b"\xACerrorMessage");
            write_str(&error.message, out);
            out.extend(b"\xAAstackTrace");
            head(0xDD, error.stack_trace.len(), out);
            for line in &error.stack_trace {
                write_str(line, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msgpack;

    #[test]
    fn requests_are_read_whatever_else_is_in_them() {
        let envelope = b"\xdf\x00\x00\x00\x03\xd9\x05extra\x92\x81\xa1k\x07\xc0\
            \xda\x00\x07context\xc6\x00\x00\x00\x02{}\xa5event\xc4\x0221";
        assert_eq!(read(envelope), Some((&b"21"[..], &b"{}"[..])));
        for size in 0..envelope.len() {
            assert_eq!(read(&envelope[..size]), None);
        }
        for at in 0..envelope.len() {
            for byte in 0..=255 {
                let mut broken = envelope.to_vec();
                broken[at] = byte;
                read(&broken);
            }
        }
    }

    #[test]
    fn answers_are_msgpack() {
        let mut out = Vec::new();
        write(Ok("21".to_owned()), &mut out);
        let answer = msgpack::read(&out).unwrap();
        assert_eq!(answer.get("ok").clone().into_bytes().unwrap(), b"21");
        out.clear();
        write(Err(Error::new("Odd", "1 is odd")), &mut out);
        let answer = msgpack::read(&out).unwrap();
        assert_eq!(answer.get("error").get("errorType").as_str(), Some("Odd"));
        let trace = answer.get("error").get("stackTrace").as_array().unwrap();
        assert!(trace[0].as_str().unwrap().contains("envelope.rs"));
    }
}
