"""Logs, prints, and answers how long it may still run."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wasmfaas import LambdaContext

logger = logging.getLogger()
logger.setLevel(logging.INFO)


def lambda_handler(event: Any, context: LambdaContext) -> dict[str, int]:
    remaining_ms = context.get_remaining_time_in_millis()
    logger.info("invocation %s has %d ms left", context.aws_request_id, remaining_ms)
    print("stdout is the log, too")
    return {"remainingMs": remaining_ms}
