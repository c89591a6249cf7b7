"""Event patterns as EventBridge has them: what of an event has to be how, as JSON."""

from wasmfaas.patterns.parser import InvalidPattern, Pattern, parse
from wasmfaas.patterns.tree import EventTooComplex

__all__ = ["EventTooComplex", "InvalidPattern", "Pattern", "parse"]
