"""Sends probes to an API and says what is wrong with the answers."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from tests.api.harness import Answer, Harness, send_request
from tests.api.probes.generation import Probe
from tests.api.probes.model import SERIALIZATION, VALIDATION
from wasmfaas.errors import ResourceNotFound

CREATE = "CreateFunction"


@dataclass(frozen=True)
class Protocol:
    """How a service words its answers."""

    content_type: str = "application/json"
    #: Its code for what breaks a constraint.
    validation: str = VALIDATION


LAMBDA = Protocol()
LOGS = Protocol("application/x-amz-json-1.1", "InvalidParameterException")


def prepare(harness: Harness, operation: str) -> None:
    """Make the function that the probes name, unless an earlier one has left it; or remove it, for
    those that make it."""
    try:
        harness.run(harness.registry.get("f"))
        exists = True
    except ResourceNotFound:
        exists = False
    if operation == CREATE:
        if exists:
            harness.run(harness.registry.delete("f"))
    elif not exists:
        harness.create("f")


def ask(harness: Harness, probes: Iterable[Probe], protocol: Protocol = LAMBDA) -> list[str | None]:
    """For each probe None, or what is wrong with its answer."""

    async def asked() -> list[str | None]:
        found = []
        for probe in probes:
            answer = await send_request(
                harness.api, probe.method, probe.target, headers=probe.headers, body=[probe.body]
            )
            if probe.operation == CREATE and answer.status == 201:
                await harness.registry.delete(json.loads(answer.body)["FunctionName"])
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
