"""ARNs of queues and topics: `arn:PARTITION:SERVICE:REGION:ACCOUNT:NAME`."""

import re
from dataclasses import dataclass

#: The longest name is a topic's; a queue's has at most 80 characters.
_ARN = re.compile(
    r"arn:(aws[a-zA-Z-]*):(sqs|sns):([a-z0-9-]{1,63}):(\d{12}):([A-Za-z0-9_-]{1,256}(?:\.fifo)?)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class MessageArn:
    """The ARN of a queue (`sqs`) or a topic (`sns`)."""

    partition: str
    service: str
    region: str
    account_id: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "MessageArn | None":
        """The ARN that *text* is; None where it is that of something else, or none."""
        found = _ARN.fullmatch(text)
        return None if found is None else cls(*found.groups())

    @property
    def is_fifo(self) -> bool:
        """Whether messages have to name their group."""
        return self.name.endswith(".fifo")

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account_id}:{self.name}"
