"""What the README says of commands and settings is what the code says."""

import re
import subprocess
import sys
from pathlib import Path

from wasmfaas import settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def rows(heading: str) -> list[tuple[str, ...]]:
    """The cells of the first table under *heading*."""
    section = README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = re.findall(r"^\| (.*) \|$", section, re.MULTILINE)
    return [tuple(cell.strip().strip("`") for cell in line.split(" | ")) for line in lines[1:]]


def test_every_setting_is_in_the_readme() -> None:
    expected = [(flag, default, help) for flag, _, default, help in settings.table()]
    assert rows("Settings") == expected


def test_every_command_is_in_the_readme() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "wasmfaas", "--help"], capture_output=True, text=True, check=True
    ).stdout
    commands = re.findall(r"^│ (\w+) +(\S.*?) +│$", shown, re.MULTILINE)
    for command, told in rows("Commands"):
        assert (command.removeprefix("wasmfaas "), told) in commands
    assert {f"wasmfaas {name}" for name, _ in commands} == {name for name, _ in rows("Commands")}


def test_the_result_is_within_twenty_lines() -> None:
    lines = README.splitlines()
    answer = next(number for number, line in enumerate(lines, 1) if line == '{"hello":"Ada"}')
    assert answer <= 20


def test_links_lead_somewhere() -> None:
    for path in (ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("guest-sdks/**/*.md")):
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
            assert (path.parent / link).exists(), f"{path.name}: {link}"
