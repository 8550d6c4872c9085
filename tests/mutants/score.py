"""What came out: how many faults of each house were noticed, and which were not."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.mutants.copy import ROOT
from tests.mutants.trial import Outcome, Verdict


@dataclass(frozen=True)
class HouseScore:
    """drawn: how many faults. tried: what came out of those that had their trial."""

    drawn: int
    tried: list[Outcome]

    @property
    def decided(self) -> int:
        """How many of them a trial decided."""
        return sum(outcome.verdict is not Verdict.UNDECIDED for outcome in self.tried)

    @property
    def killed(self) -> int:
        """How many were noticed."""
        return sum(outcome.killed for outcome in self.tried)

    @property
    def survivors(self) -> list[Outcome]:
        """Those that were not, in the order of the sources."""
        alive = (each for each in self.tried if not each.killed and each.verdict is not Verdict.UNDECIDED)
        return sorted(alive, key=lambda outcome: outcome.mutant)


def score_lines(houses: Mapping[str, HouseScore], explained: Mapping[str, str]) -> Iterator[str]:
    """For a terminal: each house, and its survivors."""
    for name, house in houses.items():
        yield f"{name}: {house.killed} of {house.decided} noticed; {house.drawn - house.decided} not tried"
        for outcome in house.survivors:
            yield f"  {outcome.verdict}: {outcome.mutant.key} (line {outcome.mutant.lines[0]})"
            yield f"    {explained.get(outcome.mutant.key, 'not explained')}"


def record_lines(
    houses: Mapping[str, HouseScore], explained: Mapping[str, str], seed: int, commit: str, seconds: float
) -> Iterator[str]:
    """The same as a page."""
    yield "# Faults that the tests notice"
    yield ""
    yield f"Written by `make mutants MUTANTS='--record --seed {seed}'`, last on {commit}."
    yield f"A trial took {seconds:.0f} s (median)."
    yield "The last column counts survivors of which a sentence says why no test can notice them."
    yield ""
    yield "| house | faults drawn | tried | noticed | share | survivors | explained |"
    yield "|---|---|---|---|---|---|---|"
    for name, house in houses.items():
        share = house.killed / house.decided if house.decided else 0.0
        known = sum(outcome.mutant.key in explained for outcome in house.survivors)
        numbers = f"{house.drawn} | {house.decided} | {house.killed} | {share:.0%} | {len(house.survivors)} | {known}"
        yield f"| {name} | {numbers} |"
    for name, house in houses.items():
        if house.survivors:
            yield ""
            yield f"## {name}"
            yield ""
        for outcome in house.survivors:
            key = outcome.mutant.key.replace("`", "'")
            yield f"- `{key}` ({outcome.verdict}): {explained.get(outcome.mutant.key, 'not explained')}"


def commit() -> str:
    """That of the work tree, and whether it differs."""
    told = subprocess.run(
        ("git", "describe", "--always", "--dirty", "--exclude=*"), cwd=ROOT, capture_output=True, check=True, text=True
    )
    return told.stdout.strip()
