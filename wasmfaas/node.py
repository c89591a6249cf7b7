"""The composition root: every part of a server, made once, wired by constructor, taken down in
reverse."""

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from starlette.types import ASGIApp, Receive, Scope, Send

from wasmfaas.api.application import LambdaApi
from wasmfaas.api.downloads import CodeLinks
from wasmfaas.api.guard import Guard
from wasmfaas.api.logs.application import LogsApi, target_of
from wasmfaas.api.logs.operations import LogsOperations
from wasmfaas.api.management import PREFIX, Management
from wasmfaas.api.names import Names
from wasmfaas.api.sts import Sts, is_query
from wasmfaas.auth.authenticator import (
    AnyoneAuthenticator,
    Authenticator,
    SignatureAuthenticator,
)
from wasmfaas.auth.keys import KeyStore
from wasmfaas.auth.throttle import Throttle
from wasmfaas.edge.bodies import HeldBodies
from wasmfaas.errors import ResourceNotFound, WasmfaasError
from wasmfaas.invoke.admission import Admission
from wasmfaas.invoke.compilers import Compilers
from wasmfaas.invoke.deployments import Deployments
from wasmfaas.invoke.figures import Figures
from wasmfaas.invoke.invocation import Books
from wasmfaas.invoke.invoker import Invoker
from wasmfaas.invoke.logs import LogStore
from wasmfaas.invoke.packages import Packages
from wasmfaas.invoke.provisioning import Provisioning
from wasmfaas.invoke.python_runtime import PythonRuntime
from wasmfaas.invoke.snapshots import Snapshots
from wasmfaas.invoke.workers import Workers
from wasmfaas.models import State
from wasmfaas.settings import Settings
from wasmfaas.store.artefacts import Artefacts
from wasmfaas.store.code import CodeStore
from wasmfaas.store.database import Database
from wasmfaas.store.datadir import DataDirectory
from wasmfaas.store.dead_letters import Events
from wasmfaas.store.layers import Layers
from wasmfaas.store.ledger import Ledger
from wasmfaas.store.log_groups import LogGroups
from wasmfaas.store.queue import EventQueue
from wasmfaas.store.registry import Registry
from wasmfaas.triggers.direct import DirectCalls
from wasmfaas.triggers.http import FunctionUrls
from wasmfaas.triggers.queue import EventRunner, keep_pruned
from wasmfaas.triggers.url_targets import is_function_url

_logger = logging.getLogger(__name__)

_FOLD_EVERY_S = 1.0
_SWEEP_EVERY_S = 60.0


