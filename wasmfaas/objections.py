"""Which values settings may have, and which go together."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from wasmfaas.declaration import environment_name
from wasmfaas.exposure import endpoint_objection, exposure_objection, named_endpoints
from wasmfaas.origins import OriginPattern

#: What fits between the server and a worker, together with what goes along with it.
MESSAGE_BYTES_MAX: Final = 12 * 1024 * 1024

#: The value of the setting of a name.
Value = Callable[[str], Any]


def objections(value: Value) -> Iterator[str]:
    """What is wrong with settings, beyond their types and least values."""
    reasons = (
        exposure_objection(
            value("host"),
            has_certificate=value("tls_cert") is not None,
            has_key=value("tls_key") is not None,
            insecure_http=value("insecure_http"),
            dev_no_auth=value("dev_no_auth"),
        ),
        *(
            endpoint_objection(name, value(name))
            for name in ("s3_endpoint_url", "sqs_endpoint_url", "sns_endpoint_url")
        ),
        *map(_origin_objection, listed(value("webhook_private_origins"))),
    )
    yield from filter(None, reasons)
    yield from _of_numbers(value)
    try:
        named_endpoints(value("event_source_endpoints"))
    except ValueError as error:
        yield f"{environment_name('event_source_endpoints')}: {error}."
    for name in ("s3", "aws"):
        key, secret = f"{name}_access_key_id", f"{name}_secret_access_key"
        if bool(value(key)) != bool(value(secret)):
            yield (
                f"{key} and {secret} need each other: set both ({environment_name(key)}, "
                f"{environment_name(secret)}), or neither."
            )


def listed(text: str) -> list[str]:
    """The items of a setting that is a list, with commas between them."""
    return list(filter(None, map(str.strip, text.split(","))))


def _origin_objection(text: str) -> str | None:
    try:
        OriginPattern.parse(text)
    except ValueError as error:
        return f"webhook_private_origins has {error}."
    return None


def _of_numbers(value: Value) -> Iterator[str]:
    account = value("account_id")
    if not (account.isascii() and account.isdigit()) or len(account) != 12:
        yield f"account_id is {account!r}, but must be 12 digits."
    for name in ("event_bytes_max", "response_bytes_max"):
        if value(name) > MESSAGE_BYTES_MAX:
            yield f"{name} is {value(name)}, but must be at most {MESSAGE_BYTES_MAX}."
    for part, whole in (
        ("concurrency_unreserved_min", "concurrency_max"),
        ("workers_min", "workers_max"),
    ):
        if value(part) > value(whole):
            yield f"{part} is {value(part)}, but {whole} is {value(whole)}."
