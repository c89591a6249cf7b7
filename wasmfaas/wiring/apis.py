"""The applications that requests are for."""

from collections.abc import Sequence

from wasmfaas.api.application import LambdaApi
from wasmfaas.api.events import EventRoutes
from wasmfaas.api.keys import KeyRoutes
from wasmfaas.api.logs.operations import LogsOperations
from wasmfaas.api.logs.service import LOGS
from wasmfaas.api.management import Management
from wasmfaas.api.own_routes import PREFIX
from wasmfaas.api.permissions import PermissionRoutes
from wasmfaas.api.secrets import SecretRoutes
from wasmfaas.api.sqs.calls import QueueUrls
from wasmfaas.api.sqs.handlers import SqsHandlers
from wasmfaas.api.sqs.service import SqsApi, is_sqs
from wasmfaas.api.sts import Sts, is_query
from wasmfaas.api.targeted import TargetedApi
from wasmfaas.front import Row, always
from wasmfaas.store.layers import Layers
from wasmfaas.store.log_groups import LogGroups
from wasmfaas.store.message_queues.queues import MessageQueues
from wasmfaas.triggers.http import FunctionUrls
from wasmfaas.triggers.url_targets import is_function_url
from wasmfaas.wiring.core import Core
from wasmfaas.wiring.events import EventParts
from wasmfaas.wiring.hooks import hook_routes
from wasmfaas.wiring.schedules import ScheduleParts


def function_urls(core: Core) -> FunctionUrls:
    """Function URLs, which hear of changes."""
    urls = FunctionUrls(
        core.settings, core.registry.urls, core.registry.attachments, core.invoker,
        core.names.arn, core.authenticator,
    )  # fmt: skip
    core.changes.tell(urls.forget)
    return urls


def rows(core: Core, urls: FunctionUrls, parts: EventParts, queues: MessageQueues) -> Sequence[Row]:
    """Every application, and which requests are its; the first that matches gets a request."""
    schedules = ScheduleParts.open(core, parts.queue)
    return (
        (is_function_url, urls),
        (lambda scope: scope["path"].startswith(PREFIX), _management(core, parts, schedules)),
        (LOGS.matches, TargetedApi(LOGS, _logs(core), core.authenticator)),
        *schedules.rows,
        (is_sqs, _sqs(core, queues)),
        (is_query, Sts(core.authenticator)),
        (always, _lambda(core, parts)),
    )


def _lambda(core: Core, parts: EventParts) -> LambdaApi:
    return LambdaApi(
        settings=core.settings,
        registry=core.registry,
        layers=Layers(core.database),
        intake=core.packages,
        deployments=core.deployments,
        invoker=core.invoker,
        queue=parts.queue,
        provisioning=core.provisioning,
        links=core.links,
        guest_python=core.guest_python,
        authenticator=core.authenticator,
    )


def _management(core: Core, parts: EventParts, schedules: ScheduleParts) -> Management:
    return Management(
        settings=core.settings,
        registry=core.registry,
        code_store=core.code_store,
        logs=core.logs,
        ledger=core.ledger,
        links=core.links,
        guest_python=core.guest_python,
        figures=core.invoker.figures,
        groups=(
            EventRoutes(parts.events),
            KeyRoutes(core.keys),
            PermissionRoutes(core.registry),
            SecretRoutes(core.secrets),
            schedules.routes,
            hook_routes(core, parts.queue),
        ),
        authenticator=core.authenticator,
    )


def _sqs(core: Core, queues: MessageQueues) -> SqsApi:
    urls = QueueUrls(core.settings.scheme, core.settings.account_id)
    handlers = SqsHandlers(queues, urls)
    return SqsApi(handlers, core.authenticator, core.settings.api_requests_inflight_max)


def _logs(core: Core) -> LogsOperations:
    return LogsOperations(
        region=core.settings.region,
        account_id=core.settings.account_id,
        groups=LogGroups(core.database),
        logs=core.logs,
    )
