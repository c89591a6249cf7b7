"""The share of invocations that a weighted alias gives to each version, measured where they run."""

import contextlib
import threading
from collections import Counter

import pytest

from tests.conftest import Server, open_url, zip_of
from tests.integration.raw import connected, request

INVOCATIONS = 10_000
CALLERS = 4
AT_ONCE = 25
WEIGHT = 0.2
PATIENTLY = {"Delay": 0.1, "MaxAttempts": 1200}
SOURCE = "def lambda_handler(event, context):\n    return '{number}'\n"


@pytest.fixture
def split(server: Server, function_name: str) -> str:
    """The path of the URL of an alias for version 1, with *WEIGHT* of it going to version 2."""
    server.deploy(function_name, {"app.py": SOURCE.format(number=1)})
    named = {"FunctionName": function_name}
    with contextlib.closing(server.lambda_client()) as client:
        client.publish_version(**named)
        client.update_function_code(**named, ZipFile=zip_of({"app.py": SOURCE.format(number=2)}))
        client.get_waiter("function_updated_v2").wait(**named, WaiterConfig=PATIENTLY)
        client.publish_version(**named)
        client.create_alias(
            **named, Name="split", FunctionVersion="1",
            RoutingConfig={"AdditionalVersionWeights": {"2": WEIGHT}},
        )  # fmt: skip
        client.create_function_url_config(**named, Qualifier="split", AuthType="NONE")
        open_url(client, f"{function_name}:split")
    return f"/f/{function_name}:split/"


def test_a_weight_is_the_share_of_ten_thousand_invocations(server: Server, split: str) -> None:
    answers: list[str] = []

    def call() -> None:
        with connected(server.url) as client:
            for _ in range(INVOCATIONS // CALLERS // AT_ONCE):
                client.send(request("GET", split) * AT_ONCE)
                for _ in range(AT_ONCE):
                    answer = client.answer()
                    assert answer is not None
                    assert answer.status == 200
                    answers.append(answer.body.decode())

    callers = [threading.Thread(target=call) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    ran = Counter(answers)
    assert ran.keys() == {"1", "2"}
    assert ran.total() == INVOCATIONS
    # Six standard deviations.
    slack = 6 * (INVOCATIONS * WEIGHT * (1 - WEIGHT)) ** 0.5
    assert abs(ran["2"] - INVOCATIONS * WEIGHT) < slack, ran
