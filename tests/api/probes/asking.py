"""Sends probes to an API and says what is wrong with the answers."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.api.harness import Answer, Harness, send_request
from tests.api.probes.generation import Probe, Probes
from tests.api.probes.model import SERIALIZATION, VALIDATION, Variant
from tests.api.test_conformance import MODEL, check_answer

#: What is made before anything is probed, by the operation that makes it.
MADE = ("CreateFunction", "CreateAlias", "CreateFunctionUrlConfig", "AddPermission")
#: Where that which an operation has made is deleted.
DELETED_AT = {
    "CreateFunction": "/2015-03-31/functions/{FunctionName}",
    "CreateAlias": "/2015-03-31/functions/f/aliases/{Name}",
    "CreateFunctionUrlConfig": "/2021-10-31/functions/f/url",
    "AddPermission": "/2015-03-31/functions/f/policy/{StatementId}",
    "CreateEventSourceMapping": "/2015-03-31/event-source-mappings/{UUID}",
}


@dataclass(frozen=True)
class Protocol:
    """How a service words its answers."""

    content_type: str = "application/json"
    #: Its code for what breaks a constraint.
    validation: str = VALIDATION


LAMBDA = Protocol()
LOGS = Protocol("application/x-amz-json-1.1", "InvalidParameterException")


def prepare(harness: Harness, operation: str) -> None:
    """Make what the probes name: the function, its alias, URL and permission; but not what
    *operation* makes itself, or what that has."""
    probes = Probes()

    async def prepared() -> None:
        for creation in MADE:
            probe = probes.request(creation, "", Variant("sound", None), probes.sound(creation))
            answer = await send(harness, probe)
            assert answer.status in (201, 409), answer.body
            if creation == operation:
                await undo(harness, probe, {})
                return

    harness.run(prepared())


async def send(harness: Harness, probe: Probe) -> Answer:
    return await send_request(
        harness.api, probe.method, probe.target, headers=probe.headers, body=[probe.body]
    )


async def undo(harness: Harness, probe: Probe, made: Mapping[str, Any]) -> None:
    """Delete what a probe has made, so that the next one can make it."""
    members = {**json.loads(probe.body), **made}
    path = DELETED_AT[probe.operation].format(**members)
    answer = await send_request(harness.api, "DELETE", path)
    assert answer.status < 300 or answer.status == 404, answer.body


def ask(harness: Harness, probes: Iterable[Probe], protocol: Protocol = LAMBDA) -> list[str | None]:
    """For each probe None, or what is wrong with its answer."""

    async def asked() -> list[str | None]:
        found = []
        for probe in probes:
            answer = await send(harness, probe)
            if probe.operation in DELETED_AT and answer.status < 300:
                await undo(harness, probe, json.loads(answer.body))
            wrong = objection(probe, answer, protocol)
            found.append(
                wrong and f"{probe.method} {probe.target[:200]} {probe.body[:300]!r}: {wrong}"
            )
        return found

    return harness.run(asked())


def objection(probe: Probe, answer: Answer, protocol: Protocol = LAMBDA) -> str | None:
    """What *answer* has that the model does not allow, or None."""
    where = f"{probe.operation} {probe.path} {probe.variant.kind}: {answer.status}"
    said = ""
    streams = probe.operation == "InvokeWithResponseStream" and answer.status == 200
    is_json = streams or answer.headers.get("content-type") == protocol.content_type
    if answer.body and not is_json:
        return f"{where}, not JSON: {answer.body[:200]!r}"
    if answer.status >= 300:
        document = json.loads(answer.body)
        said = document.get("message") or document.get("Message") or ""
    if answer.status >= 500 or (answer.status >= 300 and not said):
        return f"{where} {said}"
    if protocol is LAMBDA and not streams:
        try:
            check_answer(MODEL.operation_model(probe.operation), answer)
        except AssertionError as error:
            return f"{where}, unlike the model of its answer: {error}"
    code = answer.headers.get("x-amzn-errortype", "")
    refusal = probe.variant.refusal
    if refusal is None:
        # What a handler refuses, it does not refuse in these words.
        validated = code == protocol.validation and " detected: Value" in said
        return f"{where} {code} {said}" if validated or code == SERIALIZATION else None
    wanted = refusal.code if refusal.code == SERIALIZATION else protocol.validation
    if (answer.status, code, said) != (400, wanted, refusal.text):
        return f"{where} {code}\n  said:   {said[:400]}\n  wanted: {wanted} {refusal.text[:400]}"
    return None
