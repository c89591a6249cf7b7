"""`wasmfaas queues list`, `create`, `show`, `send`, `receive`, `redrive`, `purge` and `delete`."""

import json as json_text
import sys
from typing import Annotated, Any, Final

import typer

from wasmfaas.cli import project
from wasmfaas.cli.failures import Failure
from wasmfaas.cli.figures import stamp, visible
from wasmfaas.cli.options import DataDir, Json, Url, session
from wasmfaas.cli.output import Output, Styled
from wasmfaas.cli.queueing import Queueing
from wasmfaas.cli.requests import Document

Queue = Annotated[str, typer.Argument(metavar="QUEUE", help="Name of the queue.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
_COUNTS: Final = {
    "ready": "ApproximateNumberOfMessages",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}
_BODY_CHARACTERS_MAX: Final = 4 * 1024 * 1024


def list_queues(url: Url = None, data_dir: DataDir = None, json: Json = False) -> None:
    """List the queues, with how many messages each has."""
    with session(url, data_dir) as client:
        queueing = Queueing(client)
        found = [_summary(name, queueing.attributes(name)) for name in queueing.names()]
    out = Output(json=json)
    if json:
        out.document({"queues": found})
    elif found:
        rows: list[list[str | Styled]] = [
            [
                (visible(each["name"]), "bold"),
                *(f"{each[count]:,}" for count in _COUNTS),
                each["dead_letters_to"] or "",
            ]
            for each in found
        ]
        out.table(("QUEUE", ">READY", ">IN FLIGHT", ">DELAYED", "DEAD LETTERS TO"), rows)
    else:
        out.line("No queues yet.", notes=True)


def create(
    name: Queue,
    dead_letters: Annotated[
        str | None,
        typer.Option(
            "--dead-letters", metavar="QUEUE", help="Where messages go that are received too often."
        ),
    ] = None,
    max_receives: Annotated[
        int, typer.Option("--max-receives", metavar="COUNT", help="How often that is.")
    ] = 3,
    attribute: Annotated[
        list[str] | None,
        typer.Option("--attribute", metavar="NAME=VALUE", help="Of SQS's; can be repeated."),
    ] = None,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Make a queue; one whose name ends with .fifo keeps its messages in order."""
    try:
        given = project.pairs(attribute or [], "--attribute")
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    with session(url, data_dir) as client:
        queueing = Queueing(client)
        queueing.create(name, {**given, "maxReceiveCount": str(max_receives)}, dead_letters)
        arn = queueing.arn(name)
    out = Output(json=json)
    if json:
        out.document({"name": name, "arn": arn})
    else:
        out.line(("✓ ", "green"), "queue ", (visible(name), "bold"))
        out.facts([("arn", arn)])


def show(name: Queue, url: Url = None, data_dir: DataDir = None, json: Json = False) -> None:
    """Show a queue: its messages by state, its settings, moves out of it."""
    with session(url, data_dir) as client:
        queueing = Queueing(client)
        attributes = queueing.attributes(name)
        sources, moves = queueing.sources(name), queueing.moves(name)
    out = Output(json=json)
    summary = _summary(name, attributes)
    if json:
        moved = [_move(each) for each in moves]
        out.document(summary | {"attributes": attributes, "sources": sources, "moves": moved})
        return
    out.line((visible(name), "bold"))
    facts: list[tuple[str, str | Styled]] = [
        ("messages", f"{summary['ready']:,} ready, {summary['in_flight']:,} in flight, "
                     f"{summary['delayed']:,} delayed"),
        ("arn", attributes["QueueArn"]),
        ("hidden for", f"{attributes['VisibilityTimeout']} s"),
        ("kept for", f"{attributes['MessageRetentionPeriod']} s"),
    ]  # fmt: skip
    if summary["dead_letters_to"]:
        receives = json_text.loads(attributes["RedrivePolicy"])["maxReceiveCount"]
        facts.append(("dead to", f"{summary['dead_letters_to']} after {receives} receives"))
    facts += [("dead from", visible(source)) for source in sources]
    facts += [("moved", _told(move)) for move in moves]
    out.facts(facts)


def send(
    name: Queue,
    body: Annotated[
        str | None, typer.Argument(metavar="[BODY]", help="The message; else standard input.")
    ] = None,
    group: Annotated[
        str | None, typer.Option("--group", metavar="ID", help="Message group; of FIFO queues.")
    ] = None,
    deduplication: Annotated[
        str | None,
        typer.Option("--deduplication", metavar="ID", help="Is sent once; of FIFO queues."),
    ] = None,
    delay: Annotated[
        int | None, typer.Option("--delay", metavar="SECONDS", help="Hidden at first.")
    ] = None,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Send a message."""
    text = sys.stdin.read(_BODY_CHARACTERS_MAX) if body is None else body
    members: dict[str, Any] = {
        "MessageGroupId": group,
        "MessageDeduplicationId": deduplication,
        "DelaySeconds": delay,
    }
    given = {key: value for key, value in members.items() if value is not None}
    with session(url, data_dir) as client:
        sent = Queueing(client).send(name, text, **given)
    out = Output(json=json)
    if json:
        out.document({"id": sent["MessageId"]})
    else:
        out.line(("✓ ", "green"), "sent ", sent["MessageId"])


def receive(
    name: Queue,
    limit: Annotated[
        int, typer.Option("--max", metavar="COUNT", min=1, max=1000, help="Messages at most.")
    ] = 1,
    wait: Annotated[
        int, typer.Option("--wait", metavar="SECONDS", min=0, max=20, help="For the first.")
    ] = 0,
    forget: Annotated[bool, typer.Option("--delete", help="Delete what is received.")] = False,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Receive messages, which are hidden from others for a while then."""
    with session(url, data_dir) as client:
        queueing = Queueing(client)
        found = queueing.receive(name, limit, wait)
        if forget:
            queueing.forget(name, found)
    out = Output(json=json)
    if json:
        out.document({"messages": [_message(each) for each in found]})
        return
    for each in found:
        message = _message(each)
        told = f"  sent {stamp(message['sent_at_ms'])}, received {message['receives']} times"
        out.line((message["id"], "bold"), (told, "dim"))
        out.line(visible(message["body"]))
    if not found:
        out.line("No message.", notes=True)


def redrive(
    name: Queue,
    target: Annotated[
        str | None,
        typer.Option("--to", metavar="QUEUE", help="Else where each message came from."),
    ] = None,
    rate: Annotated[
        int | None, typer.Option("--rate", metavar="COUNT", help="Messages per second; up to 500.")
    ] = None,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Move the messages of a dead-letter queue back."""
    with session(url, data_dir) as client:
        move = Queueing(client).redrive(name, target, rate)
    out = Output(json=json)
    if json:
        out.document(_move(move))
    else:
        count = move["ApproximateNumberOfMessagesToMove"]
        out.line(("✓ ", "green"), f"moving {count:,} {'message' if count == 1 else 'messages'}")
        out.line((f"  wasmfaas queues show {visible(name)} tells how far it is", "dim"))


def purge(
    name: Queue, yes: Yes = False, url: Url = None, data_dir: DataDir = None, json: Json = False
) -> None:
    """Delete all messages of a queue."""
    out = Output(json=json)
    with session(url, data_dir) as client:
        queueing = Queueing(client)
        count = _summary(name, queueing.attributes(name))["ready"]
        _confirm(out, yes, f"purging {name}", f"Delete the {count:,} messages of {name}?")
        queueing.purge(name)
    _done(out, name, "purged")


def delete(
    name: Queue, yes: Yes = False, url: Url = None, data_dir: DataDir = None, json: Json = False
) -> None:
    """Delete a queue with its messages."""
    out = Output(json=json)
    with session(url, data_dir) as client:
        queueing = Queueing(client)
        count = _summary(name, queueing.attributes(name))["ready"]
        _confirm(out, yes, f"deleting {name}", f"Delete {name} with its {count:,} messages?")
        queueing.delete(name)
    _done(out, name, "deleted")


def _confirm(out: Output, yes: bool, doing: str, question: str) -> None:
    if yes:
        return
    if not sys.stdin.isatty() or out.json:
        raise Failure("NotConfirmed", f"not {doing} without --yes")
    typer.confirm(question, abort=True, err=True)


def _done(out: Output, name: str, action: str) -> None:
    if out.json:
        out.document({"name": name, "action": action})
    else:
        out.line(("✓ ", "green"), f"{action} ", (visible(name), "bold"))


def _summary(name: str, attributes: dict[str, str]) -> Document:
    counts = {count: int(attributes[attribute]) for count, attribute in _COUNTS.items()}
    policy = json_text.loads(attributes.get("RedrivePolicy") or "{}")
    target = str(policy.get("deadLetterTargetArn", "")).rpartition(":")[2]
    return {"name": name, **counts, "dead_letters_to": target or None}


def _message(message: Document) -> Document:
    known = message["Attributes"]
    return {
        "id": message["MessageId"],
        "body": message["Body"],
        "sent_at_ms": int(known["SentTimestamp"]),
        "receives": int(known["ApproximateReceiveCount"]),
        "group": known.get("MessageGroupId"),
        "attributes": message.get("MessageAttributes") or {},
        "receipt_handle": message["ReceiptHandle"],
    }


def _move(move: Document) -> Document:
    return {
        "state": move["Status"],
        "to": str(move.get("DestinationArn") or "").rpartition(":")[2] or None,
        "moved": move["ApproximateNumberOfMessagesMoved"],
        "to_move": move["ApproximateNumberOfMessagesToMove"],
        "rate_per_s": move.get("MaxNumberOfMessagesPerSecond"),
        "failure": move.get("FailureReason"),
        "started_at_ms": move["StartedTimestamp"],
    }


def _told(move: Document) -> str:
    found = _move(move)
    failure = f", {found['failure']}" if found["failure"] else ""
    to = f" to {found['to']}" if found["to"] else ""
    return (
        f"{found['moved']:,} of {found['to_move']:,}{to}, {found['state'].lower()}{failure}, begun "
        f"{stamp(found['started_at_ms'])}"
    )
