"""Which URLs users may have messages sent to."""

import ipaddress

import pytest

from wasmfaas.outgoing.addresses import admits
from wasmfaas.outgoing.errors import UrlRefused
from wasmfaas.outgoing.reach import Reach

URL = "https://internal.example/hook"


def reaches(reach: Reach, url: str, address: str) -> bool:
    _, patterns = reach.judged(url)
    return any(admits(pattern, ipaddress.ip_address(address)) for pattern in patterns)


def test_the_internet_is_for_everybody_and_the_rest_for_listed_origins() -> None:
    assert reaches(Reach(()), URL, "93.184.216.34")
    assert not reaches(Reach(()), URL, "10.0.0.1")
    for other in ("https://internal.example:444", "http://internal.example", "https://x.example"):
        assert not reaches(Reach([other]), URL, "10.0.0.1")
    for same in ("https://internal.example", "https://internal.example:443", "https://*.example"):
        assert reaches(Reach([same]), URL, "10.0.0.1")
        assert reaches(Reach([same]), URL, "127.0.0.1")
        assert not reaches(Reach([same]), URL, "169.254.169.254")


def test_http_is_for_listed_origins() -> None:
    with pytest.raises(UrlRefused, match="webhook_private_origins"):
        Reach(["http://other.example"]).judged("http://internal.example/")
    target, _ = Reach(["http://internal.example:8080"]).judged("http://internal.example:8080/a?b")
    assert (target.origin.authority, target.path) == ("internal.example:8080", b"/a?b")


@pytest.mark.parametrize(
    "url",
    ["", "ftp://e.com/", "https://", "https:///p", "https://e.com:0/", "https://e.com:99999/",
     "https://u:p@e.com/", "https://u@e.com/", "https://e.com/#f", "http://e.com/",
     "https://e.com/a b", "https://e.com\\@x/", "https://e.com/\n", "//e.com"],
)  # fmt: skip
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(UrlRefused):
        Reach(()).judged(url)
