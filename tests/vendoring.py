"""Packages that are installed here, as files of a function's package."""

from importlib.metadata import distribution

FLASK = ("flask", "werkzeug", "jinja2", "markupsafe", "click", "blinker", "itsdangerous")
STARLETTE = ("starlette", "anyio", "idna", "typing_extensions")

REQUESTS = ("requests", "urllib3", "certifi", "idna", "charset-normalizer")
HTTPX = ("httpx", "httpcore", "h11", "certifi", *STARLETTE[1:])
#: With the extra `tracer`: the X-Ray SDK imports botocore.
POWERTOOLS = (
    "aws-lambda-powertools", "jmespath", "typing_extensions",
    "aws-xray-sdk", "wrapt", "botocore", "python-dateutil", "six", "urllib3",
)  # fmt: skip


def files_of(*names: str) -> dict[str, bytes]:
    """The modules of the distributions *names*, and what says that these are installed."""
    found = {}
    for name in names:
        for file in distribution(name).files or ():
            wanted = file.suffix in (".py", ".pem", ".json")
            wanted = wanted or file.name in ("METADATA", "py.typed")
            # What botocore knows of every service of AWS is a hundred megabytes.
            if wanted and ".." not in file.parts and file.parts[:2] != ("botocore", "data"):
                found[str(file)] = file.read_binary()
    return found
