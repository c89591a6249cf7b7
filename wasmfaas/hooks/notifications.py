"""Notifications of S3-compatible object stores, as MinIO posts them, and the events that Lambda
makes of S3's own."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from wasmfaas.errors import InvalidRequestContent

RECORDS_MAX: Final = 1000
#: Of the message structure that S3 sends today ("Event message structure" in S3's user guide).
_VERSION: Final = "2.1"
_TEST_EVENT: Final = "s3:TestEvent"
#: MinIO encodes the slashes of a key, S3 does not. A `%2F` of the key itself is `%252F`.
_SLASH: Final = re.compile("%2f", re.IGNORECASE)

Record = dict[str, Any]


def event_of(body: bytes | bytearray, region: str) -> dict[str, Any] | None:
    """The event for a function: `Records`, in S3's form. None for S3's test event, which says only
    that notifications were set up. *region* is that of records which name none.

    Raises InvalidRequestContent, which says what is wrong and where.
    """
    document = _parsed(body)
    if not isinstance(document, dict):
        _refuse("it is no JSON object")
    records = document.get("Records")
    if records is None and document.get("Event") == _TEST_EVENT:
        return None
    if not isinstance(records, list) or not 0 < len(records) <= RECORDS_MAX:
        _refuse(f"Records must be a list of 1 to {RECORDS_MAX} records")
    return {"Records": [_record(each, f"Records[{at}]", region) for at, each in enumerate(records)]}


def _parsed(body: bytes | bytearray) -> Any:
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except RecursionError:
        _refuse("it is nested too deeply")
    except ValueError as error:
        _refuse(f"it is no JSON: {str(error)[:200]}")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _record(given: Any, place: str, region: str) -> Record:
    if not isinstance(given, dict):
        _refuse(f"{place} is no object")
    storage = _member(given, "s3", dict, place)
    bucket = _member(storage, "bucket", dict, f"{place}.s3")
    stored = _member(storage, "object", dict, f"{place}.s3")
    bucket_name = _member(bucket, "name", str, f"{place}.s3.bucket")
    key = _member(stored, "key", str, f"{place}.s3.object")
    return {
        **given,
        "eventVersion": _VERSION,
        "eventSource": "aws:s3",
        "awsRegion": given.get("awsRegion") or region,
        "eventTime": _member(given, "eventTime", str, place),
        "eventName": _member(given, "eventName", str, place).removeprefix("s3:"),
        "userIdentity": given.get("userIdentity") or {"principalId": ""},
        "requestParameters": given.get("requestParameters") or {"sourceIPAddress": ""},
        "responseElements": given.get("responseElements") or {},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "",
            **storage,
            "bucket": {
                "ownerIdentity": {"principalId": ""},
                "arn": f"arn:aws:s3:::{bucket_name}",
                **bucket,
            },
            "object": {**stored, "key": _SLASH.sub("/", key)},
        },
    }


def _member(table: Mapping[str, Any], name: str, kind: type, place: str) -> Any:
    value = table.get(name)
    if not isinstance(value, kind) or not value:
        noun = "text" if kind is str else "an object"
        what = "is missing" if name not in table else f"must be {noun}, and not empty"
        _refuse(f"{place}.{name} {what}")
    return value


def _refuse(reason: str) -> NoReturn:
    raise InvalidRequestContent(
        f"The body is no notification as S3 and MinIO send them: {reason}."
    ) from None
