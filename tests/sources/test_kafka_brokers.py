"""Which brokers a mapping may read from, and with what it comes."""

import json
from typing import Any

import pytest

from wasmfaas.sources.endpoints import TAG, Endpoints
from wasmfaas.sources.kafka_brokers import Brokers
from wasmfaas.sources.source import SourceFailed, SourceMapping

pytestmark = pytest.mark.anyio

SECRETS: dict[str, Any] = {
    "login": {"username": "mapping", "password": "pas$word"},
    "half": {"username": "mapping"},
    "root": {"certificate": "ROOT"},
    "client": {"certificate": "CLIENT", "privateKey": "KEY", "privateKeyPassword": "pas$word"},
    "text": "text",
}


async def secrets(function_name: str, name: str) -> bytes:
    if name not in SECRETS or function_name != "f":
        raise SourceFailed(f"no secret {name}")
    return json.dumps(SECRETS[name]).encode()


def mapping(*servers: str, access: Any = (), tag: str = "") -> SourceMapping:
    configuration = {
        "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": list(servers)}},
        "SourceAccessConfigurations": [
            {"Type": kind, "URI": f"arn:aws:secretsmanager:us-east-1:000000000000:secret:{name}"}
            for kind, name in access
        ],
    }
    tags = {TAG: tag} if tag else {}
    return SourceMapping(
        uuid="u", arn="", configuration=configuration, tags=tags, function_name="f"
    )


async def brokers(mapping: SourceMapping, **endpoints: str) -> dict[str, Any]:
    found = await Brokers.of(Endpoints(endpoints), mapping, secrets)
    assert "pas$word" not in repr(found)
    return dict(found.configuration)


async def test_the_operator_names_brokers_and_how_to_get_in() -> None:
    url = "kafkas://oper:p%40s@One:9093,two?mechanism=PLAIN&ca=/etc/ca.pem"
    assert await brokers(mapping("one:9093", "two:9092"), other="kafka://three:1", any=url) == {
        "bootstrap.servers": "one:9093,two:9092",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "oper",
        "sasl.password": "p@s",
        "ssl.ca.location": "/etc/ca.pem",
    }
    assert await brokers(mapping("h:1"), kafka="kafka://h:1") == {
        "bootstrap.servers": "h:1",
        "security.protocol": "PLAINTEXT",
    }
    by_default = await brokers(mapping("h:1"), kafka="kafka://u:p@h:1")
    assert by_default["sasl.mechanism"] == "SCRAM-SHA-512"


@pytest.mark.parametrize(
    ("servers", "tag", "endpoints", "reason"),
    [
        (["a:1"], "", {}, "WASMFAAS_EVENT_SOURCE_ENDPOINTS=kafka=kafka://a:1"),
        (["a:1", "b:1"], "", {"kafka": "kafka://x:pas$word@a:1"}, "names no Kafka brokers a:1,b:1"),
        (["a:2"], "", {"kafka": "kafka://a:1"}, "names no Kafka brokers a:2"),
        (["a:1"], "x", {"kafka": "kafka://a:1"}, "There is no endpoint 'x'"),
        (["a:1"], "x", {"kafka": "kafka://a:1", "x": "kafka://b:1"}, "a:1 at the endpoint 'x'"),
        (["a:1"], "x", {"x": "redis://a:1"}, "needs kafka:// or kafkas://"),
        (["a:1"], "", {"r": "redis://a:1"}, "names no Kafka brokers"),
        (["a:1"], "", {"k": "kafka://u:pas$word@a:1?mechanism=GSSAPI"}, "must be one of PLAIN, "),
        (["a:1"], "", {"k": "kafka://a:1?acks=1"}, "has 'acks'; there are: ca, mechanism"),
        ([], "", {"kafka": "kafka://a:1"}, "names no Kafka brokers"),
    ],
)
async def test_brokers_that_the_operator_does_not_name(
    servers: list[str], tag: str, endpoints: dict[str, str], reason: str
) -> None:
    with pytest.raises(SourceFailed) as failed:
        await brokers(mapping(*servers, tag=tag), **endpoints)
    assert reason in failed.value.message
    assert "pas$word" not in failed.value.message


async def test_mappings_come_with_secrets_of_their_functions() -> None:
    access = [("SASL_SCRAM_256_AUTH", "login"), ("SERVER_ROOT_CA_CERTIFICATE", "root")]
    assert await brokers(mapping("h:1", access=access), kafka="kafkas://h:1") == {
        "bootstrap.servers": "h:1",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": "mapping",
        "sasl.password": "pas$word",
        "ssl.ca.pem": "ROOT",
    }
    access = [("CLIENT_CERTIFICATE_TLS_AUTH", "client"), ("VPC_SUBNET", "subnet:subnet-1")]
    assert await brokers(mapping("h:1", access=access), kafka="kafkas://h:1") == {
        "bootstrap.servers": "h:1",
        "security.protocol": "SSL",
        "ssl.certificate.pem": "CLIENT",
        "ssl.key.pem": "KEY",
        "ssl.key.password": "pas$word",
    }
    access = [("SASL_SCRAM_512_AUTH", "login")]
    found = await brokers(mapping("h:1", access=access), kafka="kafka://operator:other@h:1")
    assert (found["sasl.username"], found["security.protocol"]) == ("mapping", "SASL_PLAINTEXT")


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        ("BASIC_AUTH", "login", "BASIC_AUTH needs brokers that the operator names as kafkas://"),
        ("SASL_SCRAM_512_AUTH", "none", "no secret none"),
        ("SASL_SCRAM_512_AUTH", "half", "'half' has no text as 'password'"),
        ("SASL_SCRAM_512_AUTH", "text", "'text' is not a JSON object"),
        ("OAUTHBEARER_AUTH", "login", "OAUTHBEARER_AUTH is nothing that this server has"),
    ],
)
async def test_secrets_that_are_none(kind: str, name: str, reason: str) -> None:
    with pytest.raises(SourceFailed) as failed:
        await brokers(mapping("h:1", access=[(kind, name)]), kafka="kafka://h:1")
    assert reason in failed.value.message
    assert "pas$word" not in failed.value.message
