"""A whole `terraform apply`, `plan`, `apply` and `destroy` against a server: the calls of the
provider's `aws_lambda_*` resources in its order. `tests/api/test_terraform.py` has each of them."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.api.harness import refused
from tests.conftest import ROLE, Server, zip_of

SOURCE = "import library\n\ndef lambda_handler(event, context):\n    return [library.A, {number}]\n"
LAYER = zip_of({"python/library.py": "A = 'layer'"})
QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"
URL_STATEMENT = "FunctionURLAllowPublicAccess"
QUICK = {"Delay": 0.1, "MaxAttempts": 600}


def package(number: int) -> bytes:
    return zip_of({"app.py": SOURCE.format(number=number)})


@dataclass
class Provider:
    """The state of one configuration: a layer, a function that uses it, and what it has."""

    client: Any
    name: str
    layer: Any = None
    mapping: str = ""

    @property
    def named(self) -> dict[str, str]:
        return {"FunctionName": self.name}

    @property
    def live(self) -> dict[str, str]:
        return {"FunctionName": self.name, "Qualifier": "live"}

    def create(self) -> None:
        """In the order of what refers to what."""
        self.layer = self.client.publish_layer_version(
            LayerName=self.name, Content={"ZipFile": LAYER}, CompatibleRuntimes=["python3.14"]
        )
        created = self.client.create_function(
            **self.named, Runtime="python3.14", Handler="app.lambda_handler", Role=ROLE,
            Code={"ZipFile": package(1)}, Layers=[self.layer["LayerVersionArn"]], Publish=True,
            Tags={"a": "b"}, MemorySize=128, Timeout=3, PackageType="Zip",
            Architectures=["x86_64"], EphemeralStorage={"Size": 512},
            TracingConfig={"Mode": "PassThrough"},
        )  # fmt: skip
        assert created["Version"] == "1"
        self.client.get_waiter("function_exists").wait(**self.named, WaiterConfig=QUICK)
        self.client.get_waiter("function_active_v2").wait(**self.named, WaiterConfig=QUICK)
        self.client.put_function_concurrency(**self.named, ReservedConcurrentExecutions=5)
        self.client.create_alias(**self.named, Name="live", FunctionVersion="1")
        self.client.add_permission(
            **self.live, StatementId="events", Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn="arn:aws:events:us-east-1:000000000000:rule/r",
        )  # fmt: skip
        self.client.create_function_url_config(
            **self.live, AuthType="NONE", InvokeMode="BUFFERED", Cors={"AllowOrigins": ["*"]}
        )
        self.client.add_permission(
            **self.live, StatementId=URL_STATEMENT, Action="lambda:InvokeFunctionUrl",
            Principal="*", FunctionUrlAuthType="NONE",
        )  # fmt: skip
        self.mapping = self.client.create_event_source_mapping(
            FunctionName=f"{self.name}:live", EventSourceArn=QUEUE, BatchSize=10
        )["UUID"]

    def read(self) -> dict[str, Any]:
        """What a refresh reads, by Terraform's names."""
        function = self.client.get_function(**self.named)
        assert httpx.get(function["Code"]["Location"], timeout=120).status_code == 200
        assert self.client.get_function_code_signing_config(**self.named)["FunctionName"]
        pages = self.client.get_paginator("list_versions_by_function").paginate(
            **self.named, PaginationConfig={"PageSize": 10_000}
        )
        newest = [version for page in pages for version in page["Versions"]][-1]
        url = self.client.get_function_url_config(**self.live)
        found = {
            "aws_lambda_layer_version": self.client.get_layer_version(
                LayerName=self.name, VersionNumber=self.layer["Version"]
            ),
            "aws_lambda_function": function["Configuration"],
            "version": newest["Version"],
            "reserved": function["Concurrency"],
            "tags": function["Tags"],
            "aws_lambda_alias": self.client.get_alias(**self.named, Name="live"),
            "aws_lambda_permission": self.client.get_policy(**self.live),
            "aws_lambda_function_url": url,
            "url_id": str(urlsplit(url["FunctionUrl"]).hostname).split(".")[0],
            "aws_lambda_event_source_mapping": self._await_mapping("Enabled", "Disabled"),
        }
        # A link is signed anew for every request, and an answer has an id of its own.
        found["aws_lambda_layer_version"]["Content"].pop("Location")
        for value in found.values():
            if isinstance(value, dict):
                value.pop("ResponseMetadata", None)
        return found

    def update(self) -> None:
        self.client.update_function_configuration(**self.named, MemorySize=256, Timeout=9)
        self.client.get_waiter("function_updated_v2").wait(**self.named, WaiterConfig=QUICK)
        self.client.update_function_code(**self.named, ZipFile=package(2))
        self.client.get_waiter("function_updated_v2").wait(**self.named, WaiterConfig=QUICK)
        self.client.put_function_concurrency(**self.named, ReservedConcurrentExecutions=7)
        arn = self.client.get_function(**self.named)["Configuration"]["FunctionArn"]
        self.client.untag_resource(Resource=arn, TagKeys=["a"])
        self.client.tag_resource(Resource=arn, Tags={"c": "d"})
        version = self.client.publish_version(**self.named)["Version"]
        self.client.get_function_configuration(**self.named, Qualifier=version)
        self.client.update_alias(**self.named, Name="live", FunctionVersion=version)
        self.client.update_function_url_config(
            **self.live, AuthType="NONE", Cors={"AllowMethods": ["GET"]}
        )
        self.client.update_event_source_mapping(
            UUID=self.mapping, FunctionName=f"{self.name}:live", BatchSize=5, Enabled=False
        )

    def _await_mapping(self, *wanted: str) -> dict[str, Any]:
        """Asked for until it has one of these states, or is refused with one of these codes."""
        deadline = time.monotonic() + 60
        while True:
            try:
                found = dict(self.client.get_event_source_mapping(UUID=self.mapping))
                state = found["State"]
                # Of a queue that does not exist, which polling finds out in its own time.
                found.pop("LastProcessingResult", None)
            except ClientError as error:
                found, state = {}, error.response["Error"]["Code"]
            if state in wanted:
                return found
            assert time.monotonic() < deadline, state
            time.sleep(0.05)

    def destroy(self) -> None:
        """The other way round, each asked for until it is gone."""
        gone = "ResourceNotFoundException"
        mapping = {"UUID": self.mapping}
        assert self.client.delete_event_source_mapping(**mapping)["State"] == "Deleting"
        self._await_mapping(gone)
        self.client.delete_function_url_config(**self.live)
        refused(gone, self.client.get_function_url_config, **self.live)
        for statement in (URL_STATEMENT, "events"):
            self.client.remove_permission(**self.live, StatementId=statement)
        refused(gone, self.client.get_policy, **self.live)
        self.client.delete_alias(**self.named, Name="live")
        said = refused(gone, self.client.get_alias, **self.named, Name="live")
        assert "Cannot find alias arn" in said
        self.client.delete_function(**self.named)
        refused(gone, self.client.get_function, **self.named)
        version = {"LayerName": self.name, "VersionNumber": self.layer["Version"]}
        self.client.delete_layer_version(**version)
        refused(gone, self.client.get_layer_version, **version)


