"""CloudWatch Logs, as services of AWS's JSON 1.1 protocol are described."""

from typing import Final

from wasmfaas.api.service_model import LOGS_MODEL_FILE
from wasmfaas.api.targeted import TargetedService
from wasmfaas.log_errors import InvalidParameter

LOGS: Final = TargetedService(
    name="logs",
    title="CloudWatch Logs",
    target_prefix="Logs_20140328",
    model_file=LOGS_MODEL_FILE,
    invalid=InvalidParameter,
)
