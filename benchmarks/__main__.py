"""`make bench`: all benchmarks in one run, as ratios; exits 1 at the end where a goal is missed.

Writes results.json beside this file, with the date and the machine, and from it the page docs/performance.md.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.rows import Row

FOLDER = Path(__file__).resolve().parent
PAGE = FOLDER.parent / "docs" / "performance.md"
MODULES = ("networks", "monte_carlo", "kernels", "devices", "emulation", "instructions", "energy", "budgets")
PACKAGES = ("numpy", "onnxruntime", "torch", "ziglang")


@dataclass(frozen=True)
class Group:
    """The rows of one module, under the first line of its docstring; or how it failed."""

    module: str
    title: str
    rows: tuple[Row, ...]
    failure: str = ""


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = (line.partition(":") for line in cpuinfo.read_text().splitlines())
        processor = next((value.strip() for key, _, value in lines if key.strip() == "model name"), processor)
    packages = {name: version(name) for name in PACKAGES}
    return {"date": date.today().isoformat(), "processor": processor, "cores": os.cpu_count(), **packages}


def run(module: str) -> Group:
    """The rows of a module, printed as they come."""
    loaded = importlib.import_module(f"benchmarks.{module}")
    title = (loaded.__doc__ or module).partition("\n")[0]
    print(f"\n{title}")
    rows: list[Row] = []
    try:
        for row in loaded.rows():
            rows.append(row)
            print(f"  {row.work:66} {figure(row.value):>9} {row.unit:28} {asked(row)}", flush=True)
    except Exception as error:  # the others run all the same
        traceback.print_exc()
        return Group(module, title, tuple(rows), f"{type(error).__name__}: {error}")
    return Group(module, title, tuple(rows))


def figure(value: float) -> str:
    """Three digits that count, and whole numbers whole."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def asked(row: Row) -> str:
    """The goal, whether it is reached, and whether what keeps it from being reached is still to be found out."""
    if row.goal is None:
        return ""
    missed = "" if row.reached else "  MISSED, AND NOTHING SAYS WHY" if row.unexplained else "  MISSED"
    return f"goal {'>=' if row.at_least else '<='} {figure(row.goal)}{missed}"


def page(groups: Sequence[Group], taken_on: dict[str, Any]) -> str:
    """docs/performance.md."""
    packages = ", ".join(f"{name} {taken_on[name]}" for name in PACKAGES)
    lines = [
        "# Performance",
        "",
        "Written by `make bench`; do not edit. Ratios are medians over turns of one run, in which ours and theirs take",
        f"turns. Taken on {taken_on['date']}: {taken_on['processor']}, {taken_on['cores']} cores; {packages}.",
    ]
    for group in groups:
        lines += ["", f"## {group.title.rstrip('.')}", "", "| work | figure | goal |", "|---|---|---|"]
        lines += [
            f"| {row.work} | {figure(row.value)} {row.unit} | {asked(row).removeprefix('goal ')} |"
            for row in group.rows
        ]
        told = (row for row in group.rows if row.binds and (row.goal is None or not row.reached))
        lines += [f"\n{row.work}: {row.binds}" for row in told]
        lines += [f"\nThis benchmark failed: {group.failure}"] if group.failure else []
    return "\n".join(lines) + "\n"


def main() -> int:
    groups = [run(module) for module in MODULES]
    taken_on = machine()
    results = {**taken_on, "groups": [asdict(group) for group in groups]}
    (FOLDER / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    PAGE.write_text(page(groups, taken_on))
    found = [row for group in groups for row in group.rows]
    missed, unexplained = sum(not row.reached for row in found), [row.work for row in found if row.unexplained]
    failed = sum(bool(group.failure) for group in groups)
    print(f"\n{missed} goals missed, {failed} benchmarks failed; see benchmarks/results.json and docs/performance.md")
    for work in unexplained:
        print(f"missed, and nothing says why (`binds` of its row in benchmarks/): {work}")
    return int(missed + failed > 0)


if __name__ == "__main__":
    sys.exit(main())
