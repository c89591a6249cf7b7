"""Code from an object store: a small real one, that checks signatures as botocore makes them."""

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.api.harness import PACKAGE, Harness, refused
from wasmfaas.declaration import InvalidSetting
from wasmfaas.settings import Settings, load

KEY_ID, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "token/+="
ODD_KEY = "dir with space/ünï+code&?#%2F~*.zip"
ODD_PATH = "/bucket/dir%20with%20space/%C3%BCn%C3%AF%2Bcode%26%3F%23%252F~%2A.zip"
MISSING_BUCKET = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchBucket</Code>'
    "<Message>The specified bucket does not exist</Message><BucketName>b</BucketName></Error>"
)
MISSING_KEY = (
    "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"
)


@dataclass
class ObjectStore:
    """What is stored, by path and query, and what was asked."""

    url: str = ""
    #: Status, headers and body by target.
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def put(self, target: str, body: bytes = PACKAGE, status: int = 200, **headers: str) -> None:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[target] = (status, fields, body)


def is_signed(handler: http.server.BaseHTTPRequestHandler, url: str) -> bool:
    """Whether botocore would have signed the request the same way."""
    found = handler.headers
    request = AWSRequest("GET", url + handler.path)
    for name in ("x-amz-content-sha256", "x-amz-date", "x-amz-security-token"):
        request.headers[name] = found[name]
    request.context["timestamp"] = found["x-amz-date"]
    auth = S3SigV4Auth(Credentials(KEY_ID, SECRET, TOKEN), "s3", "us-east-1")
    text = auth.string_to_sign(request, auth.canonical_request(request))
    return found["authorization"].endswith(f"Signature={auth.signature(text, request)}")


