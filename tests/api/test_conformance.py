"""Every answer against botocore: whatever is asked, no 5xx, no HTML, and no member that a client's
model does not know."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import botocore.session
import pytest
from botocore.model import OperationModel, Shape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.harness import PACKAGE, Answer, Harness
from wasmfaas.api.service_model import ServiceModel
from wasmfaas.errors import ResourceNotFound

MODEL = botocore.session.get_session().get_service_model("lambda")
OPERATIONS = sorted(MODEL.operation_names)
SUCCESS = {
    "AddPermission", "PutResourcePolicy",
    "AddLayerVersionPermission", "DeleteLayerVersion", "GetLayerVersion", "GetLayerVersionByArn",
    "GetLayerVersionPolicy", "PublishLayerVersion", "RemoveLayerVersionPermission",
    "CreateAlias", "DeleteAlias", "GetAlias", "PublishVersion", "UpdateAlias",
    "DeleteFunctionCodeSigningConfig", "DeleteFunctionConcurrency", "GetFunctionRecursionConfig",
    "GetRuntimeManagementConfig", "PutFunctionConcurrency", "PutFunctionRecursionConfig",
    "PutRuntimeManagementConfig",
    "CreateFunction", "DeleteFunction", "DeleteFunctionUrlConfig", "CreateFunctionUrlConfig",
    "GetAccountSettings", "GetFunction", "GetFunctionCodeSigningConfig", "GetFunctionConcurrency",
    "GetFunctionConfiguration", "GetFunctionUrlConfig", "Invoke", "InvokeWithResponseStream",
    "ListFunctionUrlConfigs",
    "ListFunctions", "ListTags", "ListVersionsByFunction", "TagResource", "UntagResource",
    "UpdateFunctionCode", "UpdateFunctionConfiguration", "UpdateFunctionUrlConfig",
}  # fmt: skip


#: What Lambda answers although its own model does not list it.
BEYOND_MODEL = {"LastUpdateStatusReasonCode": ["Creating"]}


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """One API for all tests here, with a function in it whatever earlier requests did."""
    directory: Path = tmp_path_factory.mktemp("conformance")
    harness = Harness(directory / "data")
    yield harness
    harness.close()


def ensure_function(harness: Harness) -> None:
    try:
        harness.run(harness.registry.get("f"))
    except ResourceNotFound:
        harness.create("f", Tags={"a": "b"}, Environment={"Variables": {"AA": "b"}})
    if harness.run(harness.registry.urls.find("f")) is None:
        harness.client().create_function_url_config(
            FunctionName="f", AuthType="NONE", Cors={"AllowOrigins": ["*"]}
        )
    try:
        harness.run(harness.registry.aliases.get("f", "alias"))
    except ResourceNotFound:
        harness.client().create_alias(FunctionName="f", Name="alias", FunctionVersion="$LATEST")


def sound_layer(harness: Harness) -> dict[str, Any]:
    """Parameters that name a version of a layer, and a statement of its policy."""
    client = harness.client()
    version = client.publish_layer_version(LayerName="l", Content={"ZipFile": PACKAGE})
    named = {"LayerName": "l", "VersionNumber": version["Version"]}
    client.add_layer_version_permission(
        StatementId="s", Action="lambda:GetLayerVersion", Principal="*", **named
    )
    return {**named, "Arn": version["LayerVersionArn"], "StatementId": "s"}


def send(harness: Harness, operation: OperationModel, parameters: dict[str, Any]) -> Answer:
    """*parameters* sent as botocore sends them, but without its checks."""
    serialised = create_serializer("rest-json", include_validation=False).serialize_to_request(
        parameters, operation
    )
    target = serialised["url_path"]
    pairs = serialised["query_string"]
    if pairs:
        target += ("&" if "?" in target else "?") + urlencode(pairs, doseq=True)
    body = serialised["body"] or b""
    body = body.encode() if isinstance(body, str) else bytes(body)
    return harness.request(
        serialised["method"], target, headers=dict(serialised["headers"]), body=[body]
    )


def check_document(shape: Shape, document: Any, where: str) -> None:
    """Every member is in the model, has its type, and those that are required are there."""
    if shape.type_name == "structure":
        assert isinstance(document, dict), where
        assert set(document) <= set(shape.members), where
        for name in shape.required_members:
            assert document.get(name) is not None, f"{where}.{name}"
        for name, value in document.items():
            check_document(shape.members[name], value, f"{where}.{name}")
    elif shape.type_name == "list":
        for item in document:
            check_document(shape.member, item, f"{where}[]")
    elif shape.type_name == "map":
        for value in document.values():
            check_document(shape.value, value, f"{where}{{}}")
    else:
        kinds: dict[str, Any] = {
            "string": str, "integer": int, "long": int, "boolean": bool, "double": int | float,
            "blob": str, "timestamp": int | float,
        }  # fmt: skip
        assert isinstance(document, kinds[shape.type_name]), where
        allowed = getattr(shape, "enum", None)
        assert not allowed or document in (*allowed, *BEYOND_MODEL.get(shape.name, ())), where


def check_answer(operation: OperationModel, answer: Answer) -> None:
    assert answer.status < 500, (operation.name, answer.body)
    assert len(answer.headers["x-amzn-requestid"]) == 36
    if answer.body:
        streamed = answer.body.startswith(b"\0")
        expected = "application/vnd.amazon.eventstream" if streamed else "application/json"
        assert answer.headers["content-type"] == expected
    if answer.status >= 300:
        check_error(operation, answer)
        return
    shape = operation.output_shape
    streams = shape is not None and "payload" in shape.serialization
    if answer.status == 204 or shape is None:
        assert answer.body == b""
    elif not streams:
        check_document(shape, json.loads(answer.body), operation.name)
    if shape is not None:
        response = {
            "status_code": answer.status, "headers": dict(answer.headers), "body": answer.body,
            "context": {"operation_name": operation.name},
        }  # fmt: skip
        create_parser("rest-json").parse(response, shape)


def check_error(operation: OperationModel, answer: Answer) -> None:
    code = answer.headers["x-amzn-errortype"]
    body = json.loads(answer.body)
    message = body.get("message", body.get("Message"))
    assert message
    shapes = {shape.name: shape for shape in MODEL.operation_model(operation.name).error_shapes}
    if code in shapes:
        assert set(body) <= set(shapes[code].members), (operation.name, body)
    else:
        assert code in ("ValidationException", "SerializationException",
                        "InvalidParameterValueException", "ResourceNotFoundException",
                        "RequestEntityTooLargeException",
                        "AccessDeniedException"), (operation.name, code)  # fmt: skip


SOUND: dict[str, Any] = {
    "FunctionName": "f",
    "Role": "arn:aws:iam::000000000000:role/r",
    "Runtime": "python3.14",
    "Handler": "app.lambda_handler",
    "Code": {"ZipFile": PACKAGE},
    "ZipFile": PACKAGE,
    "Resource": "arn:aws:lambda:us-east-1:000000000000:function:f",
    "Tags": {"k": "v"},
    "TagKeys": ["k"],
    "AuthType": "NONE",
    "Name": "alias",
    "FunctionVersion": "$LATEST",
    "StatementId": "s",
    "Action": "lambda:InvokeFunction",
    "Principal": "*",
    "ResourceArn": "arn:aws:lambda:us-east-1:000000000000:function:f",
    "Policy": '{"Statement":{"Effect":"Allow","Principal":"*","Action":"*"}}',
    "EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:q",
    "Payload": b"{}",
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_answers_as_its_model_says(harness: Harness, name: str) -> None:
    ensure_function(harness)
    operation = MODEL.operation_model(name)
    parameters = {
        member: SOUND.get(member, _plain(shape))
        for member, shape in operation.input_shape.members.items()
        if member in operation.input_shape.required_members
        or member in ("Runtime", "Handler", "ZipFile", "Payload")
    }
    if name == "CreateFunction":
        harness.client().delete_function(FunctionName="f")
    if name == "CreateFunctionUrlConfig":
        harness.client().delete_function_url_config(FunctionName="f")
    if name == "CreateAlias":
        parameters["Name"] = "another"
    if "Layer" in name:
        sound = sound_layer(harness)
        parameters |= {key: sound[key] for key in sound.keys() & parameters.keys()}
    if name == "AddLayerVersionPermission":
        parameters |= {
            "StatementId": "t", "Action": "lambda:GetLayerVersion", "Principal": "123456789012"
        }  # fmt: skip
    if name == "PublishLayerVersion":
        parameters["Content"] = {"ZipFile": PACKAGE}
    answer = send(harness, operation, parameters)
    check_answer(operation, answer)
    lists_nothing = name.startswith("List") and answer.status == 200
    assert (answer.status < 300) == (name in SUCCESS or lists_nothing), answer.body


def _plain(shape: Shape) -> Any:
    """A value of *shape*, as plain as can be."""
    if shape.type_name == "structure":
        return {name: _plain(shape.members[name]) for name in shape.required_members}
    plain: dict[str, Any] = {
        "list": [], "map": {}, "integer": 1, "long": 1, "boolean": True, "double": 0.5,
        "blob": b"x", "timestamp": 0,
    }  # fmt: skip
    if shape.type_name == "string":
        return next(iter(shape.enum), "x" * max(1, shape.metadata.get("min", 1)))
    return plain[shape.type_name]


TEXTS = st.sampled_from(
    ["f", "", "gone", "f:$LATEST", "f:1", "f:alias", "alias", "NONE", "python3.14", "app.handler",
     "$LATEST", "1",
     "arn:aws:lambda:us-east-1:000000000000:function:f", "../x", "%2F", "a/b", "é", "\U0001f600",
     "arn:aws:iam::000000000000:role/r", "provided", "Zip", "BUFFERED", "x" * 300]
) | st.text(max_size=20)  # fmt: skip


def values(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of the type of *shape*, within its constraints or not."""
    if shape.type_name == "structure":
        members = dict(shape.members) if depth < 3 else {}
        return st.fixed_dictionaries(
            {name: values(m, depth + 1) for name, m in members.items()
             if name in shape.required_members},
            optional={name: values(m, depth + 1) for name, m in members.items()
                      if name not in shape.required_members},
        )  # fmt: skip
    if shape.type_name == "list":
        return st.lists(values(shape.member, depth + 1), max_size=3)
    if shape.type_name == "map":
        return st.dictionaries(TEXTS, values(shape.value, depth + 1), max_size=3)
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "string": (st.sampled_from(shape.enum) if getattr(shape, "enum", None) else TEXTS) | TEXTS,
        "integer": st.integers(-1, 11000) | st.integers(),
        "long": st.integers(),
        "boolean": st.booleans(),
        "double": st.floats(allow_nan=False, allow_infinity=False),
        "blob": st.just(PACKAGE) | st.binary(max_size=50),
        "timestamp": st.integers(0, 2**31),
    }
    return kinds[shape.type_name]


