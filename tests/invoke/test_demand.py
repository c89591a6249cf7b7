"""How many sandboxes demand is worth."""

import uuid

from wasmfaas.invoke.demand import Demand
from wasmfaas.invoke.target import Target
from wasmfaas.models import Isolation, PackageKind, SandboxSpec


def target() -> Target:
    return Target(
        SandboxSpec(
            key=uuid.uuid4().hex, function_name="f", function_version="$LATEST",
            kind=PackageKind.REACTOR, isolation=Isolation.PRISTINE, handler="",
            artefact_path="", artefact_sha256="", restorable=True, task_path="", environment={},
            memory_bytes_max=1, tmp_bytes_max=1, timeout_ms=1, fuel_max=1, log_bytes_max=1,
            response_bytes_max=1,
        )
    )  # fmt: skip


def pass_second(demand: Demand, of: Target, *, arrivals: int, service_s: float) -> None:
    for _ in range(arrivals):
        flow = demand.arrive(of)
        flow.served += 1
        flow.served_ns += int(service_s * 1e9)
    demand.settle(1.0)


def counts(demand: Demand) -> dict[str, int]:
    return {flow.target.spec.key: count for flow, count in demand.sandboxes()}


def test_what_runs_at_once_and_its_root_are_made_ready() -> None:
    demand, busy, quick = Demand(), target(), target()
    for _ in range(60):
        for _ in range(100):
            flow = demand.arrive(quick)
            flow.served, flow.served_ns = flow.served + 1, flow.served_ns + 1_000_000
        pass_second(demand, busy, arrivals=40, service_s=0.1)
    assert counts(demand) == {busy.spec.key: 6}  # 4 + 2; the quick one runs 0.1 times at once
    assert demand.workers() == 7  # 4.1 + 2.02, rounded up


def test_one_slow_call_is_no_reason_for_a_second_sandbox() -> None:
    demand, slow = Demand(), target()
    pass_second(demand, slow, arrivals=1, service_s=1.0)
    assert counts(demand) == {}
    assert demand.workers() == 1


def test_a_start_up_says_nothing_of_how_long_a_call_takes() -> None:
    demand, new = Demand(), target()
    demand.arrive(new)
    demand.settle(1.0)
    assert counts(demand) == {}
    assert demand.workers() == 0


def test_what_ends_is_forgotten() -> None:
    demand, busy = Demand(), target()
    for _ in range(60):
        pass_second(demand, busy, arrivals=100, service_s=0.1)
    for _ in range(60):
        demand.settle(1.0)
    assert counts(demand) == {}
    assert demand.workers() == 0


def test_what_cannot_start_is_not_tried_again_before_it_changes() -> None:
    demand, broken = Demand(), target()
    for _ in range(3):
        pass_second(demand, broken, arrivals=10, service_s=0.1)
    demand.arrive(broken).prepared(b"{}")
    assert counts(demand) == {}
    demand.arrive(Target(broken.spec))
    assert counts(demand) != {}


def test_what_is_provisioned_is_ready_whatever_the_demand() -> None:
    demand, quiet, busy = Demand(), target(), target()
    demand.provision("f", [(quiet, 3), (busy, 2)])
    for _ in range(60):
        pass_second(demand, busy, arrivals=40, service_s=0.1)
    assert counts(demand) == {quiet.spec.key: 3, busy.spec.key: 6}
    assert demand.floors() == {quiet.spec.key: 3, busy.spec.key: 2}
    assert demand.workers() == 6
    demand.provision("g", [])
    demand.provision("f", [(quiet, 4)])
    for _ in range(60):
        demand.settle(1.0)
    assert counts(demand) == {quiet.spec.key: 4}
    assert demand.workers() == 4
    demand.provision("f", [])
    demand.settle(1.0)
    assert counts(demand) == {}


def test_what_is_provisioned_and_fails_is_tried_again_later() -> None:
    demand, broken = Demand(), target()
    demand.provision("f", [(broken, 1)])
    demand.arrive(broken).prepared(b"{}")
    assert counts(demand) == {}
    assert demand.failure(broken.spec.key) == b"{}"
    for _ in range(40):
        demand.settle(1.0)
    assert counts(demand) == {broken.spec.key: 1}
    assert demand.failure(broken.spec.key) == b"{}", "as long as it is not known to be different"
    demand.arrive(broken).prepared(b"{}")
    demand.provision("g", [])
    assert counts(demand) == {broken.spec.key: 1}, "there may be room now"
