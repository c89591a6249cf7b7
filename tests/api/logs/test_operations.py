"""CloudWatch Logs as boto3 sees it."""

import pytest

from tests.api.harness import refused
from tests.api.logs.conftest import GROUP, STREAM, LogsHarness

ERROR = (
    "[ERROR] KeyError: 'x'\nTraceback (most recent call last):\n"
    '\xa0\xa0File "/var/task/app.py", line 2, in handler\n\xa0\xa0\xa0\xa0return event["x"]\n'
)
MISSING = "The specified log group does not exist."


def test_lines_are_events_and_a_traceback_is_one(logs: LogsHarness) -> None:
    logs.write(f"START\nhello\n\n{ERROR}END\n")
    response = logs.client().filter_log_events(logGroupName=GROUP)
    events = response["events"]
    assert [event["message"] for event in events] == ["START\n", "hello\n", "\n", ERROR, "END\n"]
    assert {event["timestamp"] for event in events} == {logs.now_ms}
    assert {event["logStreamName"] for event in events} == {STREAM}
    identifiers = [event["eventId"] for event in events]
    assert sorted(set(identifiers)) == identifiers
    assert {len(identifier) for identifier in identifiers} == {56}
    assert response["searchedLogStreams"] == []
    assert "nextToken" not in response


def test_pages_of_filtered_events_lack_and_repeat_nothing(logs: LogsHarness) -> None:
    for number in range(7):
        logs.write(f"start {number}\nevent {number}\nevent {number}b\n")
    paginator = logs.client().get_paginator("filter_log_events")
    for forward in (True, False):
        pages = list(
            paginator.paginate(
                logGroupName=GROUP, filterPattern="event", limit=3, startFromHead=forward
            )
        )
        messages = [event["message"] for page in pages for event in page["events"]]
        expected = [f"event {n}{part}\n" for n in range(7) for part in ("", "b")]
        assert messages == (expected if forward else expected[::-1])
        assert [len(page["events"]) for page in pages] == [3, 3, 3, 3, 2]


def test_events_are_chosen_by_time_and_by_stream(logs: LogsHarness) -> None:
    start = logs.now_ms
    for number in range(4):
        logs.write(f"{number}\n", stream=f"stream-{number % 2}")

    def found(**asked: object) -> list[str]:
        events = logs.client().filter_log_events(logGroupName=GROUP, **asked)["events"]
        return [event["message"].strip() for event in events]

    assert found(startTime=start + 2) == ["1", "2", "3"]
    assert found(endTime=start + 2) == ["0", "1"]
    assert found(logStreamNames=["stream-1"]) == ["1", "3"]
    assert found(logStreamNamePrefix="stream-0") == ["0", "2"]
    assert found(logStreamNamePrefix="stream", startTime=start + 9) == []
    message = refused(
        "InvalidParameterException", logs.client().filter_log_events,
        logGroupName=GROUP, logStreamNames=["a"], logStreamNamePrefix="a",
    )  # fmt: skip
    assert "mutually exclusive" in message


def test_a_page_holds_a_megabyte(logs: LogsHarness) -> None:
    for _ in range(5):
        logs.write("x" * 400_000 + "\n")
    pages = logs.client().get_paginator("filter_log_events").paginate(logGroupName=GROUP)
    assert [len(page["events"]) for page in pages] == [2, 2, 1]
    response = logs.client().get_log_events(logGroupName=GROUP, logStreamName=STREAM)
    assert len(response["events"]) == 2


def test_get_log_events_goes_forward_to_the_end_and_on(logs: LogsHarness) -> None:
    for number in range(5):
        logs.write(f"{number}\n{number}b\n")
        logs.write("other\n", stream="other")
    asked = {"logGroupName": GROUP, "logStreamName": STREAM, "startFromHead": True, "limit": 4}
    found, token = [], {}
    while True:
        response = logs.client().get_log_events(**asked, **token)
        found += [event["message"].strip() for event in response["events"]]
        if token.get("nextToken") == response["nextForwardToken"]:
            break
        token = {"nextToken": response["nextForwardToken"]}
    assert found == [f"{n}{part}" for n in range(5) for part in ("", "b")]
    logs.write("later\n")
    response = logs.client().get_log_events(**asked, **token)
    assert [event["message"] for event in response["events"]] == ["later\n"]
    assert response["nextForwardToken"] != token["nextToken"]


