//! Times as AWS writes them.

use aws_sdk_sts::primitives::{DateTime, DateTimeFormat};

/// Seconds since 1970 of an RFC 3339 time, with whatever fraction and offset; `None` for what is none.
pub fn from_rfc3339(text: &str) -> Option<i64> {
    let time = DateTime::from_str(text, DateTimeFormat::DateTimeWithOffset).ok()?;
    Some(time.secs())
}

/// Seconds since 1970 of an HTTP `Date` header.
pub fn from_http(text: &str) -> Option<i64> {
    let time = DateTime::from_str(text, DateTimeFormat::HttpDate).ok()?;
    Some(time.secs())
}

/// `2023-08-25T04:45:20Z` of seconds since 1970. Years beyond 9999 have no such form; nothing here lives that long.
pub fn rfc3339(seconds: i64) -> String {
    DateTime::from_secs(seconds)
        .fmt(DateTimeFormat::DateTime)
        .unwrap_or_else(|_| seconds.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        for text in [
            "2023-08-25T04:45:20Z",
            "2023-08-25T04:45:20.123456Z",
            "2023-08-25T06:45:20+02:00",
        ] {
            assert_eq!(from_rfc3339(text), Some(1_692_938_720), "{text}");
        }
        assert_eq!(from_rfc3339("soon"), None);
        assert_eq!(from_http("Fri, 25 Aug 2023 04:45:20 GMT"), Some(1_692_938_720));
        assert_eq!(rfc3339(1_692_938_720), "2023-08-25T04:45:20Z");
    }
}
