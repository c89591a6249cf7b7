"""Sends probes to an API and says what is wrong with the answers."""

import json
from collections.abc import Iterable

from tests.api.harness import Answer, Harness, send_request
from tests.api.probes.generation import Probe
from tests.api.probes.model import SERIALIZATION, VALIDATION
from wasmfaas.errors import ResourceNotFound

CREATE = "CreateFunction"


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


def ask(harness: Harness, probes: Iterable[Probe]) -> list[str | None]:
    """For each probe None, or what is wrong with its answer."""

    async def asked() -> list[str | None]:
        found = []
        for probe in probes:
            answer = await send_request(
                harness.api, probe.method, probe.target, headers=probe.headers, body=[probe.body]
            )
            if probe.operation == CREATE and answer.status == 201:
                await harness.registry.delete(json.loads(answer.body)["FunctionName"])
            wrong = objection(probe, answer)
            found.append(
                wrong and f"{probe.method} {probe.target[:200]} {probe.body[:300]!r}: {wrong}"
            )
        return found

    return harness.run(asked())


def objection(probe: Probe, answer: Answer) -> str | None:
    """What *answer* has that the model does not allow, or None."""
    where = f"{probe.operation} {probe.path} {probe.variant.kind}: {answer.status}"
    said = ""
    streams = probe.operation == "InvokeWithResponseStream" and answer.status == 200
    if answer.body and not streams and answer.headers.get("content-type") != "application/json":
        return f"{where}, not JSON: {answer.body[:200]!r}"
    if answer.status >= 300:
        document = json.loads(answer.body)
        said = document.get("message") or document.get("Message") or ""
    if answer.status >= 500 or (answer.status >= 300 and not said):
        return f"{where} {said}"
    code = answer.headers.get("x-amzn-errortype", "")
    refusal = probe.variant.refusal
    if refusal is None:
        return f"{where} {code} {said}" if code in (VALIDATION, SERIALIZATION) else None
    if (answer.status, code, said) != (400, refusal.code, refusal.text):
        return (
            f"{where} {code}\n  said:   {said[:400]}\n  wanted: {refusal.code} {refusal.text[:400]}"
        )
    return None
