"""Makes functions of programs in Go."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.guest_sdks.toolchain import SDKS, build_go, built

SDK = "github.com/wasmfaas/wasmfaas/guest-sdks/go"
_MODULE = f"""module programs

go 1.24

require {SDK} v0.1.0

replace {SDK} => {SDKS / "go"}
"""
_MAIN = """package main

import "os"
{imports}

func init() {{
	switch os.Getenv("_HANDLER") {{
{cases}
	}}
}}

func main() {{}}
"""


def programs(sources: Mapping[str, Path], cache_dir: Path) -> Mapping[str, bytes]:
    """The package of one module with all programs, chosen by the Handler: each is made a package
    of its own, whose `init` is called where it is the one."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, source in sources.items():
            text = source.read_text().replace("package main", f"package {name}")
            text = text.replace("func init() { wasmfaas.Start", "func Start() { wasmfaas.Start")
            (folder / name).mkdir()
            (folder / name / "program.go").write_text(text)
        imports = "\n".join(f'import {name}_ "programs/{name}"' for name in sources)
        cases = "\n".join(f"\tcase {json.dumps(name)}: {name}_.Start()" for name in sources)
        (folder / "go.mod").write_text(_MODULE)
        (folder / "main.go").write_text(_MAIN.format(imports=imports, cases=cases))
        return built(lambda output: build_go(folder, cache_dir, output))
