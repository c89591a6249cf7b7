"""Webhooks as commands see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from wasmfaas.cli.client import Client
from wasmfaas.cli.hook_settings import HookSettings
from wasmfaas.cli.requests import Document
from wasmfaas.hooks.definitions import MEMBERS


@dataclass(frozen=True, slots=True, kw_only=True)
class HookChange:
    """What became of a webhook: `created`, `updated`, `unchanged` or `deleted`."""

    name: str
    action: str
    url: str


class Hooking:
    """Webhooks of one server. Lives as long as its client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def all(self, function: str | None = None) -> list[Document]:
        """All of them, or those of one function."""
        query = {} if function is None else {"function": function}
        return list(self._client.management("GET", "/webhooks", params=query)["webhooks"])

    def create(self, members: Document) -> Document:
        """A new one, with its secret."""
        return self._client.management("POST", "/webhooks", json=members)

    def show(self, name: str, *, secret: bool = False) -> Document:
        return self._client.management("GET", _path(name) + ("/secret" if secret else ""))

    def delete(self, name: str) -> Document:
        return self._client.management("DELETE", _path(name))

    def rotate(self, name: str, secret: str | None, overlap_s: int) -> Document:
        """With its new secret."""
        members: dict[str, Any] = {"overlap_s": overlap_s, "secret": secret}
        return self._client.management("POST", f"{_path(name)}/rotate", json=members)

    def destination(self, url: str) -> Document:
        """What messages to *url* are signed with."""
        return self._client.management("POST", "/webhook-destinations/secret", json={"url": url})

    def converge(self, function: str, wanted: Sequence[HookSettings]) -> list[HookChange]:
        """Make the webhooks that deploys of *function* made those that are *wanted*; they keep
        their secrets, and those that somebody made by hand stay."""
        there = {each["name"]: each for each in self.all(function)}
        changes = [self._put(function, each, there.get(each.name)) for each in wanted]
        names = {each.name for each in wanted}
        for name, found in there.items():
            if found["declared"] and name not in names:
                self.delete(name)
                changes.append(HookChange(name=name, action="deleted", url=found["url"]))
        return changes

    def _put(self, function: str, wanted: HookSettings, found: Document | None) -> HookChange:
        members = {**wanted.members, "function": function}
        if found is not None and found["declared"] and _said(found) == members:
            return HookChange(name=wanted.name, action="unchanged", url=found["url"])
        body = {**members, "declared": True}
        put = self._client.management("PUT", _path(wanted.name), json=body)
        action = "created" if found is None else "updated"
        return HookChange(name=wanted.name, action=action, url=put["url"])


def _path(name: str) -> str:
    return f"/webhooks/{quote(name, safe='')}"


def _said(found: Document) -> Document:
    return {name: value for name, value in found.items() if name in MEMBERS}
