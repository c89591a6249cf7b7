"""Webhook triggers."""

import time

from wasmfaas.api.hooks import HookRoutes
from wasmfaas.auth.hook_secrets import HookSecrets
from wasmfaas.auth.hooks import HookBook
from wasmfaas.auth.throttle import Throttle
from wasmfaas.services.webhooks import DestinationSecrets
from wasmfaas.store.hooks import Hooks
from wasmfaas.store.queue import EventQueue
from wasmfaas.triggers.hooks import HookTrigger
from wasmfaas.wiring.core import Core


def hook_routes(core: Core, queue: EventQueue) -> HookRoutes:
    """What serves them; their secrets go when they do."""
    settings = core.settings
    kept = HookSecrets.open(core.directory.path)
    book = HookBook(Hooks(core.database), kept, time.time)
    trigger = HookTrigger(
        book, queue, core.registry, Throttle(time.monotonic),
        region=settings.region, event_bytes_max=settings.event_async_bytes_max, clock=time.time,
    )  # fmt: skip
    core.changes.tell(lambda name: core.tasks.start(book.sweep()))
    core.tasks.start(book.sweep())
    destinations = DestinationSecrets(settings.webhook_signing_secret)
    return HookRoutes(book, trigger, core.registry, destinations, settings.scheme)
