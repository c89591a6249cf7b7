"""What keeps a benchmark, or a part of it, from being measured."""


class BenchFailure(Exception):
    """The benchmark cannot go on; the message says what went wrong and what to do."""


class NotMeasured(Exception):
    """One thing cannot be measured here; the message is the reason, for the report's `why`."""
