"""EventBridge Scheduler for an unmodified boto3."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.harness import refused
from tests.api.probes.asking import Protocol, ask
from tests.api.probes.generation import Probes
from tests.api.schedule_harness import FUNCTION, OFF, ROLE, ScheduleHarness, in_hours
from wasmfaas.api.service_model import SCHEDULER_MODEL_FILE

ARN = "arn:aws:scheduler:us-east-1:000000000000:schedule/default/s"


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


def test_a_schedule_is_what_it_was_made_of(made: ScheduleHarness) -> None:
    start, end = in_hours(1), in_hours(100)
    target = {
        "Arn": FUNCTION,
        "RoleArn": ROLE,
        "Input": '{"a": "<aws.scheduler.scheduled-time>"}',
        "RetryPolicy": {"MaximumRetryAttempts": 0},
        "DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:000000000000:q"},
    }
    given = {
        "ScheduleExpression": "rate(5 minutes)",
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "StartDate": datetime.fromtimestamp(start, UTC),
        "EndDate": datetime.fromtimestamp(end, UTC),
        "Description": "for ü",
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 3},
        "ActionAfterCompletion": "DELETE",
        "State": "DISABLED",
    }
    assert made.schedule(Target=target, **given)["ScheduleArn"] == ARN
    found = made.scheduler.get_schedule(Name="s")
    assert {name: found[name] for name in given} == given
    policy = {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 0}
    assert found["Target"] == target | {"RetryPolicy": policy}
    assert (found["Arn"], found["Name"], found["GroupName"]) == (ARN, "s", "default")
    assert found["CreationDate"] == found["LastModificationDate"]


def test_defaults(made: ScheduleHarness) -> None:
    made.schedule()
    found = made.scheduler.get_schedule(Name="s", GroupName="default")
    assert found["State"] == "ENABLED"
    assert found["ScheduleExpressionTimezone"] == "UTC"
    assert found["ActionAfterCompletion"] == "NONE"
    policy = {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
    assert found["Target"]["RetryPolicy"] == policy
    assert "StartDate" not in found
    assert "Description" not in found


def test_an_update_says_all_anew(made: ScheduleHarness) -> None:
    made.schedule(Description="old", State="DISABLED")
    made.scheduler.update_schedule(
        Name="s",
        ScheduleExpression="at(2030-01-01T00:00:00)",
        FlexibleTimeWindow=OFF,
        Target={"Arn": f"{FUNCTION}:live", "RoleArn": ROLE},
    )
    found = made.scheduler.get_schedule(Name="s")
    assert found["ScheduleExpression"] == "at(2030-01-01T00:00:00)"
    assert found["Target"]["Arn"] == f"{FUNCTION}:live"
    assert found["State"] == "ENABLED"
    assert "Description" not in found


def test_what_is_not_there(made: ScheduleHarness) -> None:
    scheduler = made.scheduler
    code = "ResourceNotFoundException"
    assert refused(code, scheduler.get_schedule, Name="s") == "Schedule s does not exist."
    assert refused(code, scheduler.delete_schedule, Name="s") == "Schedule s does not exist."
    other = refused(code, scheduler.get_schedule, Name="s", GroupName="g")
    assert other == "Schedule group g does not exist."
    assert refused(code, made.schedule, GroupName="g") == other
    assert refused(code, scheduler.list_schedules, GroupName="g") == other
    assert refused(code, scheduler.get_schedule_group, Name="g") == other
    assert refused(code, scheduler.delete_schedule_group, Name="g") == other
    refused(
        code,
        scheduler.list_tags_for_resource,
        ResourceArn=ARN.replace("schedule/default/s", "schedule-group/g"),
    )


def test_a_name_is_given_once_but_a_request_may_be_repeated(made: ScheduleHarness) -> None:
    made.schedule(ClientToken="t")
    assert made.schedule(ClientToken="t")["ScheduleArn"] == ARN
    said = refused("ConflictException", made.schedule, ClientToken="u")
    assert said == "Schedule s already exists."
    said = refused("ConflictException", made.schedule, ClientToken="t", Description="other")
    assert "has been used for another request" in said
    made.scheduler.create_schedule_group(Name="g", ClientToken="t")
    made.scheduler.create_schedule_group(Name="g", ClientToken="t")
    said = refused("ConflictException", made.scheduler.create_schedule_group, Name="g")
    assert said == "Schedule group g already exists."
    made.schedule(GroupName="g")


def test_a_deleted_schedule_is_gone_with_its_group(made: ScheduleHarness) -> None:
    made.schedule()
    made.scheduler.delete_schedule(Name="s")
    made.schedule()
    made.scheduler.create_schedule_group(Name="g")
    made.schedule(GroupName="g")
    made.scheduler.delete_schedule_group(Name="g")
    listed = made.scheduler.list_schedules()["Schedules"]
    assert [each["GroupName"] for each in listed] == ["default"]
    said = refused("ValidationException", made.scheduler.delete_schedule_group, Name="default")
    assert "cannot be deleted" in said


def test_lists_in_pages(made: ScheduleHarness) -> None:
    made.scheduler.create_schedule_group(Name="g")
    for number in range(3):
        made.schedule(f"a{number}")
        made.schedule(f"b{number}", GroupName="g", State="DISABLED")
    pages = made.scheduler.get_paginator("list_schedules")

    def names(**asked: Any) -> list[str]:
        found = pages.paginate(**asked, PaginationConfig={"PageSize": 2})
        return [each["Name"] for page in found for each in page["Schedules"]]

    assert names() == ["a0", "a1", "a2", "b0", "b1", "b2"]
    assert names(GroupName="g") == names(State="DISABLED") == names(NamePrefix="b")
    first = made.scheduler.list_schedules(MaxResults=1)["Schedules"][0]
    assert first["Target"] == {"Arn": FUNCTION}
    groups = made.scheduler.get_paginator("list_schedule_groups")
    found = [
        each["Name"]
        for page in groups.paginate(PaginationConfig={"PageSize": 1})
        for each in page["ScheduleGroups"]
    ]
    assert found == ["default", "g"]
    for token in ("x", "bm8=", "W10=", "WzEsMl0=", "ü"):
        said = refused("ValidationException", made.scheduler.list_schedules, NextToken=token)
        assert "NextToken" in said


def test_tags_of_groups(made: ScheduleHarness) -> None:
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    arn = made.scheduler.create_schedule_group(Name="g", Tags=tags)["ScheduleGroupArn"]
    made.scheduler.tag_resource(ResourceArn=arn, Tags=[{"Key": "a", "Value": "3"}])
    made.scheduler.untag_resource(ResourceArn=arn, TagKeys=["b"])
    found = made.scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"]
    assert found == [{"Key": "a", "Value": "3"}]
    many = [{"Key": str(number), "Value": "x"} for number in range(51)]
    refused("ValidationException", made.scheduler.tag_resource, ResourceArn=arn, Tags=many)


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0 1 * * * *)", "cron(7 20 * * NOT *)", "cron(INVALID)", "cron()", "rate(10 seconds)",
        "cron(0 dummy ? * MON-FRI *)", "cron(71 8 1 * ? *)", "rate(10 years)", "rate()", "rate(10)",
        "rate(10 minutess)", "rate(foo minutes)", "rate(-10 minutes)", "rate( 10 minutes )",
        " rate(10 minutes)", "at(2021-12-31T23:59:59Z)", "at(2021-12-31)", "cron(0 0 31 2 ? *)",
    ],
)  # fmt: skip
def test_expressions_that_are_none(made: ScheduleHarness, expression: str) -> None:
    """AWS's words, and what is wrong behind them."""
    said = refused("ValidationException", made.schedule, ScheduleExpression=expression)
    assert said.startswith(f"Invalid Schedule Expression {expression}. At character ")


