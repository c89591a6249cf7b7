"""Every setting, declared once; flags, environment variables and documentation come from here."""

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from wasmfaas.conversion import converted, plain_type
from wasmfaas.declaration import (
    InvalidSetting,
    computed,
    cores,
    default_cache_dir,
    default_data_dir,
    environment_name,
    flag_name,
    has_flag,
    memory_bytes,
    secret,
    setting,
    shown_default,
)
from wasmfaas.exposure import LOOPBACK_HOSTS
from wasmfaas.objections import listed, objections

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator of a server decides. Units are in the names."""

    host: str = setting(
        "127.0.0.1", "Address to listen on; others than loopback need TLS, or --insecure-http."
    )
    port: int = setting(3001, "TCP port to listen on; 0 picks a free one.", least=0)
    tls_cert: Path | None = setting(None, "Certificate chain in PEM; serves HTTPS.")
    tls_key: Path | None = setting(None, "Private key of the certificate, in PEM.")
    insecure_http: bool = setting(
        False, "Listen on any address without TLS: everybody on the way can read all of it."
    )
    dev_no_auth: bool = setting(
        False, "Take any credentials, or none, for an administrator's; on loopback only."
    )
    data_dir: Path = computed(
        default_data_dir,
        "Functions, code, logs and the ledger.",
        "$XDG_DATA_HOME/wasmfaas",
    )
    cache_dir: Path = computed(
        default_cache_dir,
        "The Python runtime component; can be deleted at any time.",
        "$XDG_CACHE_HOME/wasmfaas",
    )
    region: str = setting("us-east-1", "Region in ARNs and in function URLs.")
    account_id: str = setting("000000000000", "Account in ARNs: 12 digits.")

    workers_min: int = setting(1, "Worker processes kept when idle.", least=1)
    workers_max: int = computed(
        lambda: 2 * cores(), "Worker processes at most.", "2 x cores", least=1
    )
    worker_idle_s_max: int = setting(
        60, "Idle time after which a worker beyond the least number ends.", least=1
    )
    sandboxes_per_worker_max: int = setting(
        16, "Functions that one worker keeps a ready sandbox of.", least=1
    )
    worker_memory_bytes_max: int = setting(
        1024 * MIB, "Memory of the ready sandboxes of one worker; the least used go first.", least=0
    )
    sandboxes_memory_bytes_max: int = computed(
        lambda: memory_bytes() // 2,
        "Memory of the ready sandboxes of all workers, of which each has an equal share.",
        "half of the machine's",
        least=0,
    )
    sandbox_idle_s_max: int = setting(
        300, "Idle time after which a ready sandbox is dropped.", least=1
    )
    sandbox_calls_max: int = setting(
        1000, "Invocations after which a sandbox is replaced, whatever its isolation.", least=1
    )
    concurrency_max: int = setting(
        10_000,
        "Invocations that may run or wait at once; what functions reserve is taken from it.",
        least=1,
    )
    concurrency_unreserved_min: int = setting(
        100, "How much of that stays for functions that reserve nothing.", least=0
    )
    queue_depth_max: int = setting(
        10_000, "Invocations that may wait for a worker; more get 429.", least=0
    )
    queue_bytes_max: int = setting(
        256 * MIB, "Bytes of events that may wait for a worker; more get 429.", least=0
    )
    queue_wait_ms_max: int = setting(
        120_000, "Time an invocation may wait for a worker; then 429.", least=1
    )
    kill_grace_ms: int = setting(
        500, "Time past its timeout after which an invocation's worker is killed.", least=0
    )

    callers_max: int = setting(
        32, "Invocations that may wait for functions they call, each with one more worker.", least=0
    )
    calls_per_invocation_max: int = setting(
        1000, "Calls to the host that one invocation may make.", least=0
    )

    kv_value_bytes_max: int = setting(
        1_048_576, "Size of one value in the key-value store of functions.", least=0
    )
    kv_entries_max: int = setting(100_000, "Keys in one namespace of that store.", least=0)
    kv_bytes_max: int = setting(
        256 * MIB, "Bytes of keys and values in one namespace of that store.", least=0
    )

    event_async_bytes_max: int = setting(1_048_576, "Size of an asynchronous event.", least=1)
    events_max: int = setting(
        1_000_000, "Asynchronous events that may wait or run; more get 429.", least=0
    )
    queues_max: int = setting(1000, "Queues (SQS) that may exist.", least=0)
    queue_messages_max: int = setting(
        1_000_000, "Messages that may be in one queue; more are throttled.", least=1
    )
    events_concurrency_max: int = computed(cores, "Events that run at once.", "cores", least=1)
    event_source_mappings_max: int = setting(
        1000, "Event source mappings that one server polls the sources of.", least=0
    )
    event_source_concurrency_max: int = computed(
        lambda: 2 * cores(), "Batches of one event source that run at once.", "2 x cores", least=1
    )

    events_kept_s_max: int = setting(
        86_400, "Time for which events that are done, or with a destination, are kept.", least=0
    )
    dead_letters_kept_s_max: int = setting(
        1_209_600, "Time for which dead letters are kept.", least=0
    )
    deliveries_concurrency_max: int = setting(
        16, "Results that are sent to queues, topics and webhooks at once.", least=1
    )
    delivery_age_s_max: int = setting(
        21_600,
        "Time for which a result is sent again and again; then it is a dead letter.",
        least=0,
    )

    connections_max: int = setting(
        10_000,
        "Connections open at once, fewer where the system allows fewer; more get 503.",
        least=1,
    )
    request_head_bytes_max: int = setting(
        128 * 1024, "Size of a request line and its headers.", least=1024
    )
    request_head_s_max: int = setting(
        10, "Time for a request line and its headers to arrive.", least=1
    )
    request_stall_s_max: int = setting(
        30, "Time that a client may neither send its request nor read its answer.", least=1
    )
    bytes_held_max: int = setting(
        512 * MIB,
        "Bytes of requests and answers that are held at once; more requests get 429.",
        least=1,
    )
    event_bytes_max: int = setting(6_291_456, "Size of an event or request body.", least=1)
    response_bytes_max: int = setting(6_291_556, "Size of a function's answer.", least=1)
    stream_bytes_max: int = setting(
        200 * MIB, "Size of an answer that is streamed, all parts together.", least=1
    )
    api_request_bytes_max: int = setting(
        70_167_211, "Size of a control-plane request, code included.", least=1
    )
    api_requests_inflight_max: int = setting(
        8, "Control-plane requests with a body that are held at once.", least=1
    )
    code_bytes_total_max: int = setting(
        75 * 1024 * MIB, "Size of the packages of all functions, versions and layers.", least=1
    )
    artefact_unused_days_max: int = setting(
        30, "Days after which a compiled module that nothing uses leaves the cache.", least=1
    )
    zipped_bytes_max: int = setting(52_428_800, "Size of a package, zipped.", least=1)
    unzipped_bytes_max: int = setting(262_144_000, "Size of a package, unzipped.", least=1)
    package_entries_max: int = setting(20_000, "Files and folders in a package.", least=1)
    package_ratio_max: int = setting(
        200, "Unzipped size divided by zipped size, of a package over 1 MB.", least=1
    )
    log_bytes_invocation_max: int = setting(
        256 * 1024, "Log output of one invocation; the rest is dropped and counted.", least=0
    )
    log_bytes_function_max: int = setting(
        16 * MIB, "Log kept on disk per function; the oldest half goes first.", least=4096
    )
    tmp_bytes_max: int = setting(
        512 * MIB, "Upper bound for a function's EphemeralStorage on this machine.", least=0
    )
    fuel_max: int = setting(
        10**13,
        "Fuel of one invocation, unless WASMFAAS_FUEL_MAX in its environment says less.",
        least=1,
    )
    memory_mb_max: int = setting(4096, "Upper bound for a function's MemorySize.", least=128)

    compile_cpu_s_max: int = setting(120, "CPU time of one compilation.", least=1)
    compile_wall_s_max: int = setting(180, "Wall time of one compilation.", least=1)
    compile_memory_bytes_max: int = setting(
        4096 * MIB, "Address space of one compilation.", least=256 * MIB
    )

    s3_endpoint_url: str = computed(
        str,
        "S3-compatible object store to read code from: http:// or https://, and a host.",
        "none",
    )
    s3_access_key_id: str = secret("Key to read code from the object store with.")
    s3_secret_access_key: str = secret("Secret of that key.")
    s3_session_token: str = secret("Session token of that key, where it has one.")

    sqs_endpoint_url: str = computed(
        str, "SQS-compatible endpoint of queues: http:// or https://, and a host.", "none"
    )
    sns_endpoint_url: str = computed(str, "SNS-compatible endpoint of topics, likewise.", "none")
    aws_access_key_id: str = secret("Key for queues and topics at these endpoints.")
    aws_secret_access_key: str = secret("Secret of that key.")
    aws_session_token: str = secret("Session token of that key, where it has one.")

    event_source_endpoints: str = secret(
        "Servers that event sources are at, as `NAME=URL NAME=URL`, with their passwords."
    )

    webhook_signing_secret: str = secret(
        "Key that the secrets of webhooks which results go to are made of."
    )
    webhook_private_origins: str = computed(
        str,
        "Origins (https://HOST:PORT), separated by commas, that webhooks may be at although they "
        "are not public.",
        "none",
    )

    fuel_per_cpu_us: int = setting(
        1000,
        "Fuel charged per microsecond of CPU time where a trap loses Wasmtime's count.",
        least=0,
    )
    price_per_million_requests: float = setting(0.20, "Price of a million invocations.")
    price_per_billion_fuel: float = setting(0.000002, "Price of a billion units of fuel.")
    price_currency: str = setting("USD", "Currency of the prices; only printed.")

    @property
    def worker_memory_share(self) -> int:
        """Bytes of ready sandboxes that one worker may hold."""
        share = self.sandboxes_memory_bytes_max // self.workers_max
        return min(self.worker_memory_bytes_max, share)

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            value, least = getattr(self, each.name), each.metadata["least"]
            if least is not None and value < least:
                raise InvalidSetting(f"{each.name} is {value}, but must be at least {least}.")
        reason = next(objections(functools.partial(getattr, self)), None)
        if reason is not None:
            raise InvalidSetting(reason)

    @property
    def private_origins(self) -> frozenset[str]:
        """Origins of webhooks that need not be public."""
        return frozenset(listed(self.webhook_private_origins))

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK_HOSTS

    @property
    def scheme(self) -> str:
        """`https` or `http`."""
        return "http" if self.tls_cert is None else "https"


def load(environment: Mapping[str, str], overrides: Mapping[str, Any]) -> Settings:
    """Settings from defaults, then environment variables, then *overrides* that are not None.
    Raises InvalidSetting for a value that does not parse or breaks a bound.
    """
    types = get_type_hints(Settings)
    chosen: dict[str, Any] = {}
    for each in dataclasses.fields(Settings):
        value = overrides.get(each.name)
        if value is None:
            value = environment.get(environment_name(each.name))
        if value is None or (value == "" and each.default is None):
            continue
        kind = plain_type(types[each.name])
        try:
            chosen[each.name] = converted(kind, value)
        except ValueError:
            raise InvalidSetting(
                f"{each.name} is {value!r}, but must be of type {kind.__name__}."
            ) from None
    return Settings(**chosen)


def table() -> list[tuple[str, str, str, str]]:
    """Rows of (flag, environment variable, default, help), in the order of declaration. Without a
    flag, the first is the environment variable, too."""
    return [
        (
            (flag_name if has_flag(each) else environment_name)(each.name),
            environment_name(each.name),
            shown_default(each),
            each.metadata["help"],
        )
        for each in dataclasses.fields(Settings)
    ]
