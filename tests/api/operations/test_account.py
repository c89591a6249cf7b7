from tests.api.harness import PACKAGE, Harness


def test_limits_are_the_servers_and_usage_is_counted(harness: Harness) -> None:
    for name in ("a", "b"):
        harness.create(name)
    harness.client().publish_version(FunctionName="b")
    response = harness.client().get_account_settings()
    limit, usage = response["AccountLimit"], response["AccountUsage"]
    assert usage == {"TotalCodeSize": 3 * len(PACKAGE), "FunctionCount": 2}
    assert limit["CodeSizeZipped"] == harness.settings.zipped_bytes_max
    assert limit["ConcurrentExecutions"] == harness.settings.concurrency_max
    assert limit["UnreservedConcurrentExecutions"] == harness.settings.concurrency_max
