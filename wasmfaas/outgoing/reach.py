"""Where users may have messages sent to: by https:// to anybody in the internet, and further only
where the operator says so."""

from collections.abc import Iterable, Sequence
from typing import Final

from wasmfaas.origins import ANY, OriginPattern
from wasmfaas.outgoing.errors import UrlRefused
from wasmfaas.outgoing.urls import Target, shown_of, target_of

_PUBLIC: Final = OriginPattern("https", ANY, None)


class Reach:
    """Judges URLs. Lifetime: process.

    *private_origins* are patterns of origins; what they name may be on this machine or in a private
    network, and need not be https://.
    """

    def __init__(self, private_origins: Iterable[str]) -> None:
        listed = (OriginPattern.parse(each, private=True) for each in private_origins)
        self._patterns = (_PUBLIC, *listed)

    def judged(self, url: str) -> tuple[Target, Sequence[OriginPattern]]:
        """What *url* names, and what has to admit the address that it is at. Raises UrlRefused."""
        target = target_of(url)
        if "#" in url:
            raise UrlRefused(f"The URL {shown_of(url)!a} has a fragment.")
        patterns = [each for each in self._patterns if each.matches(target.origin)]
        if not patterns:
            raise UrlRefused(
                f"The URL {shown_of(url)!a} is not https://, and the operator has not listed its "
                "origin (webhook_private_origins)."
            )
        return target, patterns
