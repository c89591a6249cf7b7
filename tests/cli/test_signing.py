"""Which access key a command signs with."""

import json
from pathlib import Path

import pytest

from wasmfaas.auth.signer import CREDENTIALS_FILE, Credentials
from wasmfaas.cli.failures import Failure
from wasmfaas.cli.signing import find

AWS = {"AWS_ACCESS_KEY_ID": "aws", "AWS_SECRET_ACCESS_KEY": "a"}
OWN = {"WASMFAAS_ACCESS_KEY_ID": "own", "WASMFAAS_SECRET_ACCESS_KEY": "o"}


def kept(directory: Path) -> Path:
    document = {"access_key_id": "kept", "secret_access_key": "k"}
    (directory / CREDENTIALS_FILE).write_text(json.dumps(document))
    return directory


def test_the_key_of_the_data_directory_wins_over_that_of_aws(tmp_path: Path) -> None:
    assert find(kept(tmp_path), AWS) == Credentials("kept", "k")
    assert find(kept(tmp_path), {**AWS, **OWN}) == Credentials("own", "o")


def test_elsewhere_the_key_is_in_the_environment(tmp_path: Path) -> None:
    for directory in (None, tmp_path):
        assert find(directory, AWS) == Credentials("aws", "a")
        assert find(directory, {}) is None
        assert find(directory, {"AWS_ACCESS_KEY_ID": "half"}) is None


@pytest.mark.parametrize("text", ["{", "[]", '{"access_key_id": "s3cret"}'])
def test_a_damaged_file_is_told_of_without_its_content(tmp_path: Path, text: str) -> None:
    (tmp_path / CREDENTIALS_FILE).write_text(text)
    with pytest.raises(Failure) as caught:
        find(tmp_path, AWS)
    assert caught.value.code == "NoCredentials"
    assert "s3cret" not in caught.value.message
