"""How many sandboxes of a deployment are worth having ready, before anybody waits for one.

Little's law: what arrives per second, times how long each takes, is how many run at once. Arrivals
are not even, so that as many again as its square root stand by.
"""

import math
from collections.abc import Iterator

from wasmfaas.invoke.worker import Target

#: The past weighs less and less: e times less after this long.
_MEMORY_S = 3.0
#: A deployment that is called less often than this is not made ready for.
_RATE_MIN = 0.01
#: With fewer workers busy on average, no second one is needed in time.
_LOAD_MIN = 0.05


class Flow:
    """The invocations of one deployment. Lives as long as there are any to speak of."""

    def __init__(self, target: Target) -> None:
        self.target = target
        #: Counted up by whoever runs invocations, and down to zero by `settle`.
        self.arrived = 0
        self.served = 0
        self.served_ns = 0
        #: Whether it can't be prepared ahead: its start-up fails.
        self.hopeless = False
        self._rate = 0.0
        self._service_s = 0.0

    @property
    def load(self) -> float:
        """How many run at once, on average."""
        return self._rate * self._service_s

    def settle(self, elapsed_s: float) -> bool:
        """Take what was counted in the last *elapsed_s* into account; whether there is any flow."""
        weight = 1 - math.exp(-elapsed_s / _MEMORY_S)
        self._rate += weight * (self.arrived / elapsed_s - self._rate)
        if self.served:
            service_s = self.served_ns / self.served / 1e9
            known = self._service_s or service_s
            self._service_s = known + weight * (service_s - known)
        self.arrived = self.served = self.served_ns = 0
        return self._rate >= _RATE_MIN


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
            flow.target, flow.hopeless = target, False
        flow.arrived += 1
        return flow

    def settle(self, elapsed_s: float) -> None:
        """Take what was counted in the last *elapsed_s* into account, and forget what has ended."""
        self._flows = {key: flow for key, flow in self._flows.items() if flow.settle(elapsed_s)}

    def workers(self) -> int:
        """How many workers are worth having; 0 where there is next to nothing to do."""
        load = sum(flow.load for flow in self._flows.values())
        return _staffed(load) if load >= _LOAD_MIN else 0

    def sandboxes(self) -> Iterator[tuple[Flow, int]]:
        """Each deployment that is worth having ready more than once, and in how many workers."""
        for flow in self._flows.values():
            count = _staffed(flow.load)
            if count > 1 and not flow.hopeless:
                yield flow, count


def _staffed(load: float) -> int:
    return math.ceil(load + math.sqrt(load))
