"""Keeps web pages from driving this server through the browser of whoever runs it.

Function URLs may be open to everyone on this machine, and with --dev-no-auth all of the server is.
Then all that tells a client from a page is what browsers add to a page's requests, and what a page
cannot choose: the Host header (a page of another site that has its name resolved to 127.0.0.1
still sends its own), Origin, and Sec-Fetch-Site. Pages may call function URLs; these may be meant
for them. A server that listens for others may have any name; requests that are signed name it.
"""

import re
from collections.abc import Callable, Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from wasmfaas.api.messages import headers_of, send_response
from wasmfaas.api.response import of_error
from wasmfaas.errors import AccessDenied

_LOOPBACK = re.compile(
    r"""(?: localhost | (?:[a-z0-9_-]+\.)+localhost | 127(?:\.\d{1,3}){3} | \[::1\] )
        \.? (?: :\d{1,5} )?""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
#: The address bar, a bookmark: no page asked for it.
_BY_HAND = "none"


class Guard:
    """Wraps the whole server. Lifetime: process.

    *is_function_url* tells requests of function URLs, which pages may send, from all others;
    *is_local* says that nobody but this machine is to reach the server.
    """

    def __init__(
        self,
        application: ASGIApp,
        is_function_url: Callable[[Scope], bool],
        is_local: bool = True,
    ) -> None:
        self._application = application
        self._is_local = is_local
        self._is_function_url = is_function_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
            return
        reason = self._objection(scope)
        if reason is None:
            await self._application(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": reason[:120]})
        else:
            await send_response(send, of_error(AccessDenied(reason)), {})

    def admits(self, host: str) -> bool:
        """Whether a request for a function URL that names *host*, and no other, may pass."""
        return bool(host) and (not self._is_local or _LOOPBACK.fullmatch(host) is not None)

    def _objection(self, scope: Scope) -> str | None:
        hosts = [value for name, value in scope["headers"] if name.lower() == b"host"]
        host = hosts[0].decode("latin-1") if len(hosts) == 1 else ""
        if not self._is_local:
            if not host:
                return "The request has no Host header, or several."
        elif not _LOOPBACK.fullmatch(host):
            return (
                f"The Host header is '{host[:100]}', but this server answers only to localhost, "
                "names under .localhost, 127.0.0.1 and [::1]: otherwise a web page could reach "
                "it under a name of its own."
            )
        return None if self._is_function_url(scope) else _page_objection(headers_of(scope))


def _page_objection(headers: Mapping[str, str]) -> str | None:
    """Why a request outside function URLs looks like a page's, or None."""
    if "origin" in headers:
        return (
            f"The request has the Origin header '{headers['origin'][:100]}', so a web page sent "
            "it. Pages may call function URLs only."
        )
    site = headers.get("sec-fetch-site", _BY_HAND)
    if site != _BY_HAND:
        return (
            f"The request has the header Sec-Fetch-Site: {site[:100]}, so a web page sent it. "
            "Pages may call function URLs only."
        )
    return None
