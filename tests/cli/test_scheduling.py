"""Schedules that come with a function: what deploying it again and deleting it do."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.conftest import ROLE, Server
from wasmfaas.cli.scheduling import group_of

DAILY = '[[schedule]]\nname = "daily"\nexpression = "rate(1 day)"\ninput = {a = 1}\n'
LATER = '[[schedule]]\nname = "later"\nexpression = "at(2190-01-31T09:00:00)"\n'


@pytest.fixture
def scheduler(server: Server) -> Iterator[Any]:
    with contextlib.closing(server.client("scheduler")) as client:
        yield client


def actions(cli: Cli, project: Path, settings: str) -> list[tuple[str, str]]:
    """What a deploy with these settings says of schedules."""
    (project / "wasmfaas.toml").write_text(settings)
    ran = cli("deploy", project, "--json")
    assert ran.status == 0, ran.out
    return [(each["name"], each["action"]) for each in ran.json["schedules"]]


def test_each_deploy_makes_the_schedules_what_the_file_says(
    cli: Cli, project: Path, scheduler: Any
) -> None:
    group = {"GroupName": group_of(project.name)}
    assert actions(cli, project, DAILY + LATER) == [("daily", "created"), ("later", "created")]
    first = scheduler.get_schedule(Name="daily", **group)
    assert first["Target"]["Arn"].endswith(f":function:{project.name}")
    assert first["Target"]["Input"] == '{"a": 1}'
    theirs = {"Name": project.name, "ScheduleExpression": "rate(1 day)", "State": "DISABLED"}
    target = {"Arn": first["Target"]["Arn"], "RoleArn": ROLE}
    scheduler.create_schedule(**theirs, FlexibleTimeWindow={"Mode": "OFF"}, Target=target)
    assert actions(cli, project, DAILY + LATER) == [("daily", "unchanged"), ("later", "unchanged")]
    assert scheduler.get_schedule(Name="daily", **group) | {"ResponseMetadata": 0} == (
        first | {"ResponseMetadata": 0}
    )
    changed = DAILY + "enabled = false\n"
    assert actions(cli, project, changed) == [("daily", "updated"), ("later", "deleted")]
    assert scheduler.get_schedule(Name="daily", **group)["State"] == "DISABLED"
    shown = cli("deploy", project).out
    assert "schedule  daily unchanged · rate(1 day)" in shown
    (project / "wasmfaas.toml").unlink()
    assert cli("deploy", project, "--json").json["schedules"] == []
    assert [each["Name"] for each in scheduler.list_schedules(GroupName=group["GroupName"])[
        "Schedules"
    ]] == ["daily"], "nothing said what there should be"  # fmt: skip
    assert actions(cli, project, "") == [("daily", "deleted")]
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.get_schedule_group(Name=group["GroupName"])
    assert scheduler.get_schedule(Name=project.name)["State"] == "DISABLED"
    scheduler.delete_schedule(Name=project.name)


def test_nothing_is_deployed_with_an_expression_that_cannot_be_read(
    cli: Cli, project: Path
) -> None:
    (project / "wasmfaas.toml").write_text(DAILY.replace("1 day", "1 week"))
    ran = cli("deploy", project)
    assert ran.status == 1
    assert "wasmfaas.toml, line 3: schedule.expression 'rate(1 week)' cannot be read." in ran.err
    assert "At character 8: the unit 'week' is none of minute, minutes, hour" in ran.err
    assert cli("describe", project.name).status == 1


def test_deleting_a_function_deletes_what_deploys_made_and_nothing_else(
    cli: Cli, project: Path, server: Server, scheduler: Any
) -> None:
    actions(cli, project, LATER)
    theirs = {"Name": project.name, "ScheduleExpression": "rate(1 day)", "State": "DISABLED"}
    arn = server.lambda_client().get_function(FunctionName=project.name)["Configuration"]
    target = {"Arn": arn["FunctionArn"], "RoleArn": ROLE}
    off = {"Mode": "OFF"}
    scheduler.create_schedule(**theirs, FlexibleTimeWindow=off, Target=target)
    assert cli("delete", project.name, "--yes").out == (
        f"✓ deleted {project.name}\n  schedule  later deleted\n"
    )
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.get_schedule_group(Name=group_of(project.name))
    theirs |= {"State": "ENABLED", "ScheduleExpression": "rate(2 days)"}
    scheduler.update_schedule(**theirs, FlexibleTimeWindow=off, Target=target)
    server.await_events(project.name, 60, dead=1)
    scheduler.delete_schedule(Name=project.name)
    (letter,) = cli("dlq", "list", "--function", project.name, "--json").json["dead_letters"]
    assert letter["condition"] == "FunctionNotFound"


def test_a_group_has_a_name_of_at_most_64_characters() -> None:
    longest, other = "f" * 64, "f" * 63 + "g"
    assert group_of("f") == "wasmfaas.f"
    assert len(group_of(longest)) == len(group_of("f" * 55)) == 64
    assert group_of(longest) != group_of(other)