class Changes:
    """Passes the change of a function on to whoever remembers functions."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[str], None]] = []

    def tell(self, *listeners: Callable[[str], None]) -> None:
        self._listeners += listeners

    def __call__(self, name: str) -> None:
        for listener in self._listeners:
            listener(name)


class Node:
    """One server's parts. Lives as long as the server; `async with` brings it up and down."""

    def __init__(self, settings: Settings, progress: Callable[[str], None]) -> None:
        self.settings = settings
        self._progress = progress
        self._closing = AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Raises WasmfaasError for what the operator has to be told."""
        try:
            await self._open()
        except BaseException:
            await self._closing.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._closing.aclose()

    def stop(self) -> None:
        """End what would go on for ever; what has an end may come to it."""
        self._logs.close()
        self._events.stop()

    def cut_short(self) -> None:
        """End the invocations that still run. Their callers are told, and their usage is kept."""
        self._workers.cut_short()

    async def _open(self) -> None:
        settings, closing = self.settings, self._closing
        self.directory = closing.enter_context(
            contextlib.closing(DataDirectory.open(settings.data_dir))
        )
        database = closing.enter_context(contextlib.closing(Database.open(self.directory.database)))
        keys = KeyStore.open(self.directory.path, time.time)
        authenticator = _authenticator(settings, keys)
        names = Names(settings.region, settings.account_id)
        changes = Changes()
        registry = Registry(database, names.arn, changes)
        attachments = registry.attachments
        code_store = CodeStore(self.directory, settings)
        artefacts = Artefacts(settings.cache_dir)
        compilers = Compilers(settings, artefacts)
        closing.push_async_callback(compilers.close)
        runtime = PythonRuntime(settings, compilers)
        ledger = Ledger(database, self.directory.journal)
        closing.callback(ledger.close)
        self._logs = logs = LogStore(self.directory.logs, settings.log_bytes_function_max)
        closing.callback(logs.close)
        packages = Packages(settings, registry, code_store)
        closing.push_async_callback(packages.close)
        deployments = Deployments(registry, packages, compilers, runtime)
        signed = Artefacts(self.directory.path / "snapshots")
        self._workers = workers = self._new_workers(signed, artefacts)
        snapshots = Snapshots(signed, workers, runtime)
        await snapshots.sweep(await registry.deployment_ids())
        books = Books(settings, ledger, logs, Figures())
        admission = await _admission(settings, registry)
        invoker = Invoker(
            settings, registry, deployments, workers, books, snapshots, attachments, admission
        )
        await self._start(workers, runtime, deployments, ledger)
        provisioning = Provisioning(attachments, invoker, workers, settings.workers_max)
        self._tend(registry, snapshots, packages, provisioning)
        queue, events = await self._run_events(database, registry, invoker, names)
        links = CodeLinks(time.time, settings.scheme)
        api = LambdaApi(
            settings=settings,
            registry=registry,
            layers=Layers(database),
            intake=packages,
            deployments=deployments,
            invoker=invoker,
            queue=queue,
            provisioning=provisioning,
            links=links,
            guest_python=runtime.version,
            authenticator=authenticator,
        )
        management = Management(
            settings=settings,
            registry=registry,
            code_store=code_store,
            logs=logs,
            ledger=ledger,
            links=links,
            guest_python=runtime.version,
            figures=invoker.figures,
            keys=keys,
            events=events,
            authenticator=authenticator,
        )
        sts, logs_api = Sts(authenticator), _logs_api(settings, database, logs, authenticator)
        urls = FunctionUrls(settings, registry.urls, attachments, invoker, names.arn, authenticator)
        follows = self._follows(registry, invoker, logs, provisioning)
        changes.tell(invoker.forget, urls.forget, self._events.forget, follows)
        changes.tell(lambda name: packages.note_change())
        self._face(_Front(urls, management, api, logs_api, sts), urls, invoker)

    def _face(self, front: ASGIApp, urls: FunctionUrls, invoker: Invoker) -> None:
        """What the outside sees."""
        guard = Guard(front, is_function_url, self.settings.is_local)
        self.application = HeldBodies(guard, self.settings.bytes_held_max)
        #: For requests of function URLs that are known, and nothing else stands in their way.
        self.shortcut = DirectCalls(urls.targets, invoker, guard.admits)

    def _new_workers(self, snapshots: Artefacts, artefacts: Artefacts) -> Workers:
        # Not the folders above them, which hold the keys that artefacts are signed with.
        read_paths = [
            self.directory.tasks.absolute(),
            snapshots.path.absolute(),
            artefacts.path.absolute(),
            self.settings.cache_dir.absolute() / "python-runtime",
        ]
        return Workers(self.settings, self.directory.path / "workers", read_paths)

    async def _start(
        self, workers: Workers, runtime: PythonRuntime, deployments: Deployments, ledger: Ledger
    ) -> None:
        artefact = await runtime.ensure(self._progress)
        self._closing.push_async_callback(workers.close)
        await workers.start(artefact)
        self._closing.push_async_callback(deployments.close)
        await deployments.resume()
        await _fold(ledger)
        self._closing.push_async_callback(_fold, ledger)
        self._closing.push_async_callback(self._cancel_tasks)
        self._background(workers.scale())
        self._background(ledger.keep_folding(_FOLD_EVERY_S))

    def _tend(
        self,
        registry: Registry,
        snapshots: Snapshots,
        packages: Packages,
        provisioning: Provisioning,
    ) -> None:
        self._background(snapshots.keep_swept(registry.deployment_ids, _SWEEP_EVERY_S))
        self._background(packages.keep_swept(_SWEEP_EVERY_S))
        self._background(provisioning.resume())

    async def _run_events(
        self, database: Database, registry: Registry, invoker: Invoker, names: Names
    ) -> tuple[EventQueue, Events]:
        queue = EventQueue(database, str(uuid.uuid4()), self.settings.events_max)
        events = Events(database, queue)
        self._events = runner = EventRunner(
            self.settings, queue, invoker, registry.attachments, names.arn
        )
        # The directory is locked: what holds a lease in its database is gone.
        await queue.resume(alone=True)
        self._closing.push_async_callback(queue.close)
        self._closing.push_async_callback(runner.close)
        self._background(runner.run())
        self._background(runner.keep_leases())
        self._background(keep_pruned(events, queue))
        return queue, events

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _cancel_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _follows(
        self, registry: Registry, invoker: Invoker, logs: LogStore, provisioning: Provisioning
    ) -> Callable[[str], None]:
        """What follows a change: a new deployment or version has a sandbox ready at its first call,
        and the log of a deleted function goes."""

        async def follow(name: str) -> None:
            try:
                function = await registry.get(name)
                if function.state is State.ACTIVE and function.pending is None:
                    await invoker.load(name)
                newest = await registry.versions.newest(name)
                if newest is not None and newest.served is not None:
                    await invoker.load(name, newest.number, once=True)
            except ResourceNotFound:
                invoker.gone(name)
                logs.delete(name)
            except WasmfaasError as error:
                _logger.debug("%s was not loaded ahead: %s", name, error)
            await provisioning.refresh(name)

        return lambda name: self._background(follow(name))


def _authenticator(settings: Settings, keys: KeyStore) -> Authenticator:
    if settings.dev_no_auth:
        return AnyoneAuthenticator(settings.account_id)
    return SignatureAuthenticator(
        keys,
        region=settings.region,
        account_id=settings.account_id,
        throttle=Throttle(time.monotonic),
    )


async def _admission(settings: Settings, registry: Registry) -> Admission:
    admission = Admission(settings.concurrency_max)
    admission.reserve_all(await registry.attachments.reservations())
    return admission


async def _fold(ledger: Ledger) -> None:
    """Fold if possible: a full disk is no reason not to start, or not to stop."""
    try:
        await ledger.fold()
    except WasmfaasError as error:
        _logger.warning("recorded usage stays in the journal: %s", error.message)


def _logs_api(
    settings: Settings, database: Database, logs: LogStore, authenticator: Authenticator
) -> LogsApi:
    operations = LogsOperations(
        region=settings.region,
        account_id=settings.account_id,
        groups=LogGroups(database),
        logs=logs,
    )
    return LogsApi(operations.rows(), authenticator)


class _Front:
    """Sends each request to the application that it is for."""

    def __init__(
        self, urls: ASGIApp, management: ASGIApp, api: ASGIApp, logs_api: ASGIApp, sts: ASGIApp
    ) -> None:
        self._urls = urls
        self._sts = sts
        self._management = management
        self._api = api
        self._logs_api = logs_api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        if is_function_url(scope):
            await self._urls(scope, receive, send)
        elif scope["path"].startswith(PREFIX):
            await self._management(scope, receive, send)
        elif target_of(scope) is not None:
            await self._logs_api(scope, receive, send)
        elif is_query(scope):
            await self._sts(scope, receive, send)
        else:
            await self._api(scope, receive, send)
