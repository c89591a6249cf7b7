"""How the brokers of a mapping are reached: the operator names where they may be, and with what
safety; the mapping may bring credentials, in secrets of its function's."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from wasmfaas.declaration import environment_name
from wasmfaas.sources.endpoints import SETTING, TAG, Endpoint, Endpoints
from wasmfaas.sources.source import SourceFailed, SourceMapping

SCHEMES: Final = frozenset(("kafka", "kafkas"))
ENDPOINT: Final = "kafka"
_TLS: Final = "kafkas"
_PORT: Final = 9092
_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
#: Never sends the password itself.
_MECHANISM: Final = "SCRAM-SHA-512"
#: Of Lambda's SourceAccessConfigurations, those with a user name and a password.
_SASL: Final[Mapping[str, str]] = {
    "BASIC_AUTH": "PLAIN",
    "SASL_SCRAM_256_AUTH": "SCRAM-SHA-256",
    "SASL_SCRAM_512_AUTH": "SCRAM-SHA-512",
}
_ROOT: Final = "SERVER_ROOT_CA_CERTIFICATE"
_CLIENT: Final = "CLIENT_CERTIFICATE_TLS_AUTH"
#: What says where a broker is in AWS's networks says nothing here.
_NETWORK: Final = ("VPC_SUBNET", "VPC_SECURITY_GROUP")
#: Members of secrets, as Lambda has them, and what the client calls them; the first is needed.
_MEMBERS: Final[Mapping[str, Mapping[str, str]]] = {
    _ROOT: {"certificate": "ssl.ca.pem"},
    _CLIENT: {
        "certificate": "ssl.certificate.pem",
        "privateKey": "ssl.key.pem",
        "privateKeyPassword": "ssl.key.password",
    },
}

#: The value of a secret, by the names of a function and of the secret. Raises SourceFailed.
Secrets = Callable[[str, str], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Brokers:
    """The brokers of one mapping. `repr` leaves the credentials out."""

    #: HOST:PORT, as the mapping names them.
    servers: tuple[str, ...]
    #: The client's configuration.
    configuration: Mapping[str, Any] = field(repr=False)

    @classmethod
    async def of(cls, endpoints: Endpoints, mapping: SourceMapping, secrets: Secrets) -> "Brokers":
        """Those that *mapping* names. Raises SourceFailed, where the operator does not name them,
        too."""
        named = mapping.configuration["SelfManagedEventSource"].get("Endpoints") or {}
        servers = tuple(named.get("KAFKA_BOOTSTRAP_SERVERS") or ())
        endpoint = _endpoint(endpoints, mapping, servers)
        parts = urlsplit(endpoint.url)
        configuration = _of_url(endpoint.name, parts)
        configuration |= await _of_mapping(mapping, parts.scheme == _TLS, secrets)
        protocol = "SSL" if parts.scheme == _TLS else "PLAINTEXT"
        if "sasl.mechanism" in configuration:
            protocol = f"SASL_{protocol}"
        addresses = {"bootstrap.servers": ",".join(servers), "security.protocol": protocol}
        return cls(servers, configuration | addresses)


def _endpoint(endpoints: Endpoints, mapping: SourceMapping, servers: tuple[str, ...]) -> Endpoint:
    wanted = {server.lower() for server in servers}
    candidates = endpoints.all_of(SCHEMES)
    if TAG in mapping.tags:
        candidates = [endpoints.of(mapping, ENDPOINT, SCHEMES)]
    for endpoint in candidates:
        if wanted and wanted <= _hosts(urlsplit(endpoint.url)):
            return endpoint
    shown = ",".join(servers)[:500]
    where = f" at the endpoint {candidates[0].name!r}" if TAG in mapping.tags else ""
    raise SourceFailed(
        f"The operator of this server names no Kafka brokers {shown}{where}. Start it with "
        f"{environment_name(SETTING)}={ENDPOINT}=kafka://{shown}"
    )


def _hosts(parts: SplitResult) -> set[str]:
    hosts = filter(None, parts.netloc.rpartition("@")[2].lower().split(","))
    return {host if host.rpartition(":")[2].isdigit() else f"{host}:{_PORT}" for host in hosts}


def _of_url(name: str, parts: SplitResult) -> dict[str, Any]:
    """What the operator says: credentials, `mechanism`, and `ca`, a file of certificates."""
    given = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    unknown = sorted(given.keys() - {"mechanism", "ca"})
    if unknown:
        raise SourceFailed(
            f"The URL of the endpoint {name!r} has {unknown[0][:40]!r}; there are: ca, mechanism"
        )
    configuration: dict[str, Any] = {}
    if "ca" in given:
        configuration["ssl.ca.location"] = given["ca"]
    credentials, separator, _ = parts.netloc.rpartition("@")
    if separator:
        mechanism = given.get("mechanism", _MECHANISM)
        if mechanism not in _MECHANISMS:
            raise SourceFailed(
                f"The mechanism of the endpoint {name!r} is {mechanism[:40]!r}, but must be one of "
                f"{', '.join(_MECHANISMS)}"
            )
        user, _, password = credentials.partition(":")
        configuration |= _sasl(mechanism, unquote(user), unquote(password))
    return configuration


async def _of_mapping(mapping: SourceMapping, is_tls: bool, secrets: Secrets) -> dict[str, Any]:
    """What the mapping brings, in secrets."""
    configuration: dict[str, Any] = {}
    for each in mapping.configuration.get("SourceAccessConfigurations") or ():
        kind = each.get("Type", "")
        if kind in _NETWORK:
            continue
        if kind not in _SASL and kind not in _MEMBERS:
            raise SourceFailed(
                f"SourceAccessConfigurations: {kind} is nothing that this server has"
            )
        if not is_tls and kind not in ("SASL_SCRAM_256_AUTH", "SASL_SCRAM_512_AUTH"):
            raise SourceFailed(
                f"SourceAccessConfigurations: {kind} needs brokers that the operator names as "
                f"{_TLS}://, with TLS"
            )
        name = each.get("URI", "").rpartition(":secret:")[2]
        document = _document(name, await secrets(mapping.function_name, name))
        if kind in _SASL:
            user, password = _texts(name, document, "username", "password")
            configuration |= _sasl(_SASL[kind], user, password)
        else:
            members = _MEMBERS[kind]
            _texts(name, document, next(iter(members)))
            configuration |= {
                theirs: str(document[ours]) for ours, theirs in members.items() if ours in document
            }
    return configuration


def _sasl(mechanism: str, user: str, password: str) -> dict[str, Any]:
    return {"sasl.mechanism": mechanism, "sasl.username": user, "sasl.password": password}


def _document(name: str, value: bytes) -> dict[str, Any]:
    try:
        document = json.loads(value)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise SourceFailed(f"The secret {name[:128]!r} is not a JSON object")
    return document


def _texts(name: str, document: Mapping[str, Any], *members: str) -> list[str]:
    for member in members:
        if not isinstance(document.get(member), str):
            raise SourceFailed(f"The secret {name[:128]!r} has no text as {member!r}")
    return [document[member] for member in members]
