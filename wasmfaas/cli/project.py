"""What a function is to be configured with: `wasmfaas.toml`, then flags."""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from wasmfaas.cli import building, hook_settings, schedule_settings
from wasmfaas.cli.building import BuildSettings
from wasmfaas.cli.failures import Failure
from wasmfaas.cli.hook_settings import HookSettings, WrongWebhook
from wasmfaas.cli.schedule_settings import ScheduleSettings, WrongSchedule
from wasmfaas.cli.sources import PROJECT_FILE
from wasmfaas.errors import InvalidParameterValue
from wasmfaas.models import Isolation
from wasmfaas.permissions import Permissions


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSettings:
    """What someone wants a function to be. None: not said, so what is deployed stays, or the
    default holds. `exclude` and `build` only concern packaging."""

    name: str | None = None
    handler: str | None = None
    runtime: str | None = None
    memory_mb: int | None = None
    timeout_s: int | None = None
    isolation: str | None = None
    description: str | None = None
    fuel_max: int | None = None
    tmp_mb: int | None = None
    environment: Mapping[str, str] | None = None
    tags: Mapping[str, str] | None = None
    layers: tuple[str, ...] | None = None
    #: As the server keeps them.
    permissions: Mapping[str, Any] | None = None
    #: Those that a deploy is to make; None where nothing says which.
    schedules: tuple[ScheduleSettings, ...] | None = None
    #: Likewise.
    webhooks: tuple[HookSettings, ...] | None = None
    exclude: tuple[str, ...] = ()
    build: BuildSettings | None = None

    def overridden(self, **chosen: Any) -> "FunctionSettings":
        """A copy with those of *chosen* that are not None."""
        return replace(self, **{key: value for key, value in chosen.items() if value is not None})


_TABLES = ("environment", "tags", "permissions", "package", "build")
_SCALARS = {
    "name": str,
    "handler": str,
    "runtime": str,
    "memory_mb": int,
    "timeout_s": int,
    "isolation": str,
    "description": str,
    "fuel_max": int,
    "tmp_mb": int,
}
_LISTS = ("layers",)
_SCHEDULE = "schedule"
_WEBHOOK = "webhook"
_PACKAGE = ("exclude",)
_BUILD = ("language", "command", "output")
_HEADER = re.compile(r"\s*\[+([^\]]+)\]")
_SETTING = re.compile(r"\s*([^=#\[\]{}]+?)\s*=")
_NOUNS = {str: "a string", int: "a whole number", dict: "a table", list: "a list"}


def load(folder: Path) -> FunctionSettings:
    """The settings in *folder*'s wasmfaas.toml; empty ones where there is none.

    Raises Failure for a file that does not parse, and for unknown keys and wrong types, with the
    line.
    """
    path = folder / PROJECT_FILE
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return FunctionSettings()
    except UnicodeDecodeError:
        raise _wrong(f"{path} is not UTF-8 text") from None
    except OSError as error:
        raise _wrong(f"cannot read {path}: {error.strerror}") from None
    return parse(text, str(path))


