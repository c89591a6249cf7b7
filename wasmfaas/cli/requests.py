"""What requests of commands to a server have in common: documents, pages, and failures."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from wasmfaas.cli.discovery import ADVICE, Address
from wasmfaas.cli.failures import Failure, NoServer, Refused
from wasmfaas.cli.signing import KEY_VARIABLES, SERVICE_EXTENSION

if TYPE_CHECKING:
    import httpx

MANAGEMENT = "/_wasmfaas/v1"
_PAGE = 50
_UNSIGNED = "MissingAuthenticationTokenException"

Document = dict[str, Any]


class Requests:
    """Requests to one server. Lives as long as one command.

    They raise Refused for error answers, NoServer where nothing answers, and Failure where what
    answers is no wasmfaas or stops answering.
    """

    def __init__(self, address: Address, http: "httpx.Client") -> None:
        self.address = address
        self.url = address.url
        self._http = http

    def request(self, service: str, method: str, path: str, **request: Any) -> Document:
        """Ask another AWS *service* that is served here, in a protocol of JSON."""
        return self._json(method, path, extensions={SERVICE_EXTENSION: service}, **request)

    def management(self, method: str, path: str, **request: Any) -> Document:
        """One of our own routes."""
        return self._management(method, path, **request)

    def _listed(self, path: str, member: str) -> Iterator[Document]:
        """The items of a list that comes in pages."""
        marker: str | None = None
        while True:
            query = {"MaxItems": str(_PAGE)} | ({"Marker": marker} if marker else {})
            page = self._json("GET", path, params=query)
            yield from page[member]
            marker = page.get("NextMarker")
            if not marker:
                return

    def _management(self, method: str, path: str, **request: Any) -> Document:
        return self._json(method, MANAGEMENT + path, **request)

    def _or_none(self, method: str, path: str) -> Document | None:
        try:
            return self._json(method, path)
        except Refused as refused:
            if refused.http_status == 404:
                return None
            raise

    def _json(self, method: str, path: str, **request: Any) -> Document:
        answer = self._answer(method, path, **request)
        try:
            # Operations without a result have no body in SQS's protocol.
            document = answer.json() if answer.content else {}
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise self.foreign()
        return document

    def _answer(self, method: str, path: str, **request: Any) -> "httpx.Response":
        with self._failures():
            answer = self._http.request(method, path, **request)
        if answer.is_error:
            raise self._refused(answer)
        return answer

    def _refused(self, answer: "httpx.Response") -> Failure:
        """What an answer that is an error says."""
        refused = _told(answer)
        if refused.code != _UNSIGNED:
            return refused
        return Failure(
            "NoCredentials",
            f"the server at {self.url} asks for an access key, and none was found; set "
            f"{' and '.join(KEY_VARIABLES)}, or name the server's folder with --data-dir",
        )

    @contextmanager
    def _failures(self) -> Iterator[None]:
        import httpx

        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout):
            shown = self.url if self.address.said_by.startswith("--") else self._described()
            raise NoServer(f"no server at {shown}; {ADVICE}") from None
        except httpx.TimeoutException:
            raise Failure("NoAnswer", f"the server at {self.url} does not answer") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            message = f"the connection to {self.url} broke: {error}"
            raise Failure("ConnectionBroken", message) from None

    def _described(self) -> str:
        return f"{self.url} (which {self.address.said_by} names)"

    def foreign(self) -> NoServer:
        """The error for a server that is something else."""
        return NoServer(f"what answers at {self.url} is not wasmfaas; {ADVICE}, or check --url")


def _told(answer: "httpx.Response") -> Refused:
    try:
        body = answer.json()
    except ValueError:
        body = None
    members: Document = body if isinstance(body, dict) else {}
    # The last is how SQS's protocol names an error: with a namespace.
    named = str(members.get("__type") or "").rpartition("#")[2]
    code = answer.headers.get("x-amzn-errortype") or members.get("code") or named
    message = members.get("message") or members.get("Message")
    return Refused(
        str(code or "UnexpectedAnswer").split(":")[0],
        str(message or f"the server answered {answer.status_code} {answer.reason_phrase}".strip()),
        answer.status_code,
    )
