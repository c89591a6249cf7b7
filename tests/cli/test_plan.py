from typing import Any

from wasmfaas.cli import plan
from wasmfaas.cli.packaging import Package
from wasmfaas.cli.project import FunctionSettings

PYTHON = Package(data=b"", handler="app.lambda_handler", runtime="python3.14", files=1)
MODULE = Package(data=b"", handler="bootstrap", runtime="provided.al2023", files=1)


def deployed(**members: Any) -> dict[str, Any]:
    return {
        "Runtime": "python3.14",
        "Handler": "app.lambda_handler",
        "MemorySize": 128,
        "Timeout": 3,
        "Description": "",
        "EphemeralStorage": {"Size": 512},
    } | members


def variables(**values: str) -> dict[str, Any]:
    return {"Environment": {"Variables": values}}


def test_a_new_function_gets_what_is_wanted_and_nothing_else() -> None:
    assert plan.creation(FunctionSettings(), PYTHON) == {
        "Runtime": "python3.14",
        "Handler": "app.lambda_handler",
        "Role": plan.ROLE,
    }
    wanted = FunctionSettings(
        memory_mb=256,
        timeout_s=10,
        description="x",
        tmp_mb=600,
        isolation="fresh",
        fuel_max=5,
        environment={"A": "1"},
        tags={"team": "blue"},
    )
    assert plan.creation(wanted, PYTHON) == {
        "Runtime": "python3.14",
        "Handler": "app.lambda_handler",
        "Role": plan.ROLE,
        "MemorySize": 256,
        "Timeout": 10,
        "Description": "x",
        "EphemeralStorage": {"Size": 600},
        "Environment": {
            "Variables": {"A": "1", "WASMFAAS_ISOLATION": "fresh", "WASMFAAS_FUEL_MAX": "5"}
        },
        "Tags": {"team": "blue"},
    }


def test_only_what_differs_is_changed() -> None:
    changes = plan.configuration_changes
    assert changes(FunctionSettings(), PYTHON, deployed()) == {}
    same = FunctionSettings(memory_mb=128, timeout_s=3, description="", tmp_mb=512)
    assert changes(same, PYTHON, deployed()) == {}
    assert changes(FunctionSettings(memory_mb=256), PYTHON, deployed()) == {"MemorySize": 256}
    moved = deployed(Handler="old.handler")
    assert changes(FunctionSettings(), PYTHON, moved) == {"Handler": "app.lambda_handler"}


def test_what_is_not_said_stays_as_it_is_deployed() -> None:
    now = deployed(MemorySize=1024, **variables(A="1", WASMFAAS_ISOLATION="fresh"))
    assert plan.configuration_changes(FunctionSettings(), PYTHON, now) == {}


def test_a_declared_environment_replaces_the_deployed_one_but_for_our_own_settings() -> None:
    now = deployed(**variables(A="1", B="2", WASMFAAS_ISOLATION="fresh"))
    wanted = FunctionSettings(environment={"A": "1"})
    expected = variables(A="1", WASMFAAS_ISOLATION="fresh")
    assert plan.configuration_changes(wanted, PYTHON, now) == expected
    none = FunctionSettings(environment={})
    assert plan.configuration_changes(none, PYTHON, deployed(**variables(A="1"))) == variables()


def test_isolation_and_fuel_change_beside_the_other_variables() -> None:
    now = deployed(**variables(A="1", WASMFAAS_ISOLATION="fresh"))
    wanted = FunctionSettings(isolation="reuse", fuel_max=7)
    expected = variables(A="1", WASMFAAS_ISOLATION="reuse", WASMFAAS_FUEL_MAX="7")
    assert plan.configuration_changes(wanted, PYTHON, now) == expected


def test_what_makes_room_for_a_module_goes_before_it() -> None:
    module = deployed(Runtime="provided.al2023", Handler="bootstrap")
    first = plan.configuration_first
    assert first({"MemorySize": 256}, module)
    assert first({"Runtime": "python3.14", "Handler": "app.lambda_handler"}, module)
    assert not first({"MemorySize": 64}, module)
    assert not first({"Timeout": 9}, module)


def test_the_code_goes_first_where_python_becomes_a_module() -> None:
    assert not plan.configuration_first({"Runtime": "provided.al2023"}, deployed())
    assert not plan.configuration_first({"MemorySize": 256}, deployed())
    assert not plan.configuration_first({}, deployed())


def test_tags_wanted_replace_those_deployed_and_stay_where_none_are_wanted() -> None:
    now = {"team": "blue", "stage": "test"}
    assert plan.tag_changes(None, now) == ({}, [])
    assert plan.tag_changes({"team": "red"}, now) == ({"team": "red"}, ["stage"])
    assert plan.tag_changes(now, now) == ({}, [])
