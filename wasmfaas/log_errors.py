"""Errors that only CloudWatch Logs has.

WasmfaasError
├── InvalidParameter          400  InvalidParameterException
├── LogGroupNotFound          400  ResourceNotFoundException
├── LogGroupExists            400  ResourceAlreadyExistsException
├── LogGroupLimitExceeded     400  LimitExceededException
└── TooManyTags               400  TooManyTagsException
"""

from wasmfaas.errors import WasmfaasError


class InvalidParameter(WasmfaasError):
    """A parameter is not acceptable."""

    code = "InvalidParameterException"
    status = 400


class LogGroupNotFound(WasmfaasError):
    """The log group, or a stream of it, does not exist."""

    code = "ResourceNotFoundException"
    status = 400


class LogGroupExists(WasmfaasError):
    """There is a log group of this name."""

    code = "ResourceAlreadyExistsException"
    status = 400


class LogGroupLimitExceeded(WasmfaasError):
    """There are as many log groups as may be."""

    code = "LimitExceededException"
    status = 400


class TooManyTags(WasmfaasError):
    """The log group would have more tags than it may."""

    code = "TooManyTagsException"
    status = 400
