"""What every trigger and every API stands on: the store, the workers, and the invoker."""

import contextlib
import logging
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

from wasmfaas.api.downloads import CodeLinks
from wasmfaas.api.names import Names
from wasmfaas.auth.authenticator import (
    AnyoneAuthenticator,
    Authenticator,
    SignatureAuthenticator,
)
from wasmfaas.auth.keys import KeyStore
from wasmfaas.auth.throttle import Throttle
from wasmfaas.capabilities.secrets import SecretStore
from wasmfaas.errors import WasmfaasError
from wasmfaas.invoke.admission import Admission
from wasmfaas.invoke.calls import Calls
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
from wasmfaas.outgoing.network import Resolver
from wasmfaas.settings import Settings
from wasmfaas.store.artefacts import Artefact, Artefacts
from wasmfaas.store.code import CodeStore
from wasmfaas.store.database import Database
from wasmfaas.store.datadir import DataDirectory
from wasmfaas.store.ledger import Ledger
from wasmfaas.store.registry import Registry
from wasmfaas.wiring.changes import Changes, follow
from wasmfaas.wiring.tasks import Tasks

_logger = logging.getLogger(__name__)

_FOLD_EVERY_S = 1.0
_SWEEP_EVERY_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """The parts that families of triggers and APIs are made of. Lifetime: process."""

    settings: Settings
    #: Taken down in reverse.
    closing: AsyncExitStack
    tasks: Tasks
    directory: DataDirectory
    database: Database
    names: Names
    changes: Changes
    registry: Registry
    code_store: CodeStore
    packages: Packages
    deployments: Deployments
    ledger: Ledger
    logs: LogStore
    workers: Workers
    invoker: Invoker
    #: Where running guests ask for what is outside of them.
    calls: Calls
    provisioning: Provisioning
    keys: KeyStore
    #: Of functions.
    secrets: SecretStore
    #: For requests to places that users name.
    resolver: Resolver
    authenticator: Authenticator
    links: CodeLinks
    #: The version of the Python that runs Python functions.
    guest_python: str

    @classmethod
    async def open(
        cls, settings: Settings, closing: AsyncExitStack, progress: Callable[[str], None]
    ) -> Self:
        """Bring it up; *closing* takes it down. Raises WasmfaasError for what the operator has to
        be told."""
        directory = closing.enter_context(contextlib.closing(DataDirectory.open(settings.data_dir)))
        database = closing.enter_context(contextlib.closing(Database.open(directory.database)))
        keys = KeyStore.open(directory.path, time.time)
        secrets = SecretStore.open(directory.path, time.time)
        resolver = closing.enter_context(contextlib.closing(Resolver()))
        names, changes, tasks = Names(settings.region, settings.account_id), Changes(), Tasks()
        registry = Registry(database, names.arn, changes)
        code_store = CodeStore(directory, settings)
        artefacts = Artefacts(settings.cache_dir)
        compilers = Compilers(settings, artefacts)
        closing.push_async_callback(compilers.close)
        runtime = PythonRuntime(settings, compilers)
        ledger = Ledger(database, directory.journal)
        closing.callback(ledger.close)
        logs = LogStore(directory.logs, settings.log_bytes_function_max)
        closing.callback(logs.close)
        packages = Packages(settings, registry, code_store)
        closing.push_async_callback(packages.close)
        deployments = Deployments(registry, packages, compilers, runtime)
        signed = Artefacts(directory.path / "snapshots")
        workers = _workers(settings, directory, signed, artefacts)
        snapshots = Snapshots(signed, workers, runtime)
        await snapshots.sweep(await registry.deployment_ids())
        calls = Calls()
        books = Books(settings, ledger, logs, Figures())
        invoker = Invoker(
            settings, registry, deployments, workers, books, snapshots, registry.attachments,
            await _admission(settings, registry), calls,
        )  # fmt: skip
        artefact = await runtime.ensure(progress)
        closing.push_async_callback(workers.close)
        await workers.start(artefact)
        core = cls(
            settings=settings, closing=closing, tasks=tasks, directory=directory,
            database=database, names=names, changes=changes, registry=registry,
            code_store=code_store, packages=packages, deployments=deployments, ledger=ledger,
            logs=logs, workers=workers, invoker=invoker,
            calls=calls,
            provisioning=Provisioning(
                registry.attachments, invoker, workers, settings.workers_max
            ),
            keys=keys, secrets=secrets, resolver=resolver,
            authenticator=_authenticator(settings, keys),
            links=CodeLinks(time.time, settings.scheme), guest_python=runtime.version,
        )  # fmt: skip
        await core._start(snapshots)
        tasks.start(
            compilers.keep_swept(
                lambda: _artefacts_in_use(registry, artefact), settings.artefact_unused_days_max
            )
        )
        return core

    async def _start(self, snapshots: Snapshots) -> None:
        closing, tasks = self.closing, self.tasks
        closing.push_async_callback(self.deployments.close)
        await self.deployments.resume()
        await _fold(self.ledger)
        closing.push_async_callback(_fold, self.ledger)
        closing.push_async_callback(tasks.cancel)
        tasks.start(self.workers.scale())
        tasks.start(self.ledger.keep_folding(_FOLD_EVERY_S))
        tasks.start(snapshots.keep_swept(self.registry.deployment_ids, _SWEEP_EVERY_S))
        tasks.start(self.packages.keep_swept(_SWEEP_EVERY_S))
        tasks.start(self.provisioning.resume())
        following = follow(self.registry, self.invoker, self.logs, self.provisioning)
        self.changes.tell(self.invoker.forget, lambda name: tasks.start(following(name)))
        self.changes.tell(lambda name: self.packages.note_change())


def _workers(
    settings: Settings, directory: DataDirectory, snapshots: Artefacts, artefacts: Artefacts
) -> Workers:
    # Not the folders above them, which hold the keys that artefacts are signed with.
    read_paths = [
        directory.tasks.absolute(),
        snapshots.path.absolute(),
        artefacts.path.absolute(),
        settings.cache_dir.absolute() / "python-runtime",
    ]
    return Workers(settings, directory.path / "workers", read_paths)


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


async def _artefacts_in_use(registry: Registry, runtime: Artefact) -> set[str]:
    return {*await registry.artefact_names(), runtime.name}


async def _fold(ledger: Ledger) -> None:
    """Fold if possible: a full disk is no reason not to start, or not to stop."""
    try:
        await ledger.fold()
    except WasmfaasError as error:
        _logger.warning("recorded usage stays in the journal: %s", error.message)