def parse(text: str, shown: str) -> FunctionSettings:
    """The settings in *text*, the content of a wasmfaas.toml that messages call *shown*."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _wrong(f"{shown} is not TOML: {error}") from None
    return _Reader(text, shown).settings(document)


class _Reader:
    """Checks one document. Knows the text only to tell lines."""

    def __init__(self, text: str, shown: str) -> None:
        self._lines = text.splitlines()
        self._shown = shown

    def settings(self, document: Mapping[str, Any]) -> FunctionSettings:
        self._known(document, (*_SCALARS, *_LISTS, *_TABLES, _SCHEDULE, _WEBHOOK), "")
        chosen: dict[str, Any] = {}
        for key, value in document.items():
            if key in _SCALARS:
                chosen[key] = self._typed(key, value, _SCALARS[key], "")
            elif key in _LISTS:
                chosen[key] = self._strings(key, value)
            elif key in (_SCHEDULE, _WEBHOOK):
                continue
            else:
                chosen[key] = self._typed(key, value, dict, "")
        for table in ("environment", "tags"):
            for key, value in chosen.get(table, {}).items():
                self._typed(key, value, str, table)
        package = chosen.pop("package", {})
        self._known(package, _PACKAGE, "package")
        chosen["exclude"] = self._patterns(package.get("exclude", []))
        if "build" in chosen:
            chosen["build"] = self._build(chosen["build"])
            chosen["exclude"] += building.left_behind(chosen["build"])
        self._isolation(chosen.get("isolation"))
        if "permissions" in chosen:
            chosen["permissions"] = self._permissions(chosen["permissions"])
        chosen["schedules"] = self._schedules(document.get(_SCHEDULE, []))
        chosen["webhooks"] = self._webhooks(document.get(_WEBHOOK, []))
        return FunctionSettings(**chosen)

    def _known(
        self, table: Mapping[str, Any], known: tuple[str, ...], inside: str, number: int = 0
    ) -> None:
        for key in table:
            if key in known:
                continue
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            advice = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}."
            message = f"unknown key {_dotted(inside, key)!r}; {advice}"
            raise self._at(key, inside, message, number)

    def _typed(self, key: str, value: Any, kind: type, inside: str) -> Any:
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return value
        message = f"{_dotted(inside, key)} is {value!r}, but must be {_NOUNS[kind]}"
        if kind is str and isinstance(value, (int, float, bool)):
            message += f'; write "{str(value).lower() if isinstance(value, bool) else value}"'
        raise self._at(key, inside, message)

    def _strings(self, key: str, value: Any) -> tuple[str, ...]:
        for item in self._typed(key, value, list, ""):
            if not isinstance(item, str):
                raise self._at(key, "", f"{key} holds {item!r}, but must hold strings")
        return tuple(value)

    def _patterns(self, value: Any) -> tuple[str, ...]:
        self._typed("exclude", value, list, "package")
        for pattern in value:
            if not isinstance(pattern, str) or not pattern.strip("/"):
                message = f"package.exclude holds {pattern!r}, but must hold patterns such as '*.c'"
                raise self._at("exclude", "package", message)
        return tuple(value)

    def _build(self, table: Mapping[str, Any]) -> BuildSettings:
        self._known(table, _BUILD, "build")
        for key, value in table.items():
            self._typed(key, value, str, "build")
        settings = BuildSettings(**table)
        if settings.language is not None and settings.language not in building.LANGUAGES:
            known = ", ".join(building.LANGUAGES)
            message = f"build.language is {settings.language!r}, but must be one of {known}"
            raise self._at("language", "build", message)
        if settings.language is None and settings.command is None:
            raise self._at("build", "", "[build] needs a language, or a command")
        return settings

    def _isolation(self, value: str | None) -> None:
        if value is not None and value not in list(Isolation):
            known = ", ".join(Isolation)
            message = f"isolation is {value!r}, but must be one of {known}"
            raise self._at("isolation", "", message)

    def _permissions(self, table: Mapping[str, Any]) -> Mapping[str, Any]:
        for key, value in table.items():
            try:
                Permissions.of({key: value})
            except InvalidParameterValue as error:
                raise self._at(key, "permissions", error.message.removesuffix(".")) from None
        return Permissions.of(table).document()

    def _schedules(self, tables: Any) -> tuple[ScheduleSettings, ...]:
        """The file says which schedules there are: without any, there are none."""
        if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
            raise self._at(_SCHEDULE, "", "schedules are tables; write [[schedule]] above each")
        found: dict[str, ScheduleSettings] = {}
        for number, table in enumerate(tables):
            self._known(table, schedule_settings.KEYS, _SCHEDULE, number)
            try:
                schedule = schedule_settings.read(table)
                if schedule.name in found:
                    raise WrongSchedule("name", f"{schedule.name!r} is given twice")
            except WrongSchedule as wrong:
                message = f"{_SCHEDULE}.{wrong.key} {wrong}"
                raise self._at(wrong.key, _SCHEDULE, message, number) from None
            found[schedule.name] = schedule
        return tuple(found.values())

    def _webhooks(self, tables: Any) -> tuple[HookSettings, ...]:
        """Likewise."""
        if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
            raise self._at(_WEBHOOK, "", "webhooks are tables; write [[webhook]] above each")
        found: dict[str, HookSettings] = {}
        for number, table in enumerate(tables):
            self._known(table, hook_settings.KEYS, _WEBHOOK, number)
            try:
                hook = hook_settings.read(table)
                if hook.name in found:
                    raise WrongWebhook("name", f"name is {hook.name!r}, which is given twice")
            except WrongWebhook as wrong:
                raise self._at(wrong.key, _WEBHOOK, f"{_WEBHOOK}.{wrong}", number) from None
            found[hook.name] = hook
        return tuple(found.values())

    def _at(self, key: str, inside: str, message: str, number: int = 0) -> Failure:
        line = self._line(key, inside, number)
        return _wrong(f"{self._shown}{f', line {line}' if line else ''}: {message}")

    def _line(self, key: str, inside: str, number: int) -> int | None:
        """Where *key* is set, as far as a look at the text can tell; in the table *inside* of that
        *number* among those of the same name."""
        settings = list(self._settings())
        heads = [
            at for at, (_, table, name) in enumerate(settings) if (table, name) == ("", inside)
        ]
        if inside and number < len(heads):
            following = heads[number + 1] if number + 1 < len(heads) else len(settings)
            settings = settings[heads[number] : following]
        wanted = [(inside, key), ("", f"{inside}.{key}"), ("", inside)] if inside else [("", key)]
        for table, name in wanted:
            for line, found_table, found in settings:
                if found_table == table and (found == name or found.startswith(f"{name}.")):
                    return line
        return None

    def _settings(self) -> Iterator[tuple[int, str, str]]:
        """Line, table and key of everything that looks like a setting or a table's header."""
        table = ""
        for number, line in enumerate(self._lines, start=1):
            if header := _HEADER.match(line):
                table = _unquoted(header[1])
                yield number, "", table
            elif setting := _SETTING.match(line):
                yield number, table, _unquoted(setting[1])


