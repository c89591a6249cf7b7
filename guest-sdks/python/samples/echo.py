"""Answers the event and what is known of the invocation."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wasmfaas import LambdaContext


def lambda_handler(event: Any, context: LambdaContext) -> dict[str, Any]:
    return {"event": event, "context": members(context)}


def members(context: LambdaContext) -> dict[str, Any]:
    deadline_ms = int(time.time() * 1000) + context.get_remaining_time_in_millis()
    return {
        "requestId": context.aws_request_id,
        "deadlineMs": str(deadline_ms),
        "functionName": context.function_name,
        "functionVersion": context.function_version,
        "invokedFunctionArn": context.invoked_function_arn,
        "memoryLimitInMB": context.memory_limit_in_mb,
        "logGroupName": context.log_group_name,
        "logStreamName": context.log_stream_name,
        "clientContext": context.client_context and context.client_context.custom,
        "identity": context.identity.cognito_identity_id,
        "traceId": os.environ.get("_X_AMZN_TRACE_ID"),
    }
