"""EventBridge, as services of AWS's JSON 1.1 protocol are described."""

from typing import Final

from wasmfaas.api.service_model import EVENTS_MODEL_FILE
from wasmfaas.api.targeted import TargetedService
from wasmfaas.schedule_errors import InvalidSchedule

#: Ten entries of a megabyte, as AWS bounds them, are refused by the sum of their sizes.
REQUEST_BYTES_MAX: Final = 1024 * 1024

EVENTBRIDGE: Final = TargetedService(
    name="events",
    title="EventBridge",
    target_prefix="AWSEvents",
    model_file=EVENTS_MODEL_FILE,
    invalid=InvalidSchedule,
    request_bytes_max=REQUEST_BYTES_MAX,
)
