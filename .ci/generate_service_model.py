"""Write wasmfaas/api/*-model.json from botocore's descriptions of the APIs of Lambda, CloudWatch
Logs, EventBridge, EventBridge Scheduler and SQS.

    python .ci/generate_service_model.py          write the files
    python .ci/generate_service_model.py --check  exit 1 if a file would change

Needs botocore (it comes with boto3, a development dependency); the server needs only the files.
What is kept: how every operation is bound to HTTP, the shapes of its input with their constraints,
and the shapes of its output without them. Documentation and error shapes are left out.
"""

import gzip
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore

FOLDER = Path(__file__).parent.parent / "wasmfaas/api"


@dataclass(frozen=True)
class Source:
    """A service of botocore, and what is written of it."""

    path: str
    target: Path
    #: None for all.
    operations: tuple[str, ...] | None = None


LAMBDA = Source("data/lambda/2015-03-31/service-2.json", FOLDER / "service-model.json")
LOGS = Source(
    "data/logs/2014-03-28/service-2.json",
    FOLDER / "logs-model.json",
    (
        "CreateLogGroup",
        "DeleteLogGroup",
        "DeleteRetentionPolicy",
        "DescribeLogGroups",
        "DescribeLogStreams",
        "FilterLogEvents",
        "GetLogEvents",
        "ListTagsForResource",
        "ListTagsLogGroup",
        "PutRetentionPolicy",
        "TagResource",
        "UntagResource",
    ),
)
SCHEDULER = Source("data/scheduler/2021-06-30/service-2.json", FOLDER / "scheduler-model.json")
EVENTS = Source(
    "data/events/2015-10-07/service-2.json",
    FOLDER / "events-model.json",
    (
        "DeleteRule",
        "DescribeEventBus",
        "DescribeRule",
        "DisableRule",
        "EnableRule",
        "ListEventBuses",
        "ListRuleNamesByTarget",
        "ListRules",
        "ListTagsForResource",
        "ListTargetsByRule",
        "PutEvents",
        "PutRule",
        "PutTargets",
        "RemoveTargets",
        "TagResource",
        "TestEventPattern",
        "UntagResource",
    ),
)
SQS = Source("data/sqs/2012-11-05/service-2.json", FOLDER / "sqs-model.json")
#: A further service is a row here, a file name in wasmfaas/api/service_model.py, and the name of
#: the row in tests/api/test_service_model.py.
SOURCES = (LAMBDA, LOGS, SCHEDULER, EVENTS, SQS)

CONSTRAINTS = ("min", "max", "pattern", "enum")

#: Bounds of ordinary functions; botocore's are those of functions on capacity providers.
BOUNDS = {
    "MemorySize": {"max": 10_240},
    "Timeout": {"max": 900},
    "EphemeralStorageSize": {"max": 10_240},
}
#: Lambda answers an unknown runtime with another exception than for any other enumeration, so
#: the members of these requests get a shape without it.
RUNTIME_REQUESTS = ("CreateFunctionRequest", "UpdateFunctionConfigurationRequest")

Json = dict[str, Any]


def source_model(source: Source) -> Json:
    """The service model of the installed botocore."""
    path = Path(botocore.__file__).parent / f"{source.path}.gz"
    model: Json = json.loads(gzip.decompress(path.read_bytes()))
    return model


def adapted(shapes: Json) -> Json:
    """*shapes* with the differences between botocore's model and ordinary functions."""
    changed = {name: dict(shape) for name, shape in shapes.items()}
    for name, bounds in BOUNDS.items():
        changed[name] |= bounds
    # Results can be sent to webhooks, too.
    changed["DestinationArn"]["pattern"] += "|https?://.*"
    changed["FunctionRuntime"] = {"type": "string"}
    for name in RUNTIME_REQUESTS:
        members = changed[name]["members"]
        changed[name]["members"] = members | {"Runtime": {"shape": "FunctionRuntime"}}
    return changed


def referred(shape: Json) -> Iterator[str]:
    """Names of the shapes that *shape* is made of."""
    for member in shape.get("members", {}).values():
        yield member["shape"]
    for part in ("member", "key", "value"):
        if part in shape:
            yield shape[part]["shape"]


def reachable(shapes: Json, roots: set[str]) -> set[str]:
    """Names of all shapes that *roots* are made of, themselves included."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(referred(shapes[name]))
    return found


def compact_member(member: Json) -> Any:
    """The shape's name alone, or with its place in the request."""
    if "location" not in member:
        return member["shape"]
    return {name: member[name] for name in ("shape", "location", "locationName") if name in member}


def compact_shape(shape: Json, *, constrained: bool) -> Json:
    """*shape* without documentation, and unless *constrained* without its constraints."""
    kept: Json = {"type": shape["type"]}
    for name in ("required", *(CONSTRAINTS if constrained else ()), "payload", "sensitive"):
        if name in shape:
            kept[name] = shape[name]
    if "members" in shape:
        kept["members"] = {
            name: compact_member(member) for name, member in shape["members"].items()
        }
    for part in ("member", "key", "value"):
        if part in shape:
            kept[part] = shape[part]["shape"]
    return kept


def compact_operation(operation: Json) -> Json:
    """How *operation* is bound to HTTP, and the names of its shapes."""
    http = operation["http"]
    kept = {
        "method": http["method"],
        "uri": http["requestUri"],
        "status": http.get("responseCode", 200),
        "input": operation["input"]["shape"],
    }
    if "output" in operation:
        kept["output"] = operation["output"]["shape"]
    return kept


def compact_model(source: Source = LAMBDA) -> Json:
    """The content of the file."""
    model = source_model(source)
    shapes = adapted(model["shapes"]) if source is LAMBDA else model["shapes"]
    operations = {
        name: compact_operation(operation)
        for name, operation in model["operations"].items()
        if source.operations is None or name in source.operations
    }
    inputs = reachable(shapes, {operation["input"] for operation in operations.values()})
    outputs = reachable(shapes, {o["output"] for o in operations.values() if "output" in o})
    return {
        "origin": f"botocore {botocore.__version__}, botocore/{source.path}",
        "licence": "Apache-2.0; Copyright Amazon.com, Inc. or its affiliates",
        "changes": "made by .ci/generate_service_model.py: documentation, error shapes and the "
        "constraints of responses left out"
        + ("; bounds of ordinary functions" if source is LAMBDA else "")
        + ("; few operations" if source.operations is not None else ""),
        "operations": dict(sorted(operations.items())),
        "shapes": {
            name: compact_shape(shapes[name], constrained=name in inputs)
            for name in sorted(inputs | outputs)
        },
    }


def rendered(model: Json) -> str:
    """*model* as JSON with one line per operation and shape, so that changes can be read."""
    lines = []
    for name, value in model.items():
        if isinstance(value, dict):
            rows = ",\n".join(
                f"  {json.dumps(key)}: {json.dumps(row)}" for key, row in value.items()
            )
            lines.append(f" {json.dumps(name)}: {{\n{rows}\n }}")
        else:
            lines.append(f" {json.dumps(name)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main(arguments: list[str]) -> int:
    status = 0
    for source in SOURCES:
        text = rendered(compact_model(source))
        if "--check" not in arguments:
            source.target.write_text(text)
        elif source.target.read_text() != text:
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
