"""Receipt handles: they name one receive of one message of one queue, and cannot be guessed."""

import base64
import binascii
import re
import secrets
from dataclasses import dataclass
from typing import Final

from wasmfaas.queue_errors import ReceiptHandleInvalid

_CHARACTERS_MAX: Final = 1024
_PARTS: Final = re.compile(
    r"(?P<queue>[A-Za-z0-9_.-]{1,80})/(?P<contents>[0-9a-f]{32})/(?P<number>\d{1,18})"
    r"/(?P<receipt>[0-9a-f]{32})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Handle:
    """What a receipt handle says."""

    queue: str
    contents_id: str
    number: int
    receipt: str

    def __str__(self) -> str:
        text = f"{self.queue}/{self.contents_id}/{self.number}/{self.receipt}"
        return base64.urlsafe_b64encode(text.encode()).decode()

    @classmethod
    def read(cls, text: str, queue: str) -> "Handle":
        """The handle *text*; raises ReceiptHandleInvalid for what is none of the queue *queue*."""
        try:
            raw = base64.b64decode(text[:_CHARACTERS_MAX].encode(), altchars=b"-_", validate=True)
            found = _PARTS.fullmatch(raw.decode("ascii"))
        except (ValueError, binascii.Error):
            found = None
        if found is None or found["queue"] != queue:
            raise ReceiptHandleInvalid(
                f'The input receipt handle "{text[:200]}" is not a valid receipt handle.'
            )
        return cls(found["queue"], found["contents"], int(found["number"]), found["receipt"])


def new_receipt() -> str:
    """A secret for one receive."""
    return secrets.token_hex(16)
