"""Runs cases with the package of one checkout and keeps every byte that comes out; it imports nothing of the tests.

`python worker.py CHECKOUT JOB.json`: the job names the folders and the cases; the answer goes into its `results` file
as case -> output -> SHA-256, and each output into the folder `objects` under that name.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import inspect
import io
import json
import os
import re
import shutil
import sys
import traceback
import warnings
from hashlib import sha256
from pathlib import Path
from typing import Any

_SECONDS = re.compile(rb"\(\d+\.\d+ s\)")


def main(checkout: Path, job: dict[str, Any]) -> None:
    sys.path.insert(0, str(checkout))
    compilers = _Compilers()
    os.fsync = lambda file: None  # a third of the time, for folders that go away at once
    import edgebnn

    assert Path(edgebnn.__file__).is_relative_to(checkout), f"{edgebnn.__file__} is no file of {checkout}"
    warnings.simplefilter("always")
    warnings.showwarning = lambda message, category, *_: print(f"{category.__name__}: {message}", file=sys.stderr)
    found: dict[str, dict[str, str]] = {}
    objects = Path(job["objects"])
    for case in job["cases"]:
        folder = Path(job["folder"]) / "case"
        folder.mkdir()
        os.chdir(folder)
        compilers.are_there(case["build"])
        outputs = _run(case["commands"])
        outputs |= {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        shutil.rmtree(folder)
        found[case["name"]] = {name: _keep(objects, content, checkout) for name, content in sorted(outputs.items())}
    Path(job["results"]).write_text(json.dumps(found))


class _Compilers:
    """Whether compilers are found: without them firmware is generated and not compiled, which takes a second."""

    def __init__(self) -> None:
        self._path = os.environ["PATH"]
        self._version = importlib.metadata.version
        self._there = True
        importlib.metadata.version = self._answer

    def are_there(self, there: bool) -> None:
        self._there = there
        os.environ["PATH"] = self._path if there else ""

    def _answer(self, name: str) -> str:
        if name == "ziglang" and not self._there:
            raise importlib.metadata.PackageNotFoundError(name)
        return self._version(name)


def _run(commands: list[list[str]]) -> dict[str, bytes]:
    outputs: dict[str, bytes] = {}
    for number, words in enumerate(commands):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = _command(words)
        said = f"$ edgebnn {' '.join(words)}\n{out.getvalue()}\n-- stderr\n{err.getvalue()}\n-- ends with {code}\n"
        outputs[f"<{number:02}>"] = said.encode("utf-8", "backslashreplace")
    return outputs


def _command(words: list[str]) -> object:
    from edgebnn.cli.main import main as edgebnn_main

    if words == ["<signatures>"]:
        print(_signatures())
        return 0
    sys.argv = ["edgebnn", *words]
    try:
        edgebnn_main()
    except SystemExit as end:
        return end.code
    except Exception as fault:
        traceback.print_exc(file=sys.__stderr__)
        return f"{type(fault).__name__}: {fault}"
    return 0


def _signatures() -> str:
    """The public names of the package, and how each is called."""
    import edgebnn

    lines = []
    for name in sorted(edgebnn.__all__):
        value = getattr(edgebnn, name)
        lines.append(f"{name}: {inspect.signature(value) if callable(value) else type(value).__name__}")
        if inspect.isclass(value):
            for member in sorted(each for each in dir(value) if not each.startswith("_")):
                what = getattr(value, member)
                lines.append(f"  {member}: {inspect.signature(what) if callable(what) else type(what).__name__}")
    # Wherever the types lie, and the functions in memory.
    return re.sub(r"edgebnn\.[a-z_0-9.]+\.| at 0x[0-9a-f]+", "", "\n".join(lines))


def _keep(objects: Path, content: bytes, checkout: Path) -> str:
    """The digest of an output without what is no behaviour: its seconds, and where the checkout lies."""
    content = _SECONDS.sub(b"(seconds)", content.replace(str(checkout).encode(), b"<checkout>"))
    digest = sha256(content).hexdigest()
    path = objects / digest
    if not path.is_file():
        part = path.with_suffix(f".{os.getpid()}")
        part.write_bytes(content)
        part.replace(path)
    return digest


main(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text()))
