"""Puts faults into the source and says which of them no test notices; exits 1 where a house notices too few.

Faults are drawn anew with another --seed. What was tried is kept, so that a run that was cut short goes on where it
stopped.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from queue import Queue

from tests.mutants import c_faults, python_faults
from tests.mutants.mutant import Mutant
from tests.mutants.survey import ROOT, Survey, state_of_sources, survey
from tests.mutants.trial import Court, Outcome, Verdict, chosen_tests

KEPT = ROOT / ".mutants"
EXPLAINED = Path(__file__).with_name("explained.toml")
LEAST_KILLED = 0.9


@dataclass(frozen=True)
class House:
    """Where faults go, how many of 300, and the folders of tests that are to notice them."""

    patterns: tuple[str, ...]
    share: int
    tests: tuple[str, ...]


HOUSES = {
    "frontend": House(("edgebnn/frontend/**/*.py",), 90, ("tests/frontend", "tests/network")),
    "mapping": House(
        ("edgebnn/mapping/*.py", "edgebnn/network/*.py"), 60, ("tests/mapping", "tests/network", "tests/emulator")
    ),
    "chip": House(
        ("edgebnn/chip/**/*.py", "edgebnn/confidence.py", "edgebnn/number_checks.py"),
        60,
        ("tests/chip", "tests/emulator"),
    ),
    "codegen": House(("edgebnn/codegen/*.py",), 30, ("tests/codegen", "tests/emulator")),
    "runtime": House(("runtime/src/*.c", "runtime/macro/*.c"), 30, ("tests/runtime", "tests/codegen")),
    "host": House(
        ("runtime/host/*.c", "runtime/chip/*.c", "runtime/emulator/*.c"), 30, ("tests/runtime", "tests/chip")
    ),
}
# No processor here runs them, or only an emulator, for minutes.
ELSEWHERE = ("avx512", "neon")


def draw(house: House, count: int, seed: int) -> list[Mutant]:
    """So many faults of a house, at random over all that there are."""
    faults: list[Mutant] = []
    for path in sorted({path for pattern in house.patterns for path in ROOT.glob(pattern)}):
        if any(name in path.name for name in ELSEWHERE):
            continue
        find: Callable[[str, str], list[Mutant]] = (c_faults if path.suffix == ".c" else python_faults).faults_of
        faults += find(str(path.relative_to(ROOT)), path.read_text())
    return random.Random(seed).sample(faults, min(count, len(faults)))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="faults in all, shared out among the houses")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--house", choices=HOUSES, help="one house alone")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--old-survey", action="store_true", help="go by the survey that is there, of other sources")
    parser.add_argument("--minutes", type=float, default=120, help="no trial begins after so long")
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    houses = {options.house: HOUSES[options.house]} if options.house else HOUSES
    drawn = {
        name: draw(
            house, round(options.count * house.share / sum(each.share for each in houses.values())), options.seed
        )
        for name, house in houses.items()
    }
    outcomes = _try_all(drawn, options, end)
    return _report(drawn, outcomes)


def _try_all(drawn: dict[str, list[Mutant]], options: argparse.Namespace, end: float) -> dict[Mutant, Outcome]:
    """What was tried, before or now."""
    log = KEPT / f"tried-{options.seed}-{state_of_sources()}.jsonl"
    outcomes = _tried_before(log, [mutant for mutants in drawn.values() for mutant in mutants])
    courts: Queue[Court] = Queue()
    for number in range(options.processes):
        courts.put(Court(KEPT / f"copy-{number}"))

    def try_one(house: str, known: Survey, mutant: Mutant) -> None:
        if time.monotonic() > end:
            return
        court, tests = courts.get(), chosen_tests(mutant, known, options.seed)
        try:
            outcome = court.try_one(mutant, tests, sum(known.seconds[test] for test in tests))
        finally:
            courts.put(court)
        outcomes[mutant] = outcome
        with log.open("a") as file:
            file.write(json.dumps({"key": mutant.key, "begin": mutant.begin, **_told(outcome)}) + "\n")
        print(f"{house:10} {outcome.verdict:20} {mutant.key}  {outcome.noticed}", flush=True)

    with ThreadPoolExecutor(options.processes) as pool:
        for house, mutants in drawn.items():
            left = [mutant for mutant in mutants if mutant not in outcomes]
            if left:
                known = survey(KEPT, HOUSES[house].tests, options.processes, options.old_survey)
                list(pool.map(try_one, repeat(house), repeat(known), left))
    return outcomes


def _told(outcome: Outcome) -> dict[str, str | int]:
    return {"verdict": outcome.verdict.value, "tests": outcome.tests, "noticed": outcome.noticed}


def _tried_before(log: Path, mutants: list[Mutant]) -> dict[Mutant, Outcome]:
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []
    kept = {(line["key"], line["begin"]): line for line in lines}
    return {
        mutant: Outcome(mutant, Verdict(line["verdict"]), line["tests"], line["noticed"])
        for mutant in mutants
        if (line := kept.get((mutant.key, mutant.begin))) is not None
    }


def _report(drawn: dict[str, list[Mutant]], outcomes: dict[Mutant, Outcome]) -> int:
    explained: dict[str, str] = tomllib.loads(EXPLAINED.read_text())
    poor = False
    print()
    for house, mutants in drawn.items():
        tried = [outcomes[mutant] for mutant in mutants if mutant in outcomes]
        killed = sum(outcome.killed for outcome in tried)
        poor |= killed < LEAST_KILLED * len(tried)
        print(f"{house}: {killed} of {len(tried)} noticed; {len(mutants) - len(tried)} not tried")
        for outcome in sorted((each for each in tried if not each.killed), key=lambda each: each.mutant):
            print(f"  {outcome.verdict}: {outcome.mutant.key} (line {outcome.mutant.lines[0]})")
            print(f"    {explained.get(outcome.mutant.key, 'not explained')}")
    return int(poor)


sys.exit(main())
