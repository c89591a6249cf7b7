"""How many sandboxes of a deployment are to be ready, before anybody waits for one: as many as are
provisioned, and as many as demand is worth.

Little's law: what arrives per second, times how long each takes, is how many run at once. Arrivals
are not even, so that as many again as its square root stand by.
"""

import math
from collections.abc import Iterator, Sequence

from wasmfaas.invoke.target import Target

#: The past weighs less and less: e times less after this long.
_MEMORY_S = 3.0
#: A deployment that is called less often than this is not made ready for.
_RATE_MIN = 0.01
#: With fewer workers busy on average, no second one is needed in time.
_LOAD_MIN = 0.05
#: What is provisioned and can't be prepared is tried again after this long.
_RETRY_S = 30.0


class Flow:
    """The invocations of one deployment. Lives as long as there are any to speak of."""

    def __init__(self, target: Target) -> None:
        self.target = target
        #: Counted up by whoever runs invocations, and down to zero by `settle`.
        self.arrived = 0
        self.served = 0
        self.served_ns = 0
        #: How many are to be ready whatever the demand.
        self.floor = 0
        #: What its start-up failed with when it was last prepared ahead, if it did.
        self.failure: bytes | None = None
        #: How long ago.
        self._failed_s = 0.0
        self._rate = 0.0
        self._service_s = 0.0

    @property
    def load(self) -> float:
        """How many run at once, on average."""
        return self._rate * self._service_s

    @property
    def hopeless(self) -> bool:
        """Whether it can't be prepared ahead; of what is provisioned, for now."""
        return self.failure is not None and not (self.floor and self._failed_s > _RETRY_S)

    def prepared(self, failure: bytes | None) -> None:
        """It was prepared ahead: what its start-up failed with, if it did."""
        self.failure, self._failed_s = failure, 0.0

    @property
    def count(self) -> int:
        """How many sandboxes are to be ready."""
        return max(_staffed(self.load), self.floor)

    def settle(self, elapsed_s: float) -> bool:
        """Take what was counted in the last *elapsed_s* into account; whether there is any flow, or
        anything to be ready without."""
        weight = 1 - math.exp(-elapsed_s / _MEMORY_S)
        self._rate += weight * (self.arrived / elapsed_s - self._rate)
        if self.served:
            service_s = self.served_ns / self.served / 1e9
            known = self._service_s or service_s
            self._service_s = known + weight * (service_s - known)
        self.arrived = self.served = self.served_ns = 0
        self._failed_s += elapsed_s
        return self.floor > 0 or self._rate >= _RATE_MIN


class Demand:
    """The flows of all deployments. Lives as long as the server."""

    def __init__(self) -> None:
        self._flows: dict[str, Flow] = {}

    def arrive(self, target: Target) -> Flow:
        """Count an invocation of *target*; what is to be told how long it took."""
        flow = self._flows.get(target.spec.key)
        if flow is None:
            flow = self._flows[target.spec.key] = Flow(target)
        elif flow.target is not target:
            flow.target, flow.failure = target, None
        flow.arrived += 1
        return flow

    def provision(self, function: str, floors: Sequence[tuple[Target, int]]) -> None:
        """Have so many sandboxes of each of these targets of *function* ready, whatever the demand,
        and none of its others."""
        for flow in self._flows.values():
            if flow.target.spec.function_name == function:
                flow.floor = 0
        for target, count in floors:
            flow = self._flows.setdefault(target.spec.key, Flow(target))
            flow.target, flow.floor = target, flow.floor + count
        # There may be room now where there was none.
        for flow in self._flows.values():
            flow.failure = None if flow.floor else flow.failure

    def floors(self) -> dict[str, int]:
        """How many sandboxes are to be ready whatever the demand, by deployment."""
        return {key: flow.floor for key, flow in self._flows.items() if flow.floor}

    def failure(self, key: str) -> bytes | None:
        """What the start-up of a deployment failed with, if it did."""
        flow = self._flows.get(key)
        return None if flow is None else flow.failure

    def settle(self, elapsed_s: float) -> None:
        """Take what was counted in the last *elapsed_s* into account, and forget what has ended."""
        self._flows = {key: flow for key, flow in self._flows.items() if flow.settle(elapsed_s)}

    def workers(self) -> int:
        """How many workers are worth having; 0 where there is next to nothing to do."""
        load = sum(flow.load for flow in self._flows.values())
        floor = max((flow.floor for flow in self._flows.values()), default=0)
        return max(_staffed(load) if load >= _LOAD_MIN else 0, floor)

    def sandboxes(self) -> Iterator[tuple[Flow, int]]:
        """Each deployment that is provisioned or worth having ready more than once, and in how many
        workers; what is provisioned first."""
        for flow in sorted(self._flows.values(), key=lambda flow: -flow.floor):
            if (flow.floor or flow.count > 1) and not flow.hopeless:
                yield flow, flow.count


def _staffed(load: float) -> int:
    return math.ceil(load + math.sqrt(load))