@pytest.fixture
def provider(server: Server, function_name: str) -> Iterator[Provider]:
    with contextlib.closing(server.client("sts")) as sts:
        assert sts.get_caller_identity()["Account"] == "000000000000"
    with contextlib.closing(server.lambda_client()) as client:
        yield Provider(client, function_name)


def test_apply_plan_apply_and_destroy(server: Server, provider: Provider) -> None:
    provider.create()
    first = provider.read()
    assert (first["version"], first["reserved"], first["tags"]) == (
        "1",
        {"ReservedConcurrentExecutions": 5},
        {"a": "b"},
    )
    statements = json.loads(first["aws_lambda_permission"]["Policy"])["Statement"]
    assert [each["Sid"] for each in statements] == ["events", URL_STATEMENT]
    assert {each["Resource"].rpartition(":")[2] for each in statements} == {"live"}
    assert len(first["url_id"]) == 32
    assert server.http.get(f"/f/{provider.name}:live/").json() == ["layer", 1]
    assert provider.read() == first, "a plan finds nothing to do"

    provider.update()
    second = provider.read()
    function = second["aws_lambda_function"]
    assert (function["MemorySize"], function["Timeout"], second["version"]) == (256, 9, "2")
    assert (second["tags"], second["url_id"]) == ({"c": "d"}, first["url_id"])
    assert second["aws_lambda_alias"]["FunctionVersion"] == "2"
    assert second["aws_lambda_event_source_mapping"]["State"] == "Disabled"
    assert second["aws_lambda_event_source_mapping"]["BatchSize"] == 5
    policies = [each["aws_lambda_permission"]["Policy"] for each in (first, second)]
    assert policies[0] == policies[1]
    assert server.http.get(f"/f/{provider.name}:live/").json() == ["layer", 2]
    assert provider.read() == second, "a plan finds nothing to do"

    provider.destroy()
    assert server.http.get(f"/f/{provider.name}:live/").status_code == 404
