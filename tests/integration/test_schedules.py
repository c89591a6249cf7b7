"""Schedules and rules through a real server: they fire, and go on after a restart."""

import contextlib
import json
import sqlite3
import time
from typing import Any

from tests.cli.command import wasmfaas
from tests.conftest import ROLE, Server
from tests.integration.conftest import Start

APP = """\
def lambda_handler(event, context):
    print("fired", event)
"""
OFF = {"Mode": "OFF"}
WITHIN_S = 120


def arn_of(server: Server, name: str) -> str:
    with contextlib.closing(server.lambda_client()) as client:
        found = client.get_function(FunctionName=name)
    return str(found["Configuration"]["FunctionArn"])


def shown(server: Server, name: str) -> dict[str, Any]:
    answer = server.http.get(f"/_wasmfaas/v1/schedules/{name}")
    assert answer.status_code == 200, answer.text
    found = answer.json()["schedules"]
    return dict(found[0])


def await_fired(server: Server, name: str, count: int) -> dict[str, Any]:
    """Wait until a schedule has fired *count* times."""
    deadline = time.monotonic() + WITHIN_S
    while (found := shown(server, name))["fired"] < count:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def test_a_schedule_invokes_its_function(server: Server, function_name: str) -> None:
    server.deploy(function_name, {"app.py": APP})
    target = {"Arn": arn_of(server, function_name), "RoleArn": ROLE, "Input": '{"from": "s"}'}
    with contextlib.closing(server.client("scheduler")) as scheduler:
        scheduler.create_schedule(
            Name=function_name,
            ScheduleExpression="rate(1 hour)",
            FlexibleTimeWindow=OFF,
            Target=target,
        )
        found = await_fired(server, function_name, 1)
        assert found["next_at_ms"] - found["last_at_ms"] == 3_600_000
        assert [each["events"] for each in found["occurrences"]] == [1]
        server.await_events(function_name, WITHIN_S, done=1)
        variables = {"WASMFAAS_URL": server.url, **server.variables}
        listed = wasmfaas("schedules", "--json", variables=variables).json["schedules"]
        assert function_name in [each["name"] for each in listed]
        assert "OCCURRENCE" in wasmfaas("schedules", function_name, variables=variables).out
        scheduler.delete_schedule(Name=function_name)
    assert server.http.get(f"/_wasmfaas/v1/schedules/{function_name}").status_code == 404


def test_a_rule_needs_the_permission_of_its_target(server: Server, function_name: str) -> None:
    server.deploy(function_name, {"app.py": APP})
    target = {"Id": "1", "Arn": arn_of(server, function_name)}
    entry = {"Source": function_name, "DetailType": "d", "Detail": "{}"}
    events, client = server.client("events"), server.lambda_client()
    rule = events.put_rule(Name=function_name, EventPattern=json.dumps({"source": [function_name]}))
    events.put_targets(Rule=function_name, Targets=[target])
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    server.await_events(function_name, WITHIN_S, dead=1)
    letters = server.http.get(f"/_wasmfaas/v1/dead-letters?function={function_name}").json()
    assert [each["condition"] for each in letters["dead_letters"]] == ["AccessDenied"]
    client.add_permission(
        FunctionName=function_name,
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule["RuleArn"],
    )
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    server.await_events(function_name, WITHIN_S, dead=1, done=1)
    events.close()
    client.close()


def test_schedules_outlive_a_restart(start: Start) -> None:
    """And what was due meanwhile is made up for, once."""
    server = start()
    arn = "arn:aws:lambda:us-east-1:000000000000:function:none"
    with contextlib.closing(server.client("scheduler")) as scheduler:
        scheduler.create_schedule_group(Name="g", Tags=[{"Key": "a", "Value": "b"}])
        scheduler.create_schedule(
            Name="s",
            GroupName="g",
            ScheduleExpression="rate(1 minute)",
            FlexibleTimeWindow=OFF,
            Target={"Arn": arn, "RoleArn": ROLE},
        )
    await_fired(server, "s", 1)
    assert server.stop() == 0
    path = server.data_dir / "wasmfaas.db"
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        # As if it had been down for ten minutes.
        database.execute(
            "update schedules set next_at_ms = next_at_ms - 600000, due_at_ms = due_at_ms - 600000,"
            " anchor_ms = anchor_ms - 600000, last_at_ms = last_at_ms - 600000"
        )
        database.execute("delete from occurrences")
        ((fired,),) = database.execute("select fired from schedules").fetchall()
    again = start()
    found = await_fired(again, "s", fired + 1)
    assert found["skipped"] >= 8
    assert len(found["occurrences"]) >= 1
    with contextlib.closing(again.client("scheduler")) as scheduler:
        assert scheduler.get_schedule(Name="s", GroupName="g")["ScheduleExpression"] == (
            "rate(1 minute)"
        )
