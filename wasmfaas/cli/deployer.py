"""One deploy: create or update, wait until it is served, give it a URL."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wasmfaas.cli import plan
from wasmfaas.cli.client import Client
from wasmfaas.cli.failures import Failure, Refused
from wasmfaas.cli.figures import size
from wasmfaas.cli.hooks import HookChange, Hooking
from wasmfaas.cli.packaging import Package
from wasmfaas.cli.project import FunctionSettings
from wasmfaas.cli.requests import Document
from wasmfaas.cli.scheduling import Change, Scheduling

#: Compiling is bounded by the server; this bounds a server that is stuck.
_SERVED_WITHIN_S = 600.0
_POLL_FIRST_S = 0.02
_POLL_LAST_S = 0.5

_CONFLICT = 409

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to deploy. *variables* and *tags* are added to those that `wanted` declares, or else to
    those that are deployed."""

    package: Package
    wanted: FunctionSettings
    variables: Mapping[str, str]
    tags: Mapping[str, str]
    with_url: bool

    def complete(self, environment: Mapping[str, str], tags: Mapping[str, str]) -> FunctionSettings:
        """`wanted` with everything that was added, given what is deployed."""
        return self.wanted.overridden(
            environment=_extended(self.wanted.environment, self.variables, environment),
            tags=_extended(self.wanted.tags, self.tags, tags),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """What a deploy did. `action` is `created`, `updated` or `unchanged`."""

    name: str
    action: str
    configuration: Document
    url: str | None
    host_url: str | None
    schedules: tuple[Change, ...] = ()
    webhooks: tuple[HookChange, ...] = ()


class Deployer:
    """Deploys to one server. Lives as long as its client."""

    def __init__(
        self,
        client: Client,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._clock = clock
        self._sleep = sleep

    def deploy(self, name: str, order: Order, progress: Progress) -> Deployed:
        """Make *name* what *order* says.

        Raises Refused where the server refuses, Failure with its reason where it fails.
        """
        found = self._client.function(name)
        if found is None:
            self._create(name, order, progress)
            action = "created"
        else:
            action = "updated" if self._update(name, order, found, progress) else "unchanged"
        if self._permit(name, order.wanted.permissions, progress) and action == "unchanged":
            action = "updated"
        if order.with_url:
            self._give_url(name, progress)
        configuration = self._client.configuration(name)
        schedules = self._schedule(name, configuration["FunctionArn"], order.wanted, progress)
        webhooks = self._hook(name, order.wanted, progress)
        actions = [each.action for each in schedules] + [each.action for each in webhooks]
        if action == "unchanged" and set(actions) - {"unchanged"}:
            action = "updated"
        details = self._client.details(name)
        return Deployed(
            name=name,
            action=action,
            configuration=configuration,
            url=details.get("url"),
            host_url=details.get("host_url"),
            schedules=schedules,
            webhooks=webhooks,
        )

    def _schedule(
        self, name: str, arn: str, wanted: FunctionSettings, progress: Progress
    ) -> tuple[Change, ...]:
        """Make its schedules what is *wanted*, where anything is said of them."""
        if wanted.schedules is None:
            return ()
        if wanted.schedules:
            progress("Setting its schedules")
        return tuple(Scheduling(self._client).converge(name, arn, wanted.schedules))

    def _hook(
        self, name: str, wanted: FunctionSettings, progress: Progress
    ) -> tuple[HookChange, ...]:
        """Make its webhooks what is *wanted*, where anything is said of them."""
        if wanted.webhooks is None:
            return ()
        if wanted.webhooks:
            progress("Setting its webhooks")
        return tuple(Hooking(self._client).converge(name, wanted.webhooks))

    def _permit(self, name: str, wanted: Mapping[str, Any] | None, progress: Progress) -> bool:
        """Make its permissions what is *wanted*, where anything is said of them; whether they
        changed."""
        if wanted is None or wanted == self._client.permissions(name):
            return False
        progress("Setting its permissions")
        self._client.permit(name, wanted)
        return True

    def _give_url(self, name: str, progress: Progress) -> None:
        url = self._client.url_configuration(name)
        if url is None:
            progress("Creating its URL")
            url = self._client.create_url(name)
        if url.get("AuthType") == "NONE":
            self._client.open_url(name)

    def _create(self, name: str, order: Order, progress: Progress) -> None:
        wanted = order.complete({}, {})
        progress(f"Uploading {size(len(order.package.data))}")
        self._client.create(name, plan.creation(wanted, order.package), order.package.data)
        self._served(name, progress)

    def _update(self, name: str, order: Order, found: Document, progress: Progress) -> bool:
        """Send what differs; whether anything did."""
        deployed = self._settled(name, progress)
        tags = found.get("Tags") or {}
        wanted = order.complete(plan.deployed_environment(deployed), tags)
        changes = plan.configuration_changes(wanted, order.package, deployed)
        early = plan.configuration_first(changes, deployed)
        failed = deployed.get("State") == "Failed"
        new_code = failed or order.package.sha256 != deployed.get("CodeSha256")
        if changes and early:
            self._configure(name, changes, progress)
        if new_code:
            self._upload(name, order.package, progress)
        if changes and not early:
            self._configure(name, changes, progress)
        tagged = self._tag(deployed["FunctionArn"], wanted.tags, tags)
        return bool(changes) or new_code or tagged

    def _configure(self, name: str, changes: Mapping[str, Any], progress: Progress) -> None:
        progress(f"Updating {', '.join(sorted(changes))}")
        self._sent(name, lambda: self._client.update_configuration(name, changes), progress)

    def _upload(self, name: str, package: Package, progress: Progress) -> None:
        progress(f"Uploading {size(len(package.data))}")
        self._sent(name, lambda: self._client.update_code(name, package.data), progress)

    def _sent(self, name: str, send: Callable[[], Document], progress: Progress) -> None:
        """Send an update and wait until it is served; after someone else's where there is one."""
        try:
            send()
        except Refused as refused:
            if refused.http_status != _CONFLICT:
                raise
            self._settled(name, progress)
            send()
        self._served(name, progress)

    def _tag(self, arn: str, wanted: Mapping[str, str] | None, deployed: Mapping[str, str]) -> bool:
        changed, removed = plan.tag_changes(wanted, deployed)
        if changed:
            self._client.tag(arn, changed)
        if removed:
            self._client.untag(arn, removed)
        return bool(changed or removed)

    def _served(self, name: str, progress: Progress) -> None:
        configuration = self._settled(name, progress)
        for status in ("State", "LastUpdateStatus"):
            if configuration.get(status) == "Failed":
                code = configuration.get(f"{status}ReasonCode") or "DeployFailed"
                reason = configuration.get(f"{status}Reason") or "the server gives no reason"
                raise Failure(code, f"{name} was not deployed: {reason}")

    def _settled(self, name: str, progress: Progress) -> Document:
        """The configuration of *name* once no change of it is under way."""
        deadline = self._clock() + _SERVED_WITHIN_S
        pause = _POLL_FIRST_S
        waiting = False
        while True:
            configuration = self._client.configuration(name)
            under_way = (
                configuration.get("State") == "Pending"
                or configuration.get("LastUpdateStatus") == "InProgress"
            )
            if not under_way:
                return configuration
            if self._clock() > deadline:
                message = f"{name} is not served after {_SERVED_WITHIN_S:.0f} s; see its logs"
                raise Failure("NotServed", message)
            if not waiting:
                progress("Preparing it on the server")
                waiting = True
            self._sleep(pause)
            pause = min(pause * 1.5, _POLL_LAST_S)


def _extended(
    declared: Mapping[str, str] | None, added: Mapping[str, str], deployed: Mapping[str, str]
) -> Mapping[str, str] | None:
    if not added:
        return declared
    return {**(deployed if declared is None else declared), **added}
