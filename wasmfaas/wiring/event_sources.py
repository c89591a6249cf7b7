"""Event source mappings: the sources that this server can read, and what polls them."""

import uuid

from wasmfaas.capabilities.grants import Grants
from wasmfaas.capabilities.secrets import SecretStore
from wasmfaas.exposure import named_endpoints
from wasmfaas.queue_errors import QueueDoesNotExist
from wasmfaas.services.arns import MessageArn
from wasmfaas.services.client import Keys, ServiceClient
from wasmfaas.services.sqs import Sqs
from wasmfaas.settings import Settings
from wasmfaas.sources.endpoints import Endpoints
from wasmfaas.sources.kafka_brokers import Secrets
from wasmfaas.sources.optional import OptionalSource
from wasmfaas.sources.own_queues import OwnQueue
from wasmfaas.sources.registry import SELF_MANAGED, Factory, SourceFactories
from wasmfaas.sources.source import Source, SourceFailed, SourceMapping
from wasmfaas.sources.sqs import SqsQueue
from wasmfaas.store.attachments import Attachments
from wasmfaas.store.message_queues.queues import MessageQueues
from wasmfaas.store.polling import Polling
from wasmfaas.triggers.mappings.manager import EventSourcePollers
from wasmfaas.triggers.mappings.outlet import StoredOutlet
from wasmfaas.wiring.core import Core
from wasmfaas.wiring.events import EventParts


async def open_pollers(core: Core, events: EventParts, queues: MessageQueues) -> EventSourcePollers:
    """What polls; it has begun."""
    polling = Polling(core.database, str(uuid.uuid4()))
    # The directory is locked: what holds a lease in its database is gone.
    await polling.resume(alone=True)
    mappings = core.registry.event_sources
    pollers = EventSourcePollers(
        core.settings, polling, mappings.changed, _factories(core, queues), core.invoker,
        core.registry, StoredOutlet(events.queue, events.outbox, core.names.arn), core.names.arn,
    )  # fmt: skip
    mappings.is_polled = True
    core.closing.push_async_callback(pollers.close)
    core.tasks.start(pollers.run())
    return pollers


def _factories(core: Core, queues: MessageQueues) -> SourceFactories:
    secrets = FunctionSecrets(core.registry.attachments, core.secrets)
    others = optional_sources(core.settings, secrets.read)
    return SourceFactories({"sqs": _Queues(core, queues).open, **others})


def optional_sources(settings: Settings, secrets: Secrets) -> dict[str, Factory]:
    """Factories of sources that need a client library, by the service in ARNs."""
    endpoints = Endpoints(named_endpoints(settings.event_source_endpoints))
    kafka = OptionalSource("kafka", "confluent_kafka", "kafka", endpoints, (secrets,))
    return {
        "wasmfaas-redis": OptionalSource("redis_streams", "redis", "redis", endpoints).open,
        SELF_MANAGED: kafka.open,
    }


class FunctionSecrets:
    """Secrets that mappings name: those that their functions may read themselves. Lifetime:
    process."""

    def __init__(self, attachments: Attachments, secrets: SecretStore) -> None:
        self._attachments = attachments
        self._secrets = secrets

    async def read(self, function_name: str, name: str) -> bytes:
        """The value of the secret. Raises SourceFailed."""
        # Looked up anew: a mapping asks once, when polling begins.
        permissions = await Grants(self._attachments).of(function_name)
        if not permissions.may_read_secret(name):
            # Whether it is there or not.
            raise SourceFailed(
                f"permissions.secrets of the function {function_name} does not have {name[:128]!r}"
            )
        value = self._secrets.get(name)
        if value is None:
            raise SourceFailed(
                f"There is no secret {name[:128]!r}: set it with wasmfaas secret set NAME"
            )
        return value


class _Queues:
    """Queues of our own, and others at the endpoint that the operator names."""

    def __init__(self, core: Core, queues: MessageQueues) -> None:
        self._queues = queues
        self._sqs: Sqs | None = None
        endpoint = core.settings.sqs_endpoint_url
        if endpoint:
            self._sqs = Sqs(ServiceClient("sqs", endpoint, Keys.of(core.settings)))
            core.closing.push_async_callback(self._sqs.close)

    async def open(self, mapping: SourceMapping) -> Source:
        """The source of *mapping*: our own queue, where there is one of that ARN."""
        name = self._queues.name_of(mapping.arn)
        if name is not None and (self._sqs is None or await self._exists(name)):
            return OwnQueue(self._queues, name)
        arn = MessageArn.parse(mapping.arn)
        if arn is None:
            raise SourceFailed(f"{mapping.arn[:200]} is not the ARN of a queue")
        if self._sqs is None:
            raise SourceFailed(
                f"There is no queue {arn.name} here, and no endpoint of others (sqs_endpoint_url)"
            )
        return SqsQueue(self._sqs, arn)

    async def _exists(self, name: str) -> bool:
        try:
            await self._queues.administration.get(name)
        except QueueDoesNotExist:
            return False
        return True
