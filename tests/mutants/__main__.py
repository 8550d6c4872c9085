"""Puts faults into the source and says which of them no test notices; exits 1 where a house notices too few.

Faults are drawn anew with another --seed. What was tried is kept, so that a run that was cut short goes on where it
stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from queue import Queue
from statistics import median

from tests.mutants import c_faults, python_faults
from tests.mutants.copy import ROOT
from tests.mutants.likely import LIKELY, likely_files
from tests.mutants.mutant import Mutant
from tests.mutants.score import HouseScore, commit, record_lines, score_lines
from tests.mutants.survey import digests_of, survey
from tests.mutants.trial import (
    ENOUGH,
    ENOUGH_OF_LIKELY,
    Court,
    Outcome,
    Verdict,
    chosen_tests,
)

KEPT = ROOT / ".mutants"
EXPLAINED = Path(__file__).with_name("explained.toml")
RECORD = Path(__file__).with_name("score.md")
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
        ("edgebnn/mapping/*.py", "edgebnn/network/*.py"),
        60,
        ("tests/mapping", "tests/network", "tests/emulator", "tests/runtime"),
    ),
    "chip": House(
        ("edgebnn/chip/**/*.py", "edgebnn/confidence.py", "edgebnn/number_checks.py"),
        60,
        ("tests/chip", "tests/emulator"),
    ),
    "codegen": House(("edgebnn/codegen/*.py",), 30, ("tests/codegen", "tests/emulator")),
    "runtime": House(
        ("runtime/src/*.c", "runtime/macro/*.c"), 30, ("tests/runtime", "tests/codegen", "tests/emulator")
    ),
    "host": House(
        ("runtime/host/*.c", "runtime/chip/*.c", "runtime/emulator/*.c"),
        30,
        ("tests/runtime", "tests/chip", "tests/emulator"),
    ),
}
# No processor here runs them, or only an emulator, for minutes.
ELSEWHERE = ("avx512", "neon")


def draw(house: House, count: int, seed: int) -> list[Mutant]:
    """So many faults of a house, at random over all that there are, in random order.

    By a digest of each: where some files change, the others keep the faults that were drawn.
    """
    faults: dict[str, Mutant] = {}
    for path in sorted({path for pattern in house.patterns for path in ROOT.glob(pattern)}):
        if any(name in path.name for name in ELSEWHERE):
            continue
        find: Callable[[str, str], list[Mutant]] = (c_faults if path.suffix == ".c" else python_faults).faults_of
        for fault in find(str(path.relative_to(ROOT)), path.read_text()):
            faults.setdefault(fault.key, fault)
    return sorted(faults.values(), key=lambda fault: sha256(f"{seed} {fault.key}".encode()).digest())[:count]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--count", type=int, default=300, help="faults in all, shared out among the houses")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--house", choices=HOUSES, help="one house alone")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--likely", action="store_true", help="no survey; likely tests, then the others of the house for what survived"
    )
    parser.add_argument("--minutes", type=float, default=120, help="no trial begins after so long")
    parser.add_argument("--record", action="store_true", help=f"write {RECORD.name}")
    parser.add_argument("--report", action="store_true", help="try nothing, say what is known")
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    houses = {options.house: HOUSES[options.house]} if options.house else HOUSES
    shares = sum(house.share for house in houses.values())
    drawn = {
        name: draw(each, round(options.count * each.share / shares), options.seed) for name, each in houses.items()
    }
    log = KEPT / f"tried-{options.seed}.jsonl"
    outcomes = _tried_before(log, [mutant for mutants in drawn.values() for mutant in mutants])
    if not options.report:
        _try_all(drawn, outcomes, log, options, end)
    return _report(drawn, outcomes, options, log)


def _try_all(
    drawn: dict[str, list[Mutant]],
    outcomes: dict[Mutant, Outcome],
    log: Path,
    options: argparse.Namespace,
    end: float,
) -> None:
    """Adds the outcomes of those that have none."""
    if not any(mutant not in outcomes for mutants in drawn.values() for mutant in mutants):
        return
    KEPT.mkdir(exist_ok=True)
    known = {
        name: survey(KEPT, HOUSES[name].tests, options.processes)
        for name, mutants in drawn.items()
        if not options.likely and any(mutant not in outcomes for mutant in mutants)
    }
    courts: Queue[Court] = Queue()
    for number in range(options.processes):
        courts.put(Court(KEPT / f"copy-{number}"))
    state = state_of_sources()

    def try_one(house: str, mutant: Mutant, again: bool = False) -> None:
        if time.monotonic() > end:
            return
        court, begin = courts.get(), time.monotonic()
        try:
            if options.likely:
                files = likely_files(mutant, HOUSES[house].tests)
                outcome = (
                    court.try_one(mutant, files[LIKELY:], ENOUGH_OF_LIKELY, ENOUGH)
                    if again
                    else court.try_one(mutant, files[:LIKELY], ENOUGH_OF_LIKELY / 2, ENOUGH_OF_LIKELY)
                )
                if again:
                    outcome = replace(outcome, tests=outcome.tests + LIKELY)
            else:
                tests = chosen_tests(mutant, known[house], options.seed)
                outcome = court.try_one(mutant, tests, sum(known[house].seconds[test] for test in tests))
        finally:
            courts.put(court)
        outcomes[mutant] = outcome
        line = {**_told(outcome), "seconds": round(time.monotonic() - begin, 1), "state": state, "of": _of(outcome)}
        with log.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(f"{house:10} {outcome.verdict:20} {mutant.key}  {outcome.noticed}", flush=True)

    with ThreadPoolExecutor(options.processes) as pool:
        list(pool.map(lambda each: try_one(*each), [each for each in in_turns(drawn) if each[1] not in outcomes]))
        if options.likely:
            alive = [
                (house, mutant, True)
                for house, mutant in in_turns(drawn)
                if mutant in outcomes
                and outcomes[mutant].verdict is Verdict.SURVIVED
                and outcomes[mutant].tests <= LIKELY
            ]
            list(pool.map(lambda each: try_one(*each), alive))
    while not courts.empty():
        courts.get().close()


def in_turns(drawn: dict[str, list[Mutant]]) -> list[tuple[str, Mutant]]:
    """Faults with their houses, so that a run that is cut short has tried the same share of each."""
    placed = [
        ((place + 0.5) / len(mutants), house, mutant)
        for house, mutants in drawn.items()
        for place, mutant in enumerate(mutants)
    ]
    return [(house, mutant) for _, house, mutant in sorted(placed, key=lambda each: each[0])]


def _told(outcome: Outcome) -> dict[str, str | int]:
    return {
        "key": outcome.mutant.key,
        "verdict": outcome.verdict.value,
        "tests": outcome.tests,
        "noticed": outcome.noticed,
    }


def _of(outcome: Outcome) -> str:
    """What a fault that was noticed depends on: its own file, and that of the test."""
    files = (outcome.mutant.path, outcome.noticed.partition("::")[0])
    return sha256(b"".join((ROOT / file).read_bytes() for file in files if (ROOT / file).is_file())).hexdigest()[:16]


def _tried_before(log: Path, mutants: list[Mutant]) -> dict[Mutant, Outcome]:
    """What was noticed, where it and the test that did still stand so; of the others those of this very state."""
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []
    kept, state = {line["key"]: line for line in lines}, state_of_sources()
    found = {}
    for mutant in mutants:
        if (line := kept.get(mutant.key)) is not None:
            outcome = Outcome(mutant, Verdict(line["verdict"]), line["tests"], line["noticed"])
            if line["of"] == _of(outcome) if outcome.killed else line["state"] == state:
                found[mutant] = outcome
    return found


def state_of_sources() -> str:
    """A digest of all files that git knows and a trial reads."""
    return sha256(json.dumps(digests_of("edgebnn", "tests", "runtime", "templates", "targets")).encode()).hexdigest()[
        :16
    ]


def _report(
    drawn: dict[str, list[Mutant]], outcomes: dict[Mutant, Outcome], options: argparse.Namespace, log: Path
) -> int:
    explained: dict[str, str] = tomllib.loads(EXPLAINED.read_text())
    houses = {
        name: HouseScore(
            len(mutants),
            [outcomes[mutant] for mutant in mutants if mutant in outcomes],
        )
        for name, mutants in drawn.items()
    }
    print()
    for line in score_lines(houses, explained):
        print(line)
    if options.record:
        seconds = [json.loads(line)["seconds"] for line in log.read_text().splitlines()]
        RECORD.write_text("\n".join(record_lines(houses, explained, options.seed, commit(), median(seconds))) + "\n")
    return int(any(house.killed < LEAST_KILLED * house.decided for house in houses.values()))


if __name__ == "__main__":
    sys.exit(main())
