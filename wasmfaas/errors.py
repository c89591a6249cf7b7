"""Every error that wasmfaas answers a caller with.

    WasmfaasError                 code, HTTP status, message
    ├── ValidationFailed          400  ValidationException
    ├── InvalidParameterValue     400  InvalidParameterValueException
    ├── InvalidRequestContent     400  InvalidRequestContentException
    ├── SerializationFailed       400  SerializationException
    ├── CodeStorageExceeded       400  CodeStorageExceededException
    ├── PolicyLengthExceeded      400  PolicyLengthExceededException
    ├── BadRequest                400  BadRequestException
    ├── AccessDenied              403  AccessDeniedException
    │   ├── NotAuthorized         403  AccessDeniedException
    │   └── UrlForbidden          403  AccessDeniedException
    ├── NotAuthenticated          403  of the subclasses:
    │   ├── MissingAuthentication 403  MissingAuthenticationTokenException
    │   ├── IncompleteSignature   403  IncompleteSignatureException
    │   ├── InvalidSignature      403  InvalidSignatureException
    │   ├── UnrecognizedClient    403  UnrecognizedClientException
    │   └── WebhookRefused        401  WebhookRefusedException
    ├── ResourceNotFound          404  ResourceNotFoundException
    │   ├── CodeSigningConfigNotFound  404  CodeSigningConfigNotFoundException
    │   └── ProvisionedConcurrencyConfigNotFound
    ├── UnknownOperation          404  UnknownOperationException
    ├── RequestTimeout            408  RequestTimeoutException
    ├── ResourceConflict          409  ResourceConflictException
    ├── PreconditionFailed        412  PreconditionFailedException
    ├── RequestTooLarge           413  RequestTooLargeException
    ├── RequestEntityTooLarge     413  RequestEntityTooLargeException
    ├── UnsupportedMediaType      415  UnsupportedMediaTypeException
    ├── TooManyRequests           429  TooManyRequestsException
    ├── RequestHeadTooLarge       431  RequestHeaderFieldsTooLargeException
    ├── ServiceFailure            500  ServiceException
    ├── ServiceUnavailable        503  ServiceUnavailableException
    │   └── DataDirectoryUnusable 503  ServiceUnavailableException
    └── StorageFull               507  StorageFullException

Those of CloudWatch Logs are in `wasmfaas.log_errors`.

These are ours: the request could not be served. What goes wrong inside a function is not an
exception here but an `Outcome` with an `error_type` (see `wasmfaas.models`), as on Lambda.
"""

from typing import ClassVar


class WasmfaasError(Exception):
    """Base of the tree: `code` is stable, `status` is the HTTP status, `message` is for people.

    `message_key` is the member of the JSON body that carries the message: Lambda spells it
    `Message` in some error shapes and `message` in others. `fault` is its `Type` member; None
    leaves the member out.
    """

    code: ClassVar[str] = "ServiceException"
    status: ClassVar[int] = 500
    message_key: ClassVar[str] = "Message"
    fault: ClassVar[str | None] = "User"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def body(self) -> dict[str, str]:
        """The members of the JSON error body, in Lambda's order."""
        members = {} if self.fault is None else {"Type": self.fault}
        return members | {self.message_key: self.message}

    def headers(self) -> dict[str, str]:
        """Extra response headers."""
        return {}


class ValidationFailed(WasmfaasError):
    """A member breaks a constraint of the service model."""

    code = "ValidationException"
    status = 400
    message_key = "message"
    fault = None


class InvalidParameterValue(WasmfaasError):
    """A parameter is well formed but not acceptable."""

    code = "InvalidParameterValueException"
    status = 400
    message_key = "message"


class InvalidRequestContent(WasmfaasError):
    """The request body could not be parsed as JSON."""

    code = "InvalidRequestContentException"
    status = 400
    message_key = "message"


class SerializationFailed(WasmfaasError):
    """A control-plane request does not have the form of its operation: not JSON, a wrong type."""

    code = "SerializationException"
    status = 400


class CodeStorageExceeded(WasmfaasError):
    """The total size of deployed code exceeds the limit."""

    code = "CodeStorageExceededException"
    status = 400
    message_key = "message"


class PolicyLengthExceeded(WasmfaasError):
    """A function's policy would exceed its limit."""

    code = "PolicyLengthExceededException"
    status = 400
    message_key = "message"


class BadRequest(WasmfaasError):
    """What a client sends is not HTTP as it is spoken here."""

    code = "BadRequestException"
    status = 400


class AccessDenied(WasmfaasError):
    """The caller may not do this."""

    code = "AccessDeniedException"
    status = 403


