"""Checks the examples that the op definitions name: each exists, parses, and survives text, generic form and bytecode.

Usage: check_doc_examples.py <source folder> <et-opt>
"""

import pathlib
import re
import subprocess
import sys


def run(tool: str, arguments: list[str], stdin: bytes) -> bytes:
    return subprocess.run([tool, *arguments], input=stdin, stdout=subprocess.PIPE, check=True).stdout


def main() -> None:
    source, tool = pathlib.Path(sys.argv[1]), sys.argv[2]
    definitions = sorted((source / "include/et").rglob("*.td"))
    named = {m for td in definitions for m in re.findall(r"\(\* example: (\S+) \*\)", td.read_text())}
    folder = "test/Dialect/ET/doc"
    for name in sorted(path for path in named if path.startswith(folder)):
        text = run(tool, [], (source / name).read_bytes())
        for form in ([], ["--mlir-print-op-generic"], ["--emit-bytecode"]):
            assert run(tool, [], run(tool, form, text)) == text, f"{name} changes on its way through {form}"
        print(f"{pathlib.Path(name).stem}: ok")
    for path in sorted((source / folder).glob("*.mlir")):
        assert f"{folder}/{path.name}" in named, f"no definition names the example {path.name}"


main()
