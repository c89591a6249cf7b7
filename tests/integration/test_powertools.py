"""aws-lambda-powertools in a function: logger, tracer, metrics, and the event handler."""

import time

import pytest

from tests.conftest import Server
from tests.vendoring import POWERTOOLS, files_of

SOURCE = """
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import LambdaFunctionUrlEvent, event_source
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="shop", level="INFO")
metrics = Metrics(namespace="shop", service="orders")
tracer = Tracer(service="shop", disabled=True)
app = LambdaFunctionUrlResolver()

@app.get("/orders/<number>")
@tracer.capture_method
def order(number: str):
    logger.info("asked", extra={"number": number})
    metrics.add_metric(name="Asked", unit=MetricUnit.Count, value=1)
    return {"number": number, "agent": app.current_event.headers["user-agent"]}

@app.not_found
def missing(error):
    return {"missing": True}, 404

@logger.inject_lambda_context
@tracer.capture_lambda_handler
@metrics.log_metrics
def lambda_handler(event: dict, context: LambdaContext):
    return app.resolve(event, context)
"""


@pytest.fixture(scope="module")
def name(server: Server) -> str:
    files: dict[str, str | bytes] = {
        "app.py": SOURCE,
        **files_of(*POWERTOOLS),
    }
    return server.deploy("powertools", files, MemorySize=256, Timeout=30)


def logs_of(server: Server, name: str) -> str:
    """Its log; JSON in it is as it was written."""
    entries = server.http.get(f"/_wasmfaas/v1/functions/{name}/logs").json()["entries"]
    return "".join(entry["text"] for entry in entries)


def test_it_works(server: Server, name: str) -> None:
    deadline = time.monotonic() + 60
    response = server.http.get(f"/f/{name}/orders/7")
    while "Sandbox.Timedout" in logs_of(server, name) and time.monotonic() < deadline:
        # A start-up may take too long on a busy machine.
        response = server.http.get(f"/f/{name}/orders/7")
        if response.status_code == 200:
            break
    assert response.status_code == 200, logs_of(server, name)
    assert response.json() == {"number": "7", "agent": server.http.headers["user-agent"]}
    missing = server.http.get(f"/f/{name}/nowhere")
    assert (missing.status_code, missing.json()) == (404, {"missing": True})
    text = logs_of(server, name)
    assert '"message":"asked"' in text
    assert f'"function_request_id":"{response.headers["x-amzn-requestid"]}"' in text
    assert '"Metrics":[{"Name":"Asked","Unit":"Count"}]' in text
