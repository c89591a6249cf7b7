"""Function URLs."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.names import Names
from wasmfaas.api.views import Views
from wasmfaas.errors import ResourceNotFound
from wasmfaas.store.registry import Registry
from wasmfaas.store.urls import not_there

#: URLs on one page where the request does not say.
PAGE = 50
#: Answers of CreateFunctionUrlConfig lack it.
MODIFIED = "LastModifiedTime"


class UrlOperations:
    """Handlers of the operations on function URLs. Lifetime: process.

    *clock* gives Unix time in seconds.
    """

    def __init__(
        self, *, registry: Registry, names: Names, views: Views, clock: Callable[[], float]
    ) -> None:
        self._registry = registry
        self._names = names
        self._views = views
        self._clock = clock

    def rows(self) -> Mapping[str, Handler]:
        return {
            "CreateFunctionUrlConfig": self.create,
            "GetFunctionUrlConfig": self.get,
            "UpdateFunctionUrlConfig": self.update,
            "DeleteFunctionUrlConfig": self.delete,
            "ListFunctionUrlConfigs": self.list_urls,
        }

    async def create(self, call: Call) -> Reply:
        now = self._now()
        configuration = {"InvokeMode": "BUFFERED", **_given(call.parameters)}
        configuration |= {"CreationTime": now, MODIFIED: now}
        url = await self._registry.urls.create(*self._place(call), configuration)
        shown = self._views.url(url, call.authority)
        shown.pop(MODIFIED)
        return Reply(shown)

    async def get(self, call: Call) -> Reply:
        try:
            url = await self._registry.urls.find(*self._place(call))
        except ResourceNotFound:
            url = None
        if url is None:
            raise not_there()
        return Reply(self._views.url(url, call.authority))

    async def update(self, call: Call) -> Reply:
        given, now = _given(call.parameters), self._now()

        def changed(before: Mapping[str, Any]) -> Mapping[str, Any]:
            configuration = {**before, **given, MODIFIED: now}
            if not configuration.get("Cors"):
                configuration.pop("Cors", None)
            return configuration

        url = await self._registry.urls.update(*self._place(call), changed)
        return Reply(self._views.url(url, call.authority))

    async def delete(self, call: Call) -> Reply:
        await self._registry.urls.delete(*self._place(call))
        return Reply()

    async def list_urls(self, call: Call) -> Reply:
        urls, following = await self._registry.urls.page(
            self._names.unqualified(call.function),
            call.parameters.get("Marker"),
            call.parameters.get("MaxItems", PAGE),
        )
        shown = [self._views.url(url, call.authority) for url in urls]
        return Reply({"FunctionUrlConfigs": shown, "NextMarker": following})

    def _place(self, call: Call) -> tuple[str, str | None]:
        """The function, and the alias if it is one, that a request names."""
        reference = self._names.parse(call.function, call.qualifier)
        return reference.name, reference.qualifier

    def _now(self) -> str:
        moment = datetime.fromtimestamp(self._clock(), UTC)
        return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: parameters[name] for name in ("AuthType", "Cors", "InvokeMode") if name in parameters
    }