def test_get_log_events_starts_with_the_newest_and_goes_backward(logs: LogsHarness) -> None:
    for number in range(5):
        logs.write(f"{number}\n{number}b\n")
    asked = {"logGroupName": GROUP, "logStreamName": STREAM, "limit": 3}
    first = logs.client().get_log_events(**asked)
    assert [event["message"] for event in first["events"]] == ["3b\n", "4\n", "4b\n"]
    ahead = logs.client().get_log_events(**asked, nextToken=first["nextForwardToken"])
    assert ahead["events"] == []
    assert ahead["nextForwardToken"] == first["nextForwardToken"]
    found, response = [first["events"]], first
    while True:
        token = response["nextBackwardToken"]
        response = logs.client().get_log_events(**asked, nextToken=token)
        if response["nextBackwardToken"] == token:
            break
        found.insert(0, response["events"])
    assert response["events"] == []
    messages = [event["message"].strip() for page in found for event in page]
    assert messages == [f"{n}{part}" for n in range(5) for part in ("", "b")]
    again = logs.client().get_log_events(**asked, nextToken=response["nextForwardToken"])
    assert [event["message"] for event in again["events"]] == ["0\n", "0b\n", "1\n"]


def test_times_of_get_log_events_include_the_start_and_not_the_end(logs: LogsHarness) -> None:
    start = logs.now_ms
    for number in range(4):
        logs.write(f"{number}\n")
    response = logs.client().get_log_events(
        logGroupIdentifier=GROUP, logStreamName=STREAM, startTime=start + 2, endTime=start + 4
    )
    assert [event["message"] for event in response["events"]] == ["1\n", "2\n"]
    assert response["events"][0]["ingestionTime"] == start + 2


def test_streams_are_described(logs: LogsHarness) -> None:
    start = logs.now_ms
    for stream in ("b", "a", "c", "a2", "b"):
        logs.write("x\n", stream=stream)
    client = logs.client()

    def names(**asked: object) -> list[str]:
        streams = client.describe_log_streams(logGroupName=GROUP, **asked)["logStreams"]
        return [stream["logStreamName"] for stream in streams]

    assert names() == ["a", "a2", "b", "c"]
    assert names(descending=True) == ["c", "b", "a2", "a"]
    assert names(orderBy="LastEventTime") == ["a", "c", "a2", "b"]
    assert names(logStreamNamePrefix="a") == ["a", "a2"]
    pages = client.get_paginator("describe_log_streams").paginate(
        logGroupName=GROUP, PaginationConfig={"PageSize": 3}
    )
    assert [len(page["logStreams"]) for page in pages] == [3, 1]
    [stream] = client.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix="b")[
        "logStreams"
    ]
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{GROUP}:log-stream:b"
    assert stream == {
        "logStreamName": "b", "creationTime": start + 1, "firstEventTimestamp": start + 1,
        "lastEventTimestamp": start + 5, "lastIngestionTime": start + 5, "arn": arn,
        "storedBytes": 0,
    }  # fmt: skip
    refused("InvalidParameterException", client.describe_log_streams, logGroupName=GROUP,
            orderBy="LastEventTime", logStreamNamePrefix="a")  # fmt: skip


