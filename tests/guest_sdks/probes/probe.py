"""The probe of the conformance run, in Python; tests/guest_sdks/test_conformance.py says what it
does."""

import logging
import os
import random
import secrets
import sys
import time
from typing import Any

from wasmfaas import LambdaContext, http, kv

logger = logging.getLogger("probe")
count = 0


def lambda_handler(event: Any, context: LambdaContext) -> Any:
    global count
    count += 1
    if "requestContext" in event:
        request = http.request(event)
        return http.response(
            request.body[::-1],
            201,
            content_type="application/octet-stream",
            headers={"x-method": request.method},
        )
    return DONE[event["do"]](event, context)


def draw(event: Any, context: LambdaContext) -> Any:
    return {"secure": secrets.token_hex(8), "pseudo": random.random()}


def known(event: Any, context: LambdaContext) -> Any:
    return {
        "requestId": context.aws_request_id,
        "functionName": context.function_name,
        "functionVersion": context.function_version,
        "invokedFunctionArn": context.invoked_function_arn,
        "memoryLimitInMB": context.memory_limit_in_mb,
        "logGroupName": context.log_group_name,
        "logStreamName": context.log_stream_name,
        "traceId": os.environ["_X_AMZN_TRACE_ID"],
        "remainingMs": context.get_remaining_time_in_millis(),
    }


def fail(event: Any, context: LambdaContext) -> Any:
    raise type(event["type"], (Exception,), {})(event["message"])


def panic(event: Any, context: LambdaContext) -> Any:
    raise AssertionError(event["message"])


def get(event: Any, context: LambdaContext) -> Any:
    value = kv.get(event["key"])
    return None if value is None else value.decode()


def log(event: Any, context: LambdaContext) -> Any:
    print("one")
    print("two", file=sys.stderr)
    logger.debug("three")
    logger.info("four")
    logger.warning("five")
    logger.error("six")


def allocate(event: Any, context: LambdaContext) -> Any:
    held = []
    while True:
        held.append(bytes(1 << 20))


DONE = {
    "environment": lambda event, context: os.environ.get(event["name"]),
    "time": lambda event, context: int(time.time() * 1000),
    "random": draw,
    "count": lambda event, context: count,
    "context": known,
    "text": lambda event, context: event["text"],
    "value": lambda event, context: event["value"],
    "get": get,
    "fail": fail,
    "panic": panic,
    "exit": lambda event, context: sys.exit(),
    "log": log,
    "allocate": allocate,
}
