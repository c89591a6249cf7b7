"""Records usage and acknowledges each record, until it is killed."""

import sys
from pathlib import Path

from tests.store.test_ledger import usage
from wasmfaas.store.database import Database
from wasmfaas.store.ledger import Ledger


def main() -> None:
    database, journal = (Path(argument) for argument in sys.argv[1:])
    ledger = Ledger(Database.open(database), journal, segment_bytes_max=4096)
    number = 0
    while True:
        ledger.record(usage(number))
        print(number, flush=True)
        number += 1


if __name__ == "__main__":
    main()