def at_target(**members: Any) -> dict[str, Any]:
    return {"Target": {"Arn": FUNCTION, "RoleArn": ROLE} | members}


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"ScheduleExpressionTimezone": "Mars/Base"}, "Invalid Schedule Expression Timezone Mars"),
        (
            {
                "ScheduleExpression": "at(2027-03-28T02:30:00)",
                "ScheduleExpressionTimezone": "Europe/Berlin",
            },
            "does not exist in Europe/Berlin",
        ),
        ({"StartDate": in_hours(-1)}, "cannot be earlier than 5 minutes ago"),
        ({"EndDate": in_hours(-1)}, "must be in the future"),
        ({"StartDate": in_hours(2), "EndDate": in_hours(1)}, "must come after the StartDate"),
        ({"EndDate": 10_413_792_000}, "must be in the years 1970 to 2199"),
        (at_target(Arn="f"), "Provided Arn is not in correct format."),
        (at_target(Arn="arn:aws:sqs:us-east-1:000000000000:q"), "is no Lambda function of this"),
        (at_target(Arn=FUNCTION.replace("us-east-1", "eu-west-1")), "is no Lambda function of"),
        (at_target(Input="{a"), "Input must be well-formed JSON"),
        (at_target(Input=json.dumps("x" * 262_144)), "at most 262144 are accepted"),
        (at_target(SqsParameters={"MessageGroupId": "a"}), "SqsParameters does not go with"),
        ({"KmsKeyArn": "arn:aws:kms:us-east-1:000000000000:key/a"}, "KmsKeyArn is not supported"),
        (
            {"FlexibleTimeWindow": {"Mode": "SOFT"}},
            "1 validation error detected: Value 'SOFT' at 'flexibleTimeWindow.mode' failed to "
            "satisfy constraint: Member must satisfy enum value set: [OFF, FLEXIBLE]",
        ),
        (
            at_target(RetryPolicy={"MaximumRetryAttempts": 186}),
            "Member must have value less than or equal to 185",
        ),
    ],
)
def test_what_is_refused(made: ScheduleHarness, members: dict[str, Any], said: str) -> None:
    assert said in refused("ValidationException", made.schedule, **members)
    assert made.scheduler.list_schedules()["Schedules"] == []