@st.composite
def requests(draw: st.DrawFn) -> tuple[OperationModel, dict[str, Any]]:
    operation = MODEL.operation_model(
        draw(st.sampled_from(sorted(SUCCESS)) | st.sampled_from(OPERATIONS))
    )
    parameters = draw(values(operation.input_shape))
    sound = {name: value for name, value in SOUND.items() if name in parameters}
    kept = draw(st.sets(st.sampled_from(sorted(sound)))) if sound else set()
    return operation, parameters | {name: sound[name] for name in kept}


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(request=requests())
def test_no_request_of_a_client_makes_a_5xx(
    harness: Harness, request: tuple[OperationModel, dict[str, Any]]
) -> None:
    ensure_function(harness)
    operation, parameters = request
    path_members = [
        name
        for name, member in operation.input_shape.members.items()
        if member.serialization.get("location") == "uri"
    ]
    for name in path_members:
        # botocore cannot build a path without them, nor can a router tell an empty one.
        parameters[name] = parameters.get(name) or "f"
    check_answer(operation, send(harness, operation, parameters))


PATHS = st.sampled_from(
    [
        ("/" + "/".join("f" if s.startswith("{") else s for s in operation.segments))
        for operation in ServiceModel.load().operations.values()
    ]
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]),
    path=PATHS | st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30),
    query=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30),
    body=st.lists(st.sampled_from([b"{", b"[]", b'{"Code":3}']) | st.binary(), max_size=3),
    headers=st.dictionaries(
        st.sampled_from(
            ["x-amz-invocation-type", "x-amz-log-type", "x-amz-client-context", "content-length",
             "x-amzn-trace-id", "x-amz-tenant-id", "host"]
        ),
        st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20),
    ),
)  # fmt: skip
def test_no_bytes_make_a_5xx(
    harness: Harness,
    method: str,
    path: str,
    query: str,
    body: list[bytes],
    headers: dict[str, str],
) -> None:
    answer = harness.request(method, f"/{path.lstrip('/?')}?{query}", headers=headers, body=body)
    assert answer.status < 500, answer.body
    if answer.body:
        assert answer.headers["content-type"] == "application/json"
        json.loads(answer.body)
