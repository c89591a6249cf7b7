"""The operations on what is attached to functions beside their code, in one table."""

from collections.abc import Mapping

from wasmfaas.api.calls import Handler
from wasmfaas.api.names import Names
from wasmfaas.api.operations.account import AccountOperations
from wasmfaas.api.operations.behaviour import BehaviourOperations
from wasmfaas.api.operations.concurrency import ConcurrencyOperations
from wasmfaas.api.operations.event_invoke import Destinations, EventInvokeOperations
from wasmfaas.api.operations.event_sources import EventSourceOperations
from wasmfaas.api.operations.permissions import PermissionOperations
from wasmfaas.api.operations.provisioned import ProvisionedOperations, Provisioning
from wasmfaas.api.operations.signing import SigningOperations
from wasmfaas.api.places import Places
from wasmfaas.api.views import Views
from wasmfaas.outgoing.client import OutgoingClient
from wasmfaas.outgoing.reach import Reach
from wasmfaas.services.webhooks import Webhooks
from wasmfaas.settings import Settings
from wasmfaas.store.registry import Registry


def rows(
    settings: Settings, registry: Registry, names: Names, views: Views, provisioning: Provisioning
) -> dict[str, Handler]:
    """Handlers by operation."""
    places = Places(registry, names)
    reach = Reach(settings.private_origins)
    webhooks = Webhooks(reach, OutgoingClient(), settings.webhook_signing_secret)
    destinations = Destinations(registry=registry, names=names, webhooks=webhooks)
    tables: tuple[Mapping[str, Handler], ...] = (
        PermissionOperations(registry=registry, places=places).rows(),
        ConcurrencyOperations(settings=settings, registry=registry, names=names).rows(),
        EventInvokeOperations(
            registry=registry, places=places, names=names, destinations=destinations
        ).rows(),
        EventSourceOperations(
            mappings=registry.event_sources, places=places, names=names, destinations=destinations
        ).rows(),
        ProvisionedOperations(
            settings=settings,
            registry=registry,
            places=places,
            names=names,
            provisioning=provisioning,
        ).rows(),
        BehaviourOperations(registry=registry, places=places, names=names, views=views).rows(),
        SigningOperations(registry=registry, names=names).rows(),
        AccountOperations(settings=settings, registry=registry).rows(),
    )
    return {name: handler for table in tables for name, handler in table.items()}
