"""Rules, targets and events of EventBridge for an unmodified boto3."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.harness import refused
from tests.api.probes.asking import Protocol, ask
from tests.api.probes.generation import Probes
from tests.api.schedule_harness import FUNCTION, ROLE, ScheduleHarness
from wasmfaas.api.service_model import EVENTS_MODEL_FILE

ARN = "arn:aws:events:us-east-1:000000000000:rule/r"
BUS = "arn:aws:events:us-east-1:000000000000:event-bus/default"
PATTERN = json.dumps({"source": ["shop"], "detail": {"state": [{"prefix": "pa"}]}})
TARGET = {"Id": "1", "Arn": FUNCTION}
MISSING = "Rule r does not exist on EventBus default."


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScheduleHarness]:
    harness = ScheduleHarness(tmp_path_factory.mktemp("schedules") / "data")
    yield harness
    harness.close()


@pytest.fixture
def made(harness: ScheduleHarness) -> ScheduleHarness:
    """With nothing in it."""
    harness.clear()
    return harness


def entry(**members: Any) -> dict[str, Any]:
    detail = {"state": "paid"}
    return {"Source": "shop", "DetailType": "order", "Detail": json.dumps(detail)} | members


def test_a_rule_is_what_it_was_made_of(made: ScheduleHarness) -> None:
    given = {"ScheduleExpression": "cron(0 9 ? * 2 *)", "Description": "d", "State": "DISABLED",
             "RoleArn": ROLE}  # fmt: skip
    assert made.rule(**given)["RuleArn"] == ARN
    found = made.events.describe_rule(Name="r", EventBusName=BUS)
    found.pop("ResponseMetadata")
    assert found == given | {
        "Name": "r", "Arn": ARN, "EventBusName": "default", "CreatedBy": "000000000000",
    }  # fmt: skip
    made.rule(ScheduleExpression="rate(1 minute)", EventPattern=PATTERN)
    (listed,) = made.events.list_rules(NamePrefix="r")["Rules"]
    assert listed == {
        "Name": "r", "Arn": ARN, "EventBusName": "default", "State": "ENABLED",
        "ScheduleExpression": "rate(1 minute)", "EventPattern": PATTERN,
    }  # fmt: skip


def test_rules_are_enabled_and_disabled(made: ScheduleHarness) -> None:
    made.rule(EventPattern=PATTERN, Description="kept")
    for change, state in ((made.events.disable_rule, "DISABLED"),
                          (made.events.enable_rule, "ENABLED")):  # fmt: skip
        change(Name="r")
        found = made.events.describe_rule(Name="r")
        assert (found["State"], found["Description"]) == (state, "kept")
        assert found["EventPattern"] == PATTERN


def test_what_is_not_there(made: ScheduleHarness) -> None:
    events, code = made.events, "ResourceNotFoundException"
    for call in (events.describe_rule, events.enable_rule, events.disable_rule):
        assert refused(code, call, Name="r") == MISSING
    assert refused(code, events.list_targets_by_rule, Rule="r") == MISSING
    assert refused(code, made.events.put_targets, Rule="r", Targets=[TARGET]) == MISSING
    assert refused(code, events.list_tags_for_resource, ResourceARN=ARN) == MISSING
    assert "Event bus other does not exist" in refused(
        code, events.describe_rule, Name="r", EventBusName="other"
    )
    events.delete_rule(Name="r")


def test_targets(made: ScheduleHarness) -> None:
    made.rule()
    given = [
        {"Id": "1", "Arn": FUNCTION, "Input": '"x"'},
        {"Id": "2", "Arn": FUNCTION, "RetryPolicy": {"MaximumRetryAttempts": 3}},
    ]
    answer = made.targets(*given)
    assert (answer["FailedEntryCount"], answer["FailedEntries"]) == (0, [])
    made.targets({"Id": "2", "InputPath": "$.time"})
    found = made.events.list_targets_by_rule(Rule="r")["Targets"]
    assert found == [given[0], {"Id": "2", "Arn": FUNCTION, "InputPath": "$.time"}]
    first = made.events.list_targets_by_rule(Rule="r", Limit=1)
    second = made.events.list_targets_by_rule(Rule="r", NextToken=first["NextToken"])
    assert [each["Id"] for page in (first, second) for each in page["Targets"]] == ["1", "2"]
    assert made.events.list_rule_names_by_target(TargetArn=FUNCTION)["RuleNames"] == ["r"]
    said = refused("ValidationException", made.events.delete_rule, Name="r")
    assert said == "Rule can't be deleted since it has targets."
    made.events.remove_targets(Rule="r", Ids=["1", "2", "3"])
    assert made.events.list_rule_names_by_target(TargetArn=FUNCTION)["RuleNames"] == []
    made.events.delete_rule(Name="r")
    assert made.events.list_rules()["Rules"] == []


def test_tags(made: ScheduleHarness) -> None:
    made.rule(ScheduleExpression="rate(1 day)", Tags=[{"Key": "a", "Value": "1"}])
    made.events.tag_resource(ResourceARN=ARN, Tags=[{"Key": "b", "Value": "2"}])
    made.events.untag_resource(ResourceARN=ARN, TagKeys=["a"])
    made.rule()
    found = made.events.list_tags_for_resource(ResourceARN=ARN)["Tags"]
    assert found == [{"Key": "b", "Value": "2"}]


@pytest.mark.parametrize(
    ("members", "code", "said"),
    [
        ({"Description": "d"}, "ValidationException", "EventPattern or ScheduleExpression must be"),
        (
            {"ScheduleExpression": "rate(1 minutes)"}, "ValidationException",
            "Parameter ScheduleExpression is not valid. The unit",
        ),
        (
            {"ScheduleExpression": "cron(0 9 * * * *)"}, "ValidationException",
            "Parameter ScheduleExpression is not valid. At character 10",
        ),
        (
            {"ScheduleExpression": "at(2030-01-01T00:00:00)"}, "ValidationException",
            "Rules take rate and cron",
        ),
        (
            {"EventPattern": "{"}, "InvalidEventPatternException",
            "Event pattern is not valid. Reason: ",
        ),
        (
            {"EventPattern": '{"a": [{"prefixx": "a"}]}'}, "InvalidEventPatternException",
            "Event pattern is not valid. Reason: ",
        ),
    ],
)  # fmt: skip
def test_rules_that_are_refused(
    made: ScheduleHarness, members: dict[str, Any], code: str, said: str
) -> None:
    assert said in refused(code, made.rule, **members)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"Arn": "f"}, "Parameter f is not valid. Reason: Provided Arn is not in correct format."),
        ({"Arn": "arn:aws:sqs:us-east-1:000000000000:q"}, "it is no Lambda function"),
        ({"Input": "{a"}, "JSON syntax error in input for target 1."),
        ({"Input": "1", "InputPath": "$"}, "Only one of Input, InputPath, or InputTransformer"),
        ({"SqsParameters": {"MessageGroupId": "g"}}, "SqsParameters does not go with"),
        ({"Id": "a b"}, r"Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+"),
    ],
)
def test_targets_that_are_refused(
    made: ScheduleHarness, members: dict[str, Any], said: str
) -> None:
    made.rule()
    assert said in refused(
        "ValidationException", made.events.put_targets, Rule="r", Targets=[TARGET | members]
    )
    assert made.events.list_targets_by_rule(Rule="r")["Targets"] == []


def test_a_rule_has_five_targets_at_most(made: ScheduleHarness) -> None:
    made.rule()
    made.targets(*({"Id": str(number)} for number in range(5)))
    sixth = [TARGET | {"Id": "5"}]
    refused("LimitExceededException", made.events.put_targets, Rule="r", Targets=sixth)
    made.targets({"Id": "4"})
    assert len(made.events.list_targets_by_rule(Rule="r")["Targets"]) == 5


def test_events_go_to_the_rules_that_they_match(made: ScheduleHarness) -> None:
    made.rule(EventPattern=PATTERN)
    made.targets({"Id": "1"}, {"Id": "2", "InputPath": "$.detail.state"})
    made.rule("off", EventPattern=PATTERN, State="DISABLED")
    made.targets({"Id": "1"}, rule="off")
    entries = [
        entry(Resources=["a"], Time=1_700_000_000),
        entry(Detail='{"state": "packed"}'),
        entry(Detail='{"state": "lost"}'),
    ]
    answer = made.events.put_events(Entries=entries)
    assert answer["FailedEntryCount"] == 0
    whole, state, *others = made.queued()
    if isinstance(whole, str):
        whole, state = state, whole
    assert whole == {
        "version": "0",
        "id": answer["Entries"][0]["EventId"],
        "detail-type": "order",
        "source": "shop",
        "account": "000000000000",
        "time": "2023-11-14T22:13:20Z",
        "region": "us-east-1",
        "resources": ["a"],
        "detail": {"state": "paid"},
    }
    assert len(others) == 2
    assert {"paid", "packed"} == {each for each in (state, *others) if isinstance(each, str)}


def test_a_rule_without_permission_invokes_nothing(made: ScheduleHarness) -> None:
    made.policies.closed.add("f")
    made.rule(EventPattern=PATTERN)
    made.targets({"Id": "1"})
    made.events.put_events(Entries=[entry()])
    assert made.queued() == []


def test_entries_that_are_refused(made: ScheduleHarness) -> None:
    bad = [
        entry(Source="aws.s3"),
        entry(Detail="{"),
        entry(Detail="[]"),
        {"Source": "a", "Detail": "{}"},
        entry(EventBusName="other"),
        entry(),
    ]
    answer = made.events.put_events(Entries=bad)
    assert answer["FailedEntryCount"] == 5
    assert [each.get("ErrorCode") for each in answer["Entries"]] == [
        "NotAuthorizedForSourceException", "MalformedDetail", "MalformedDetail", "InvalidArgument",
        "ResourceNotFoundException", None,
    ]  # fmt: skip


def test_patterns_can_be_tried(made: ScheduleHarness) -> None:
    event = {
        "id": "1", "account": "1", "source": "shop", "time": "t", "region": "r", "resources": [],
        "detail-type": "order", "detail": {"state": "paid"},
    }  # fmt: skip
    for changed, result in (({}, True), ({"source": "other"}, False)):
        text = json.dumps(event | changed)
        found = made.events.test_event_pattern(EventPattern=PATTERN, Event=text)
        assert found["Result"] is result
    refused(
        "InvalidEventPatternException",
        made.events.test_event_pattern, EventPattern=PATTERN, Event="{}",
    )  # fmt: skip


def test_there_is_one_bus(made: ScheduleHarness) -> None:
    assert made.events.list_event_buses()["EventBuses"] == [{"Name": "default", "Arn": BUS}]
    assert made.events.describe_event_bus()["Arn"] == BUS


SOUND = {
    "ResourceARN": ARN, "Name": "r", "Rule": "r", "ScheduleExpression": "rate(1 hour)",
    "Event": "{}", "EventPattern": "{}", "TargetArn": FUNCTION, "PutRule.EventPattern": PATTERN,
}  # fmt: skip


def test_every_constraint_of_the_model_holds_and_no_more(made: ScheduleHarness) -> None:
    probes = Probes(EVENTS_MODEL_FILE, SOUND, "AWSEvents.")
    asked = [probe for operation in probes.operations for probe in probes.of(operation)]
    protocol = Protocol("application/x-amz-json-1.1")
    wrong = [each for each in ask(made, asked, protocol) if each is not None]
    assert wrong == []
    assert len(asked) > 800
