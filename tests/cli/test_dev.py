import json
from pathlib import Path

from tests.cli.conftest import Cli
from tests.cli.test_commands import lines_until, running
from tests.conftest import Server


def handler(answer: str) -> str:
    return f"def lambda_handler(event, context):\n    print({answer!r})\n    return {answer!r}\n"


def test_a_save_is_deployed_and_the_log_is_printed(cli: Cli, server: Server, project: Path) -> None:
    path = project / "app.py"
    path.write_text(handler("first"))
    with running(server, "dev", project, "--json") as process:
        [deployed] = [json.loads(line) for line in lines_until(process, '"deployed"')]
        assert (deployed["name"], deployed["action"]) == (project.name, "created")
        assert server.invoke(project.name)[0] == "first"
        lines_until(process, "first")
        path.write_text(handler("second"))
        lines_until(process, '"updated"')
        assert server.invoke(project.name)[0] == "second"
        lines_until(process, "second")


def test_mistakes_do_not_end_it(server: Server, project: Path) -> None:
    path = project / "app.py"
    path.write_text("x = 1\n")
    with running(server, "dev", project, "--json") as process:
        [failed] = [json.loads(line) for line in lines_until(process, '"failed"')]
        assert failed["error"]["code"] == "HandlerNotFound"
        path.write_text(handler("repaired"))
        lines_until(process, '"deployed"')
        path.write_text("import nothing_of_this_name\n" + handler("broken"))
        lines_until(process, '"deployed"')
        server.invoke(project.name)
        lines_until(process, "nothing_of_this_name")
        (project / "wasmfaas.toml").write_text("memory = 1")
        lines_until(process, "did you mean 'memory_mb'")
        # In this order, so that all that is deployed from now on is whole.
        path.write_text(handler("whole"))
        (project / "wasmfaas.toml").unlink()
        lines_until(process, '"deployed"')
        assert server.invoke(project.name)[0] == "whole"