class NotAuthorized(AccessDenied):
    """The caller is known, but their role does not allow this."""

    fault = None


class NotAuthenticated(WasmfaasError):
    """It is not known who calls. Messages never repeat what a client sends as a credential."""

    code = "MissingAuthenticationTokenException"
    status = 403
    message_key = "message"
    fault = None


class MissingAuthentication(NotAuthenticated):
    """The request is not signed."""

    def __init__(self) -> None:
        super().__init__("Missing Authentication Token")


class IncompleteSignature(NotAuthenticated):
    """The request's signature lacks a part, or one has not the right form."""

    code = "IncompleteSignatureException"


class InvalidSignature(NotAuthenticated):
    """The signature is not the one of this request by this key, here and now."""

    code = "InvalidSignatureException"


class UnrecognizedClient(NotAuthenticated):
    """There is no such access key."""

    code = "UnrecognizedClientException"

    def __init__(self) -> None:
        super().__init__("The security token included in the request is invalid.")


class WebhookRefused(NotAuthenticated):
    """What arrives at a webhook is not signed with its secret, or not now."""

    code = "WebhookRefusedException"
    status = 401


class UrlForbidden(AccessDenied):
    """The function's policy does not let everybody call its URL."""

    fault = None

    def __init__(self) -> None:
        super().__init__(
            "Forbidden. For troubleshooting Function URL authorization issues, see: "
            "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
        )

    def headers(self) -> dict[str, str]:
        return {
            "x-wasmfaas-error": "the function's policy does not allow lambda:InvokeFunctionUrl to "
            "the principal * with FunctionUrlAuthType NONE; AddPermission does"
        }


class ResourceNotFound(WasmfaasError):
    """The function, version or other resource does not exist."""

    code = "ResourceNotFoundException"
    status = 404


class CodeSigningConfigNotFound(ResourceNotFound):
    """There is no such code signing configuration."""

    code = "CodeSigningConfigNotFoundException"


class ProvisionedConcurrencyConfigNotFound(ResourceNotFound):
    """Nothing is provisioned."""

    code = "ProvisionedConcurrencyConfigNotFoundException"
    message_key = "message"


class UnknownOperation(WasmfaasError):
    """No operation of the API has this method and path."""

    code = "UnknownOperationException"
    status = 404


class RequestTimeout(WasmfaasError):
    """The client stopped sending the body of its request."""

    code = "RequestTimeoutException"
    status = 408

    def headers(self) -> dict[str, str]:
        # The rest of the body may still come; it must not be read as another request.
        return {"Connection": "close"}


class ResourceConflict(WasmfaasError):
    """The resource already exists, or another operation is in progress."""

    code = "ResourceConflictException"
    status = 409
    message_key = "message"


class PreconditionFailed(WasmfaasError):
    """The RevisionId given is not the latest."""

    code = "PreconditionFailedException"
    status = 412
    message_key = "message"


class RequestTooLarge(WasmfaasError):
    """The invocation payload exceeds its limit."""

    code = "RequestTooLargeException"
    status = 413
    message_key = "message"


class RequestEntityTooLarge(WasmfaasError):
    """The request of a control-plane operation, or its package, exceeds its limit."""

    code = "RequestEntityTooLargeException"
    status = 413
    message_key = "message"


class UnsupportedMediaType(WasmfaasError):
    """The content type is not JSON."""

    code = "UnsupportedMediaTypeException"
    status = 415
    message_key = "message"


class TooManyRequests(WasmfaasError):
    """The request was throttled. `reason` is one of Lambda's ThrottleReason values."""

    code = "TooManyRequestsException"
    status = 429
    message_key = "message"

    def __init__(self, message: str, *, reason: str, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after_s = retry_after_s

    def body(self) -> dict[str, str]:
        return {"Reason": self.reason} | super().body()

    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after_s)}


class RequestHeadTooLarge(WasmfaasError):
    """The request line and the headers exceed their limit."""

    code = "RequestHeaderFieldsTooLargeException"
    status = 431


class ServiceFailure(WasmfaasError):
    """We failed. The message never carries a traceback or a path."""

    code = "ServiceException"
    status = 500
    fault = "Service"


class ServiceUnavailable(WasmfaasError):
    """We cannot serve this now: starting, stopping, or without workers."""

    code = "ServiceUnavailableException"
    status = 503
    fault = "Service"


class DataDirectoryUnusable(ServiceUnavailable):
    """The data directory cannot be opened: in use, not ours, damaged or of a newer program.

    A server that meets this does not start; the message says what to do.
    """


class StorageFull(WasmfaasError):
    """The disk that holds the data directory is full."""

    code = "StorageFullException"
    status = 507
    fault = "Service"
