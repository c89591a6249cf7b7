"""Packages that are installed here, as files of a function's package."""

from importlib.metadata import distribution

FLASK = ("flask", "werkzeug", "jinja2", "markupsafe", "click", "blinker", "itsdangerous")
STARLETTE = ("starlette", "anyio", "idna", "typing_extensions")


def files_of(*names: str) -> dict[str, bytes]:
    """The modules of the distributions *names*, and what says that these are installed."""
    found = {}
    for name in names:
        for file in distribution(name).files or ():
            wanted = file.suffix == ".py" or file.name in ("METADATA", "py.typed")
            if wanted and ".." not in file.parts:
                found[str(file)] = file.read_binary()
    return found
