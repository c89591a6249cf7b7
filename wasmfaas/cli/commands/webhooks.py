"""`wasmfaas webhooks list`, `create`, `show`, `delete`, `rotate` and `destination`."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from wasmfaas.cli.commands.secret import read_secret
from wasmfaas.cli.figures import age, visible
from wasmfaas.cli.hooks import Hooking
from wasmfaas.cli.options import DataDir, Json, Url, session
from wasmfaas.cli.output import Output, Styled
from wasmfaas.cli.requests import Document
from wasmfaas.hooks.definitions import KINDS, SIGNED
from wasmfaas.hooks.schemes import ALGORITHMS, ENCODINGS, PRESETS

_OWN = "With --signature custom"

HookName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the webhook.")]
Function = Annotated[
    str, typer.Option("--function", metavar="NAME", help="The function that gets what arrives.")
]
SomeFunction = Annotated[
    str | None, typer.Option("--function", metavar="NAME", help="Only those of this function.")
]
Qualifier = Annotated[
    str | None, typer.Option("--qualifier", metavar="ALIAS", help="A version or an alias of it.")
]
HookKind = Annotated[
    str,
    typer.Option(
        "--kind", metavar="KIND", help=f"{' or '.join(KINDS)}: notifications of an object store."
    ),
]
Signature = Annotated[
    str | None,
    typer.Option(
        "--signature", metavar="HOW", help=f"How it is signed: {', '.join(PRESETS)}."
    ),
]  # fmt: skip
FromStdin = Annotated[
    bool, typer.Option("--secret-stdin", help="Read the secret from stdin; else one is made up.")
]


def _option(flag: str, metavar: str, told: str) -> Any:
    return typer.Option(flag, metavar=metavar, help=told, rich_help_panel=_OWN)


Header = Annotated[str | None, _option("--header", "NAME", "Header that has the signature.")]
Prefix = Annotated[str | None, _option("--prefix", "TEXT", "What is before the signature.")]
Encoding = Annotated[str | None, _option("--encoding", "HOW", f"{' or '.join(ENCODINGS)}.")]
Algorithm = Annotated[str | None, _option("--algorithm", "NAME", f"{' or '.join(ALGORITHMS)}.")]
SignedText = Annotated[
    str | None,
    _option("--signed-text", "TEXT", "What is signed, with {body}, {timestamp} and {id} in it."),
]
TimestampHeader = Annotated[
    str | None, _option("--timestamp-header", "NAME", "Header that has the Unix time.")
]
IdHeader = Annotated[
    str | None, _option("--id-header", "NAME", "Header that has the delivery's id.")
]
Tolerance = Annotated[
    int | None, _option("--tolerance", "SECONDS", "How old what is signed may be; 300.")
]


def list_hooks(
    function: SomeFunction = None, url: Url = None, data_dir: DataDir = None, json: Json = False
) -> None:
    """List the webhooks, without their secrets."""
    with session(url, data_dir) as client:
        found = Hooking(client).all(function)
    out = Output(json=json)
    if json:
        out.document({"webhooks": found})
    elif found:
        now = datetime.now(UTC)
        rows: list[list[str | Styled]] = [
            [(each["name"], "bold"), _target(each), each["kind"], each["signature"],
             age(datetime.fromtimestamp(each["created_at_ms"] / 1000, UTC), now)]
            for each in found
        ]  # fmt: skip
        out.table(("NAME", "FUNCTION", "KIND", "SIGNATURE", "CREATED"), rows)
    else:
        out.line("No webhooks yet.", notes=True)


def create(
    name: HookName,
    function: Function,
    qualifier: Qualifier = None,
    kind: HookKind = SIGNED,
    signature: Signature = None,
    secret_stdin: FromStdin = False,
    header: Header = None,
    prefix: Prefix = None,
    encoding: Encoding = None,
    algorithm: Algorithm = None,
    signed_text: SignedText = None,
    timestamp_header: TimestampHeader = None,
    id_header: IdHeader = None,
    tolerance: Tolerance = None,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Create a webhook: what others post to it becomes an event of the function."""
    said = {
        "name": name, "function": function, "qualifier": qualifier, "kind": kind,
        "signature": signature, "header": header, "prefix": prefix, "encoding": encoding,
        "algorithm": algorithm, "signed_text": signed_text, "timestamp_header": timestamp_header,
        "id_header": id_header, "tolerance_s": tolerance,
        "secret": read_secret("secret").decode("utf-8", "replace") if secret_stdin else None,
    }  # fmt: skip
    members = {key: value for key, value in said.items() if value is not None}
    with session(url, data_dir) as client:
        hook = Hooking(client).create(members)
    _tell(Output(json=json), "created", hook)


def show(
    name: HookName,
    secret: Annotated[bool, typer.Option("--secret", help="Show its secret, too.")] = False,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Show one webhook."""
    with session(url, data_dir) as client:
        hook = Hooking(client).show(name, secret=secret)
    out = Output(json=json)
    if json:
        out.document(hook)
    else:
        out.facts(_facts(hook))


def delete(name: HookName, url: Url = None, data_dir: DataDir = None, json: Json = False) -> None:
    """Delete a webhook: what arrives from now on is answered with 404."""
    with session(url, data_dir) as client:
        hook = Hooking(client).delete(name)
    out = Output(json=json)
    if json:
        out.document(hook)
    else:
        out.line(("✓ ", "green"), "deleted ", (name, "bold"))


def rotate(
    name: HookName,
    overlap: Annotated[
        int,
        typer.Option("--overlap", metavar="SECONDS", help="How long the old one is good, too; 0."),
    ] = 0,
    secret_stdin: FromStdin = False,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Give a webhook a new secret."""
    given = read_secret("secret").decode("utf-8", "replace") if secret_stdin else None
    with session(url, data_dir) as client:
        hook = Hooking(client).rotate(name, given, overlap)
    _tell(Output(json=json), "rotated", hook)


def destination(
    address: Annotated[str, typer.Argument(metavar="URL", help="A webhook that results go to.")],
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Show the secret that messages to a destination are signed with."""
    with session(url, data_dir) as client:
        found = Hooking(client).destination(address)
    out = Output(json=json)
    if json:
        out.document(found)
    else:
        out.facts([("url", visible(found["url"])), ("secret", found["secret"])])


def _tell(out: Output, done: str, hook: Document) -> None:
    if out.json:
        out.document(hook)
        return
    out.line(("✓ ", "green"), f"{done} ", (hook["name"], "bold"))
    out.facts(_facts(hook))


def _facts(hook: Document) -> list[tuple[str, str | Styled]]:
    beside = {
        "name", "function", "qualifier", "kind", "signature", "url", "declared", "created_at_ms",
        "modified_at_ms", "secret",
    }  # fmt: skip
    facts: list[tuple[str, str | Styled]] = [
        ("url", (hook["url"], "cyan")),
        ("function", _target(hook)),
        ("kind", hook["kind"]),
        ("signature", hook["signature"]),
    ]
    facts += [
        (key.replace("_", " "), visible(str(value)))
        for key, value in hook.items()
        if key not in beside
    ]
    return facts + ([("secret", hook["secret"])] if "secret" in hook else [])


def _target(hook: Document) -> str:
    qualifier = hook.get("qualifier")
    return f"{hook['function']}:{qualifier}" if qualifier else str(hook["function"])