def _unquoted(key: str) -> str:
    return key.replace('"', "").replace("'", "").replace(" ", "")


def _dotted(inside: str, key: str) -> str:
    return f"{inside}.{key}" if inside else key


def _wrong(message: str) -> Failure:
    return Failure("InvalidProject", message)


def pairs(written: list[str], flag: str) -> dict[str, str]:
    """`["A=1", "B=2"]`, as *flag* was given, as a mapping.

    Raises ValueError with a message for people.
    """
    chosen = {}
    for text in written:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise ValueError(f"{flag} {text!r} is not of the form KEY=VALUE")
        chosen[key] = value
    return chosen


def known_keys() -> tuple[str, ...]:
    """Every key of wasmfaas.toml, for the documentation: top level, tables, then [package]."""
    assert {field.name for field in fields(FunctionSettings)} >= set(_SCALARS)
    inner = [f"package.{key}" for key in _PACKAGE]
    inner += [f"{_SCHEDULE}.{key}" for key in schedule_settings.KEYS]
    inner += [f"{_WEBHOOK}.{key}" for key in hook_settings.KEYS]
    inner += [f"build.{key}" for key in _BUILD]
    return (*_SCALARS, *_LISTS, *_TABLES, *inner)


def name_of(path: Path) -> str:
    """A function's name made of the last part of *path*.

    Raises Failure where no letter or digit is in it.
    """
    resolved = path.resolve()
    part = resolved.name if resolved.is_dir() else resolved.stem
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", part).strip("-")[:64]
    if not name:
        raise Failure("NoName", f"no name can be made of {str(path)!r}; give one with --name")
    return name
