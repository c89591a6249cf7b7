"""The generated data against the botocore that it comes from."""

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import botocore
import pytest

from wasmfaas.api.service_model import (
    EVENTS_MODEL_FILE,
    LOGS_MODEL_FILE,
    MODEL_FILE,
    SCHEDULER_MODEL_FILE,
    SQS_MODEL_FILE,
    ServiceModel,
    translated,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    path = ROOT / ".ci/generate_service_model.py"
    spec = importlib.util.spec_from_file_location("generate_service_model", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def model() -> ServiceModel:
    return ServiceModel.load()


@pytest.mark.parametrize("name", ["LAMBDA", "LOGS", "SCHEDULER", "EVENTS", "SQS"])
def test_the_file_is_what_the_generator_writes(generator: ModuleType, name: str) -> None:
    """With another botocore than the file's, only the bindings have to agree: a release of botocore
    that adds something must not break this project's tests."""
    source = getattr(generator, name)
    written = json.loads(source.target.read_text())
    current = generator.compact_model(source)
    if f"botocore {botocore.__version__}," in written["origin"]:
        assert source.target.read_text() == generator.rendered(current)
    for name, operation in written["operations"].items():
        assert current["operations"][name]["uri"] == operation["uri"], name


def test_the_file_names_its_origin_and_licence(generator: ModuleType) -> None:
    written = json.loads(generator.LAMBDA.target.read_text())
    assert re.fullmatch(r"botocore [\d.]+, .*service-2\.json", written["origin"])
    assert written["licence"].startswith("Apache-2.0")
    assert "documentation" not in written["shapes"]["CreateFunctionRequest"]["members"]
    assert "<p>" not in generator.LAMBDA.target.read_text()


def test_every_operation_of_the_api_is_there(model: ServiceModel) -> None:
    assert len(model.operations) == 91


@pytest.mark.parametrize(
    ("file", "least"),
    [
        (MODEL_FILE, 50),
        (LOGS_MODEL_FILE, 4),
        (SCHEDULER_MODEL_FILE, 10),
        (EVENTS_MODEL_FILE, 10),
        (SQS_MODEL_FILE, 0),
    ],
)
def test_every_pattern_compiles(file: str, least: int) -> None:
    model = ServiceModel.load(file)
    shapes = next(iter(model.operations.values())).input.shapes.values()
    patterns = [shape for shape in shapes if shape.pattern is not None]
    assert len(patterns) >= least
    for shape in patterns:
        assert shape.expression is not None


def test_bounds_are_those_of_ordinary_functions(model: ServiceModel) -> None:
    members = model.operations["CreateFunction"].input.members
    assert members["MemorySize"].shape.maximum == 10_240
    assert members["Timeout"].shape.maximum == 900
    assert members["EphemeralStorage"].shape.members["Size"].shape.maximum == 10_240


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (r"\d+", "12", True),
        (r"\d+", "१२", False),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "straße 東京 ² .:/=+-@", True),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "a\tb", False),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "a\n", False),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "\u2003", True),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "a;b", False),
    ],
)
def test_patterns_mean_what_they_mean_in_java(pattern: str, text: str, matches: bool) -> None:
    assert (translated(pattern).fullmatch(text) is not None) is matches
