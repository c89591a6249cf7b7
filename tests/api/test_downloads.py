import hashlib
from urllib.parse import urlsplit

import pytest

from wasmfaas.api.downloads import LIFETIME_S, PATH, CodeLinks
from wasmfaas.errors import AccessDenied

DIGEST = hashlib.sha256(b"zip").hexdigest()


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def token_of(links: CodeLinks) -> str:
    url = urlsplit(links.url(DIGEST, "localhost:3001"))
    assert (url.scheme, url.netloc) == ("http", "localhost:3001")
    assert url.path.startswith(PATH)
    return url.path.removeprefix(PATH)


def test_a_link_gives_access_to_its_package_for_ten_minutes() -> None:
    clock = Clock()
    links = CodeLinks(clock)
    token = token_of(links)
    clock.now += LIFETIME_S
    assert links.digest(token) == DIGEST
    clock.now += 1
    with pytest.raises(AccessDenied, match="expired: links work for 10 minutes"):
        links.digest(token)


def test_a_link_of_another_process_is_worth_nothing() -> None:
    with pytest.raises(AccessDenied, match="not made by this server"):
        CodeLinks(Clock()).digest(token_of(CodeLinks(Clock())))


def test_no_part_of_a_link_can_be_changed() -> None:
    links = CodeLinks(Clock())
    token = token_of(links)
    for at in range(len(token)):
        changed = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        with pytest.raises(AccessDenied):
            links.digest(changed)
    for wrong in ("", "A", "é", token[:-4], token + "AAAA", "A" * 96):
        with pytest.raises(AccessDenied):
            links.digest(wrong)
