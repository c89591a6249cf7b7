"""Signs requests to a server of ours: what the command line, and whoever else speaks plain HTTP to
it, need in place of an SDK."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wasmfaas.auth.sigv4 import AMZ_DATE, TIME_FORMAT, Request, Scope, authorization

#: In the data directory: an admin key, for the command line on the same machine.
CREDENTIALS_FILE = "credentials.json"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key as its holder has it. `repr` leaves the secret out."""

    access_key_id: str
    secret: str = field(repr=False)

    @classmethod
    def read(cls, directory: Path) -> "Credentials":
        """The credentials in the data *directory*. Raises OSError and ValueError."""
        document = json.loads((directory / CREDENTIALS_FILE).read_bytes())
        try:
            return cls(str(document["access_key_id"]), str(document["secret_access_key"]))
        except (KeyError, TypeError):
            raise ValueError(f"{directory / CREDENTIALS_FILE} holds no credentials") from None


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs for one server. *clock* gives Unix time in seconds."""

    credentials: Credentials
    region: str
    service: str = "lambda"
    clock: Callable[[], float] = time.time

    def headers(
        self, method: str, target: bytes, headers: Mapping[str, str], body: bytes = b""
    ) -> dict[str, str]:
        """The headers to add to a request for *target*, the path with the query as sent.

        *headers* are its own, `Host` among them.
        """
        timestamp = time.strftime(TIME_FORMAT, time.gmtime(self.clock()))
        raw_path, _, query = target.partition(b"?")
        fields = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        request = Request(method, raw_path, query, [*fields, (AMZ_DATE, timestamp.encode())])
        signed = authorization(
            request,
            body,
            access_key_id=self.credentials.access_key_id,
            secret=self.credentials.secret,
            timestamp=timestamp,
            scope=Scope(timestamp[:8], self.region, self.service),
        )
        return {"X-Amz-Date": timestamp, "Authorization": signed}