def test_dates_of_what_happens_once_are_not_looked_at(made: ScheduleHarness) -> None:
    made.schedule(ScheduleExpression="at(2020-01-01T00:00:00)", EndDate=in_hours(-1))


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("PATCH", "/schedules/s", 404),
        ("GET", "/schedules/s/t", 404),
        ("POST", "/schedules/s", 400),
        ("GET", "/schedules/%FF", 404),
        ("GET", "/tags/x", 400),
    ],
)
def test_requests_that_no_client_sends(
    made: ScheduleHarness, method: str, target: str, status: int
) -> None:
    answer = made.request(method, target, body=[b"{"])
    assert answer.status == status
    assert answer.headers["content-type"] == "application/json"
    assert "x-amzn-errortype" in answer.headers


SOUND = {
    "ResourceArn": "arn:aws:scheduler:us-east-1:000000000000:schedule-group/default",
    "ScheduleExpression": "rate(1 hour)", "Name": "s", "FlexibleTimeWindow": OFF,
    "Target": {"Arn": FUNCTION, "RoleArn": ROLE},
}  # fmt: skip


def test_every_constraint_of_the_model_holds_and_no_more(made: ScheduleHarness) -> None:
    probes = Probes(SCHEDULER_MODEL_FILE, SOUND)
    asked = [probe for operation in probes.operations for probe in probes.of(operation)]
    wrong = [each for each in ask(made, asked, Protocol()) if each is not None]
    assert wrong == []
    assert len(asked) > 800