@pytest.fixture(scope="module")
def running() -> Iterator[ObjectStore]:
    store = ObjectStore()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            store.asked.append(self.path)
            status, headers, body = store.answers.get(self.path, (404, {}, MISSING_KEY.encode()))
            if not is_signed(self, store.url):
                status, body = 403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>"
            self.send_response(status)
            for name, value in ({"content-length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    store.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield store
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def store(running: ObjectStore) -> ObjectStore:
    running.answers.clear()
    running.asked.clear()
    return running


@pytest.fixture(scope="module")
def connected(running: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    harness = Harness(
        tmp_path_factory.mktemp("objects") / "data",
        s3_endpoint_url=running.url,
        s3_access_key_id=KEY_ID,
        s3_secret_access_key=SECRET,
        s3_session_token=TOKEN,
        zipped_bytes_max=100_000,
    )
    yield harness
    harness.close()


def located(key: str = "code.zip", **members: str) -> dict[str, str]:
    return {"S3Bucket": "bucket", "S3Key": key} | members


def test_functions_and_layers_come_from_objects(connected: Harness, store: ObjectStore) -> None:
    store.put("/bucket/code.zip")
    store.put("/bucket/code.zip?versionId=a%2Fb%3D%2B")
    store.put(ODD_PATH)
    client = connected.client()
    created = connected.create("f", Code=located())
    assert created["CodeSize"] == len(PACKAGE)
    versioned = located(S3ObjectVersion="a/b=+", S3ObjectStorageMode="COPY")
    assert client.update_function_code(FunctionName="f", **versioned)["CodeSize"] == len(PACKAGE)
    layer = client.publish_layer_version(LayerName="a", Content=located(ODD_KEY))
    assert layer["Content"]["CodeSha256"] == created["CodeSha256"]
    assert store.asked == list(store.answers)


@pytest.mark.parametrize(
    ("status", "body", "code", "said"),
    [
        (404, MISSING_KEY, "InvalidParameterValueException",
         "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The "
         "specified key does not exist."),
        (404, MISSING_BUCKET, "InvalidParameterValueException",
         "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The "
         "specified bucket does not exist"),
        (403, "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
         "AccessDeniedException",
         "Your access has been denied by S3, please make sure your request credentials have "
         "permission to GetObject for bucket/code.zip. S3 Error Code: AccessDenied. S3 Error "
         "Message: Access Denied"),
        (403, "", "AccessDeniedException",
         "Your access has been denied by S3, please make sure your request credentials have "
         "permission to GetObject for bucket/code.zip. S3 Error Code: HTTP 403. S3 Error "
         "Message: none was given."),
        (500, "<html>" * 100_000, "InvalidParameterValueException",
         "Error occurred while GetObject. S3 Error Code: HTTP 500. S3 Error Message: none was "
         "given."),
    ],
)  # fmt: skip
def test_refusals_are_told_in_lambdas_words(
    connected: Harness, store: ObjectStore, status: int, body: str, code: str, said: str
) -> None:
    store.put("/bucket/code.zip", body.encode(), status)
    assert refused(code, connected.create, name="g", Code=located()) == said


def test_a_redirect_is_not_followed(connected: Harness, store: ObjectStore) -> None:
    store.put("/bucket/code.zip", b"", 307, location=f"{store.url}/bucket/other.zip")
    store.put("/bucket/other.zip")
    said = refused("InvalidParameterValueException", connected.create, name="g", Code=located())
    assert "S3 Error Code: HTTP 307." in said
    assert store.asked == ["/bucket/code.zip"]


@pytest.mark.parametrize(
    "headers", [{}, {"content_length": "999999999999"}, {"content_encoding": "gzip"}]
)
def test_an_object_is_bounded_while_it_is_read(
    connected: Harness, store: ObjectStore, headers: dict[str, str]
) -> None:
    store.put("/bucket/code.zip", b"x" * 100_001, **headers)
    said = refused("RequestEntityTooLargeException", connected.create, name="g", Code=located())
    assert said == "Zipped size must be smaller than 100000 bytes"


def test_what_is_no_package_or_ends_early_is_refused(
    connected: Harness, store: ObjectStore
) -> None:
    store.put("/bucket/code.zip", b"no zip")
    said = refused("InvalidParameterValueException", connected.create, name="g", Code=located())
    assert said.startswith("Could not unzip uploaded file.")
    store.put("/bucket/code.zip", b"short", content_length="50")
    said = refused("ServiceException", connected.create, name="g", Code=located())
    assert f"The object store at {store.url} (the server's setting s3_endpoint_url)" in said


@pytest.mark.parametrize("key", ["../other/code.zip", "a/../../b", "a/./b", ".."])
def test_no_key_leads_out_of_its_bucket(connected: Harness, store: ObjectStore, key: str) -> None:
    refused("InvalidParameterValueException", connected.create, name="g", Code=located(key))
    assert store.asked == []


def test_what_names_no_object_is_refused(connected: Harness, store: ObjectStore) -> None:
    code, create = "InvalidParameterValueException", connected.create
    for source in ({"S3Bucket": "bucket"}, {"S3Key": "key"}, {}):
        said = refused(code, create, name="g", Code=source)
        assert said == "Please provide a source for function code."
    said = refused(code, create, name="g", Code=located() | {"ZipFile": PACKAGE})
    assert said.startswith("Please do not provide other FunctionCode parameters")
    said = refused(code, create, name="g", Code=located(S3ObjectStorageMode="REFERENCE"))
    assert said.startswith("S3ObjectStorageMode REFERENCE is not supported")
    said = refused(code, create, name="g", Code={"ImageUri": "x"})
    assert said.startswith("ImageUri x is not supported")
    assert store.asked == []


def test_without_an_object_store_the_setting_is_named(harness: Harness) -> None:
    said = refused("InvalidParameterValueException", harness.create, name="f", Code=located())
    assert "its setting s3_endpoint_url is empty" in said


def test_an_object_store_that_is_not_there_is_told(tmp_path: Path) -> None:
    harness = Harness(tmp_path / "data", s3_endpoint_url="http://127.0.0.1:1")
    try:
        said = refused("ServiceException", harness.create, name="f", Code=located())
        assert said.startswith("The object store at http://127.0.0.1:1 ")
    finally:
        harness.close()


@pytest.mark.parametrize(
    "url",
    ["ftp://host", "host:9000", "http://", "http://user:secret@host", "http://host/path",
     "http://host?x", "http://host:x", "http://[::1"],
)  # fmt: skip
def test_an_endpoint_is_an_address_and_nothing_more(url: str) -> None:
    with pytest.raises(InvalidSetting, match="s3_endpoint_url is") as caught:
        Settings(s3_endpoint_url=url)
    assert "secret" not in str(caught.value)


def test_secrets_are_shown_nowhere() -> None:
    environment = {
        "WASMFAAS_S3_ACCESS_KEY_ID": KEY_ID, "WASMFAAS_S3_SECRET_ACCESS_KEY": SECRET
    }  # fmt: skip
    settings = load(environment, {})
    assert settings.s3_secret_access_key == SECRET
    assert SECRET not in repr(settings)
    with pytest.raises(InvalidSetting, match="need each other"):
        Settings(s3_secret_access_key=SECRET)
    assert urlsplit(Settings(s3_endpoint_url="https://[::1]:9000/").s3_endpoint_url).port == 9000
