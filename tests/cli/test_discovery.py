import json
from pathlib import Path

import pytest

from wasmfaas.cli.discovery import Address, locate
from wasmfaas.cli.failures import Failure, NoServer

URL = "http://127.0.0.1:3001"


@pytest.fixture
def running(tmp_path: Path) -> Path:
    (tmp_path / "server.json").write_text(json.dumps({"url": URL, "pid": 1, "version": "0.1.0"}))
    return tmp_path


def test_the_option_wins_over_everything(running: Path) -> None:
    environment = {"WASMFAAS_URL": "http://b:1"}
    assert locate("http://a:1/", running, environment) == Address("http://a:1", "--url")


def test_a_data_directory_on_the_command_line_wins_over_the_environment(running: Path) -> None:
    environment = {"WASMFAAS_URL": "http://b:1", "WASMFAAS_DATA_DIR": "/nowhere"}
    assert locate(None, running, environment).url == URL
    assert locate(None, None, environment) == Address("http://b:1", "WASMFAAS_URL")


def test_the_data_directory_comes_from_the_environment_or_the_default(running: Path) -> None:
    assert locate(None, None, {"WASMFAAS_DATA_DIR": str(running)}).url == URL


def test_the_default_data_directory_is_looked_at_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with pytest.raises(NoServer, match=f"no server at {tmp_path}/wasmfaas; start one with"):
        locate(None, None, {})


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "is not JSON"), ("[]", "names no url"), ('{"url": 3001}', "names no url")],
)
def test_a_broken_server_file_is_no_server(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "server.json").write_text(content)
    with pytest.raises(NoServer, match=message):
        locate(None, tmp_path, {})


@pytest.mark.parametrize("url", ["x", "localhost:3001", "ftp://a", "http://", "http://a:b"])
def test_what_is_not_a_url_is_refused_with_who_says_so(url: str) -> None:
    with pytest.raises(Failure, match=r"--url says .* a URL such as"):
        locate(url, None, {})
    with pytest.raises(Failure, match="WASMFAAS_URL says"):
        locate(None, None, {"WASMFAAS_URL": url})


@pytest.mark.parametrize("url", [URL, URL + "/", "http://localhost:3001"])
def test_a_url_of_the_server_on_the_data_directory_is_known_to_be_its(
    running: Path, url: str
) -> None:
    for found in (
        locate(url, running, {}),
        locate(None, None, {"WASMFAAS_URL": url, "WASMFAAS_DATA_DIR": str(running)}),
    ):
        assert (found.url, found.directory) == (url.rstrip("/"), running)
    other = url.replace("3001", "3002")
    assert locate(other, running, {}).directory is None
    assert locate(url.replace("http", "https"), running, {}).directory is None


def test_the_certificate_of_a_server_is_known(tmp_path: Path) -> None:
    members = {"url": "https://127.0.0.1:1", "tls_cert": "/cert.pem"}
    (tmp_path / "server.json").write_text(json.dumps(members))
    assert locate(None, tmp_path, {}).certificate == Path("/cert.pem")