def test_groups_are_described(logs: LogsHarness) -> None:
    client = logs.client()
    logs.write("x\n")
    client.create_log_group(logGroupName="/other/group", tags={"team": "a"})
    groups = client.describe_log_groups()["logGroups"]
    assert [group["logGroupName"] for group in groups] == [GROUP, "/other/group"]
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{GROUP}"
    assert groups[0].pop("storedBytes") > 0
    assert groups[0].pop("creationTime") > 1_700_000_000_000
    assert groups[0] == {
        "logGroupName": GROUP, "arn": f"{arn}:*", "logGroupArn": arn, "metricFilterCount": 0,
        "logGroupClass": "STANDARD",
    }  # fmt: skip
    [found] = client.describe_log_groups(logGroupNamePattern="the")["logGroups"]
    assert sorted(found) == ["arn", "creationTime", "logGroupName"]
    pages = list(
        client.get_paginator("describe_log_groups").paginate(PaginationConfig={"PageSize": 1})
    )
    assert [page["logGroups"][0]["logGroupName"] for page in pages] == [GROUP, "/other/group"]
    message = refused("InvalidParameterException", client.describe_log_groups,
                      logGroupNamePrefix="/a", logGroupNamePattern="b")  # fmt: skip
    assert message == (
        "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
    )


def test_a_group_is_made_retained_tagged_and_deleted(logs: LogsHarness) -> None:
    """What Terraform does with an aws_cloudwatch_log_group."""
    client = logs.client()
    name = "/aws/lambda/later"
    client.create_log_group(logGroupName=name, tags={"a": "1"})
    refused("ResourceAlreadyExistsException", client.create_log_group, logGroupName=name)
    refused("ResourceAlreadyExistsException", client.create_log_group, logGroupName=GROUP)
    client.put_retention_policy(logGroupName=name, retentionInDays=7)
    [group] = client.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert group["retentionInDays"] == 7
    arn = group["arn"].removesuffix(":*")
    client.tag_resource(resourceArn=arn, tags={"b": "2"})
    client.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}
    assert client.list_tags_log_group(logGroupName=name)["tags"] == {"b": "2"}
    client.delete_retention_policy(logGroupName=name)
    assert (
        "retentionInDays" not in client.describe_log_groups(logGroupNamePrefix=name)["logGroups"][0]
    )
    client.delete_log_group(logGroupName=name)
    assert client.describe_log_groups(logGroupNamePrefix=name)["logGroups"] == []
    message = refused("ResourceNotFoundException", client.delete_log_group, logGroupName=name)
    assert message == MISSING


def test_events_beyond_the_retention_are_not_shown(logs: LogsHarness) -> None:
    logs.write("old\n")
    logs.client().put_retention_policy(logGroupName=GROUP, retentionInDays=1)
    logs.now_ms += 24 * 60 * 60 * 1000
    logs.write("new\n")
    events = logs.client().filter_log_events(logGroupName=GROUP)["events"]
    assert [event["message"] for event in events] == ["new\n"]
    message = refused("InvalidParameterException", logs.client().put_retention_policy,
                      logGroupName=GROUP, retentionInDays=2)  # fmt: skip
    assert "'retentionInDays'" in message


def test_deleting_the_group_of_a_function_deletes_its_events(logs: LogsHarness) -> None:
    logs.write("x\n")
    logs.client().delete_log_group(logGroupName=GROUP)
    assert logs.client().filter_log_events(logGroupName=GROUP)["events"] == []


@pytest.mark.parametrize("operation", ["filter_log_events", "describe_log_streams"])
def test_what_does_not_exist(logs: LogsHarness, operation: str) -> None:
    call = getattr(logs.client(), operation)
    assert refused("ResourceNotFoundException", call, logGroupName="/aws/lambda/x") == MISSING
    arn = "arn:aws:logs:eu-west-1:000000000000:log-group:/aws/lambda/hello"
    assert refused("ResourceNotFoundException", call, logGroupIdentifier=arn) == MISSING
    refused("ValidationException", call, logGroupName=GROUP, logGroupIdentifier=GROUP)
    refused("InvalidParameterException", call)
    refused("InvalidParameterException", call, logGroupName=GROUP, nextToken="x")


def test_a_stream_that_does_not_exist(logs: LogsHarness) -> None:
    call = logs.client().get_log_events
    for group, text in ((GROUP, "stream"), ("/aws/lambda/x", "group")):
        message = refused("ResourceNotFoundException", call, logGroupName=group, logStreamName="x")
        assert message == f"The specified log {text} does not exist."
