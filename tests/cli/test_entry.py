from collections.abc import Mapping

import pytest

from wasmfaas.cli.entry import Entry, find
from wasmfaas.cli.failures import Failure
from wasmfaas.cli.project import FunctionSettings

HANDLER = "def lambda_handler(event, context):\n    return event\n"


def found(files: Mapping[str, str], **chosen: str) -> Entry:
    settings = FunctionSettings(**chosen)  # type: ignore[arg-type]
    return find(list(files), lambda name: files[name].encode(), settings, "hello")


@pytest.mark.parametrize(
    "source",
    [
        HANDLER,
        "import os\n\n@decorated\nasync def lambda_handler(event, context): ...\n",
        "lambda_handler = make()\n",
        "lambda_handler: Handler = make()\n",
        "from other import lambda_handler\n",
        "from other import handle as lambda_handler\n",
        "template = t'not for the Python that runs this'\n" + HANDLER,
    ],
)
def test_the_only_file_that_defines_the_handler_is_found(source: str) -> None:
    files = {"hello.py": source, "helper.py": "x = 1\n", "lib/app.py": HANDLER}
    assert found(files) == Entry("hello.lambda_handler", "python3.14")


@pytest.mark.parametrize("source", ["# def lambda_handler\n", "    def lambda_handler(): ...\n"])
def test_a_mention_is_no_definition(source: str) -> None:
    with pytest.raises(Failure, match=r"no lambda_handler found in hello \(looked in hello.py\)"):
        found({"hello.py": source})


def test_conventional_names_come_first_in_their_order() -> None:
    files = {"a.py": HANDLER, "main.py": HANDLER, "lambda_function.py": HANDLER}
    assert found(files).handler == "lambda_function.lambda_handler"
    assert found(files | {"app.py": HANDLER}).handler == "app.lambda_handler"
    assert found(files | {"app.py": "x = 1"}).handler == "lambda_function.lambda_handler"


def test_several_definitions_need_a_choice() -> None:
    with pytest.raises(Failure, match=r"defined in a.py, b.py; say which one") as failure:
        found({"a.py": HANDLER, "b.py": HANDLER})
    assert failure.value.code == "HandlerNotFound"


@pytest.mark.parametrize(
    ("files", "handler"),
    [
        (["hello.wasm"], "hello"),
        (["bootstrap", "other.wasm"], "bootstrap"),
        (["bootstrap.wasm", "other.wasm", "data.txt"], "bootstrap"),
    ],
)
def test_a_package_without_python_is_a_module(files: list[str], handler: str) -> None:
    assert found(dict.fromkeys(files, "")) == Entry(handler, "provided.al2023")


def test_several_modules_need_a_choice() -> None:
    with pytest.raises(Failure, match=r"several modules \(a.wasm, b.wasm\)"):
        found({"a.wasm": "", "b.wasm": ""})
    assert found({"a.wasm": "", "b.wasm": ""}, handler="b") == Entry("b", "provided.al2023")


def test_python_that_brings_a_module_along_is_python() -> None:
    files = {"app.py": HANDLER, "filter.wasm": ""}
    assert found(files) == Entry("app.lambda_handler", "python3.14")
    assert found(files, handler="filter").runtime == "provided.al2023"


def test_sources_without_a_module_are_not_built_yet() -> None:
    with pytest.raises(Failure, match="build the module first"):
        found({"handler.c": "", "lib/app.py": HANDLER})
    with pytest.raises(Failure, match=r"neither bootstrap.wasm nor any other .wasm"):
        found({"handler.c": ""}, runtime="provided.al2023")


@pytest.mark.parametrize(
    ("handler", "file"),
    [("app.main", "app.py"), ("a.b.main", "a/b.py"), ("a.b.main", "a/b/__init__.py")],
)
def test_a_chosen_handler_is_taken_where_its_file_is_there(handler: str, file: str) -> None:
    assert found({file: "", "x.py": ""}, handler=handler) == Entry(handler, "python3.14")
    with pytest.raises(Failure, match=f"handler is '{handler}', but hello has neither"):
        found({"x.py": ""}, handler=handler)


@pytest.mark.parametrize("handler", ["main", ".main", "app."])
def test_a_handler_of_another_form_is_refused(handler: str) -> None:
    with pytest.raises(Failure, match=r"must be of the form module\.function"):
        found({"app.py": HANDLER}, handler=handler)


def test_a_runtime_that_is_not_offered_is_refused_with_those_that_are() -> None:
    with pytest.raises(Failure, match=r"'nodejs22.x', but must be one of python3.9, "):
        found({"app.py": HANDLER}, runtime="nodejs22.x")
    assert found({"app.py": HANDLER}, runtime="python3.9").runtime == "python3.9"
