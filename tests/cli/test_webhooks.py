"""`wasmfaas webhooks`, and webhooks that come with a function."""

import hashlib
import hmac
from pathlib import Path
from typing import Any

import httpx

from tests.cli.conftest import Cli

SECRET = "a-secret-of-two-parties"


def post(url: str, secret: str, body: bytes = b"{}") -> int:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": f"sha256={digest}"}
    return httpx.post(url, content=body, headers=headers, timeout=60).status_code


def test_a_webhook_is_made_shown_rotated_and_deleted(cli: Cli, project: Path) -> None:
    function = project.name
    assert cli("deploy", project).status == 0
    name = function.replace("test", "hook")
    made = cli(
        "webhooks", "create", name, "--function", function, "--signature", "github",
        "--secret-stdin", "--json", given=f"{SECRET}\n",
    ).json  # fmt: skip
    assert made["secret"] == SECRET
    assert post(made["url"], SECRET) == 202
    shown = cli("webhooks", "show", name)
    assert SECRET not in shown.out
    assert made["url"] in shown.out
    assert SECRET in cli("webhooks", "show", name, "--secret").out
    listed = cli("webhooks", "list", "--function", function).out
    assert listed.splitlines()[1].split()[:4] == [name, function, "signed", "github"]
    rotated = cli("webhooks", "rotate", name, "--overlap", 600, "--json").json["secret"]
    assert post(made["url"], rotated) == post(made["url"], SECRET) == 202
    assert f"rotated {name}" in cli("webhooks", "rotate", name).out
    assert post(made["url"], rotated) == 401
    assert cli("webhooks", "delete", name).out == f"✓ deleted {name}\n"
    assert post(made["url"], SECRET) == 404
    assert "no webhook" in cli("webhooks", "show", name).err
    assert "No webhooks yet" in cli("webhooks", "list", "--function", function).err


def test_what_a_webhook_cannot_be_is_told(cli: Cli, project: Path) -> None:
    ran = cli("webhooks", "create", "h", "--function", "f", "--signature", "what")
    assert ran.status == 1
    assert "must be one of github" in ran.err
    ran = cli("webhooks", "create", "h", "--function", "missing")
    assert "Function not found" in ran.err
    # This server was started without one.
    ran = cli("webhooks", "destination", "https://receiver.test/")
    assert "WASMFAAS_WEBHOOK_SIGNING_SECRET" in ran.err


def deployed(cli: Cli, project: Path, settings: str) -> list[tuple[str, str]]:
    """What a deploy with these settings says of webhooks."""
    (project / "wasmfaas.toml").write_text(settings)
    ran = cli("deploy", project, "--json")
    assert ran.status == 0, ran.out
    return [(each["name"], each["action"]) for each in ran.json["webhooks"]]


def test_each_deploy_makes_the_webhooks_what_the_file_says(cli: Cli, project: Path) -> None:
    names = [project.name.replace("test", each) for each in ("push", "images", "manual")]
    push = f'[[webhook]]\nname = "{names[0]}"\nsignature = "github"\n'
    images = f'[[webhook]]\nname = "{names[1]}"\nkind = "s3"\n'

    def secret(name: str) -> Any:
        return cli("webhooks", "show", name, "--secret", "--json").json["secret"]

    both = [(names[0], "created"), (names[1], "created")]
    assert deployed(cli, project, push + images) == both
    first = secret(names[0])
    cli("webhooks", "create", names[2], "--function", project.name)
    assert deployed(cli, project, push + images) == [(name, "unchanged") for name in names[:2]]
    changed = push.replace("github", "slack")
    assert deployed(cli, project, changed) == [(names[0], "updated"), (names[1], "deleted")]
    assert secret(names[0]) == first
    shown = cli("deploy", project).out
    assert f"webhook  {names[0]} unchanged · http" in shown
    assert first not in shown
    (project / "wasmfaas.toml").unlink()
    assert cli("deploy", project, "--json").json["webhooks"] == []
    assert cli("webhooks", "show", names[0]).status == 0, "nothing said what there should be"
    assert deployed(cli, project, "") == [(names[0], "deleted")]
    assert cli("webhooks", "show", names[2]).status == 0, "somebody made it by hand"
