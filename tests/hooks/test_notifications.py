"""Notifications of object stores: what MinIO sends, and whatever else may come."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmfaas.errors import InvalidRequestContent
from wasmfaas.hooks.notifications import RECORDS_MAX, event_of

REGION = "eu-west-1"


def minio(key: str = "photos%2Fred+flower.jpg", **members: Any) -> dict[str, Any]:
    """A notification in the form in which MinIO posts them."""
    record = {
        "eventVersion": "2.0",
        "eventSource": "minio:s3",
        "awsRegion": "",
        "eventTime": "2026-11-23T14:00:00.000Z",
        "eventName": "s3:ObjectCreated:Put",
        "userIdentity": {"principalId": "minioadmin"},
        "requestParameters": {
            "principalId": "minioadmin",
            "region": "",
            "sourceIPAddress": "127.0.0.1",
        },
        "responseElements": {"x-amz-id-2": "dd9025", "x-amz-request-id": "17A"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "Config",
            "bucket": {
                "name": "images",
                "ownerIdentity": {"principalId": "minioadmin"},
                "arn": "arn:aws:s3:::images",
            },
            "object": {
                "key": key,
                "size": 27,
                "eTag": "d41d8",
                "contentType": "image/jpeg",
                "userMetadata": {"content-type": "image/jpeg"},
                "sequencer": "17A1",
            },
        },
        "source": {"host": "127.0.0.1", "port": "", "userAgent": "MinIO"},
    }
    return {"EventName": "s3:ObjectCreated:Put", "Key": "images/x", "Records": [record | members]}


def made(document: Any) -> Any:
    return event_of(json.dumps(document).encode(), REGION)


def test_what_minio_posts_becomes_what_s3_sends() -> None:
    given_record = minio()["Records"][0]
    event = made(minio())
    assert list(event) == ["Records"]
    (record,) = event["Records"]
    assert record["eventSource"] == "aws:s3"
    assert record["eventVersion"] == "2.1"
    assert record["eventName"] == "ObjectCreated:Put"
    assert record["awsRegion"] == REGION
    assert record["eventTime"] == given_record["eventTime"]
    assert record["requestParameters"]["sourceIPAddress"] == "127.0.0.1"
    assert record["s3"]["bucket"] == given_record["s3"]["bucket"]
    assert record["s3"]["object"] == given_record["s3"]["object"] | {"key": "photos/red+flower.jpg"}


@pytest.mark.parametrize(
    ("sent", "expected"),
    [("a%2Fb", "a/b"), ("a%2fb", "a/b"), ("a%252Fb", "a%252Fb"), ("%C3%A9+%2B", "%C3%A9+%2B")],
)
def test_keys_stay_encoded_but_for_slashes(sent: str, expected: str) -> None:
    assert made(minio(sent))["Records"][0]["s3"]["object"]["key"] == expected


def test_what_other_stores_leave_out_is_there() -> None:
    record = {
        "eventName": "ObjectRemoved:Delete",
        "eventTime": "t",
        "awsRegion": "here",
        "s3": {"bucket": {"name": "b"}, "object": {"key": "k"}},
    }
    (found,) = made({"Records": [record]})["Records"]
    assert found["awsRegion"] == "here"
    assert found["s3"]["bucket"]["arn"] == "arn:aws:s3:::b"
    assert found["userIdentity"] == {"principalId": ""}
    assert found["requestParameters"] == {"sourceIPAddress": ""}
    assert found["s3"]["s3SchemaVersion"] == "1.0"


def test_a_test_event_is_none() -> None:
    assert made({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}) is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[]", "no JSON object"),
        (b'{"a": NaN}', "NaN"),
        (b"[" * 100_000, "nested too deeply"),
        (b"{}", "1 to 1000 records"),
        (b'{"Records": []}', "1 to 1000 records"),
        (json.dumps({"Records": [{}] * (RECORDS_MAX + 1)}).encode(), "1 to 1000 records"),
        (b'{"Records": [1]}', "Records[0] is no object"),
        (b'{"Records": [{}]}', "Records[0].s3 is missing"),
        (b'{"Records": [{"s3": 1}]}', "Records[0].s3 must be an object"),
        (b'{"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": ""}}}]}',
         "Records[0].s3.object.key must be text"),
        (json.dumps(minio(eventName=7)).encode(), "Records[0].eventName must be text"),
        (json.dumps(minio(eventTime=None)).encode(), "Records[0].eventTime must be text"),
    ],
)  # fmt: skip
def test_what_is_no_notification_is_refused_with_the_place(body: bytes, words: str) -> None:
    with pytest.raises(InvalidRequestContent) as refused:
        event_of(body, REGION)
    assert words in refused.value.message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Records", "s3", "bucket", "object", "name", "key", "eventName", "Event"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_comes_is_an_event_or_refused(document: Any) -> None:
    try:
        event = made(document)
    except InvalidRequestContent:
        return
    assert event is None or all(each["eventSource"] == "aws:s3" for each in event["Records"])


@given(st.binary(max_size=60))
def test_whatever_bytes_come_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequestContent):
        event_of(body, REGION)
