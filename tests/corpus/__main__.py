"""Compares what two checkouts do with a corpus of models, options and commands, byte for byte; exits 1 if they differ.

The first is a commit, whose outputs are kept in the folder .corpus; the second is the work tree as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from difflib import unified_diff
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path

from tests.corpus.cases import MODELS, Case, all_cases
from tests.corpus.models import ROOT, write_models

KEPT = ROOT / ".corpus"
OBJECTS = KEPT / "objects"
Results = dict[str, dict[str, str]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.corpus", description=__doc__)
    parser.add_argument("before", help="the commit to compare with")
    parser.add_argument("--cases", default="*", metavar="PATTERN", help="those whose names match, as activation-*")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--show", type=int, default=5, metavar="N", help="how many differences are shown whole")
    options = parser.parse_args()
    OBJECTS.mkdir(parents=True, exist_ok=True)
    models = _models()
    cases = [case for case in all_cases(models) if fnmatch(case.name, options.cases)]
    before = _of_commit(options.before, cases, models, options.processes)
    after = _outputs(ROOT, cases, models, options.processes)
    return report(before, after, options.show)


def _models() -> Path:
    """The folder of the models, made anew where the tests that make them have changed."""
    digest = sha256()
    for path in sorted((ROOT / "tests").rglob("*.py")):
        digest.update(path.read_bytes())
    folder = KEPT / f"models-{digest.hexdigest()[:16]}"
    if not folder.is_dir():
        for old in KEPT.glob("models-*"):
            shutil.rmtree(old)
        part = folder.with_suffix(".part")
        part.mkdir()
        write_models(part)
        part.rename(folder)
    return folder


def _of_commit(name: str, cases: list[Case], models: Path, processes: int) -> Results:
    """The outputs of a commit, kept from another time where it ran the same commands on the same models."""
    commit = subprocess.run(
        ("git", "rev-parse", f"{name}^{{commit}}"), cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout.strip()
    folder = KEPT / commit[:16]
    file = folder / "results.json"
    kept: Results = json.loads(file.read_text()) if file.is_file() else {}
    keys = _keys(cases, models)
    missing = [case for case in cases if keys[case.name] not in kept]
    if missing:
        checkout = folder / "checkout"
        if not (checkout / "built").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            checkout.mkdir(parents=True)
            archive = subprocess.run(("git", "archive", commit), cwd=ROOT, capture_output=True, check=True).stdout
            subprocess.run(("tar", "x"), cwd=checkout, input=archive, check=True)
            subprocess.run((sys.executable, "build_native.py"), cwd=checkout, capture_output=True, check=True)
            (checkout / "built").touch()
        made = _outputs(checkout, missing, models, processes)
        kept |= {keys[name]: outputs for name, outputs in made.items()}
        file.write_text(json.dumps(kept))
    return {case.name: kept[keys[case.name]] for case in cases}


def _keys(cases: list[Case], models: Path) -> dict[str, str]:
    """What the outputs of a case go by, but for the checkout: its commands, their files, and how they are run."""
    common = sha256(Path(__file__).with_name("worker.py").read_bytes()).hexdigest()
    digests = {f"{MODELS}/{path.name}": sha256(path.read_bytes()).hexdigest() for path in sorted(models.iterdir())}

    def key(case: Case) -> str:
        read = sorted({digests[word] for words in case.commands for word in words if word in digests})
        return sha256(repr((common, case, read)).encode()).hexdigest()

    return {case.name: key(case) for case in cases}


def _outputs(checkout: Path, cases: list[Case], models: Path, processes: int) -> Results:
    """What a checkout writes, by case and name, as digests of what lies in OBJECTS."""
    start, results = time.monotonic(), Results()
    with tempfile.TemporaryDirectory(dir=KEPT) as name:
        folder, workers = Path(name), []
        for number in range(processes):
            own = folder / str(number)
            own.mkdir()
            (own / "models").symlink_to(models)
            job = own / "job.json"
            job.write_text(
                json.dumps(
                    {
                        "folder": str(own),
                        "objects": str(OBJECTS),
                        "results": str(own / "results.json"),
                        "cases": [asdict(case) for case in cases[number::processes]],
                    }
                )
            )
            environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "120", "OMP_NUM_THREADS": "1"}
            program = Path(__file__).with_name("worker.py")
            workers.append(subprocess.Popen((sys.executable, program, checkout, job), env=environment))
        ends = [worker.wait() for worker in workers]
        if any(ends):
            raise SystemExit(f"the corpus did not run through in {checkout}")
        for number in range(processes):
            results |= json.loads((folder / str(number) / "results.json").read_text())
    print(f"{len(results)} cases, {sum(map(len, results.values()))} outputs: {time.monotonic() - start:.0f} s")
    return results


def report(before: Results, after: Results, shown: int) -> int:
    """Prints which outputs differ, and how the first ones do; 1 where any does."""
    differing = [
        (case, name)
        for case in before
        for name in sorted(before[case].keys() | after[case].keys())
        if before[case].get(name) != after[case].get(name)
    ]
    for number, (case, name) in enumerate(differing):
        print(f"{case}: {name} differs")
        if number < shown:
            print("\n".join(_difference(before[case].get(name), after[case].get(name))))
    outputs = sum(map(len, before.values()))
    cases = len({case for case, _ in differing})
    print(f"{len(differing)} of {outputs} outputs differ, in {cases} of {len(before)} cases")
    return int(bool(differing))


def _difference(before: str | None, after: str | None) -> list[str]:
    """The first lines that differ, or that there are bytes which do."""
    if before is None or after is None:
        return [f"  only {'after' if before is None else 'before'}"]
    texts = []
    for digest in (before, after):
        content = (OBJECTS / digest).read_bytes()
        if b"\0" in content:
            return ["  bytes"]
        texts.append(content.decode("utf-8", "replace").splitlines())
    return [f"  {line}" for line in list(unified_diff(*texts, "before", "after", lineterm="", n=1))[2:14]]


if __name__ == "__main__":
    sys.exit(main())
