"""A hello whose start-up takes long: it imports much before it says anything."""

from collections.abc import Mapping

from bench import hello
from bench.hello import Package

PYPI = ("jinja2", "pyyaml")
_PYPI_MODULES = ("jinja2", "yaml")
_STANDARD_MODULES = (
    "argparse", "ast", "calendar", "configparser", "csv", "dataclasses", "datetime", "decimal",
    "difflib", "email.message", "fractions", "html.parser", "inspect", "logging", "pickle",
    "statistics", "tarfile", "textwrap", "urllib.parse", "zipfile",
)  # fmt: skip


def package(files: Mapping[str, bytes], mark: str) -> Package:
    """The hello that imports 20 standard modules and, where *files* has them, jinja2 and yaml."""
    modules = (*_STANDARD_MODULES, *(_PYPI_MODULES if files else ()))
    imports = "".join(f"import {module}\n" for module in modules)
    source = imports.encode() + hello.PYTHON_SOURCE.read_bytes() + f"\n# {mark}\n".encode()
    return hello.python_files({**files, "app.py": source})
