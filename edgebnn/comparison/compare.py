"""Deployments side by side: what each takes by its estimate and by its emulation, and whether all keep to a budget."""

from __future__ import annotations

import inspect
import reprlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy.typing as npt

from edgebnn.api import Deployment
from edgebnn.brief import brief
from edgebnn.comparison.budget import Budget, Limit
from edgebnn.comparison.emulated import Emulated, emulated
from edgebnn.comparison.figures import FIGURES
from edgebnn.emulator.emulate import Dataset, Emulation
from edgebnn.emulator.estimate import Estimate
from edgebnn.errors import DataError, EdgeBNNError, ToolError
from edgebnn.legible import legible_line, legible_name
from edgebnn.network.batches import Samples
from edgebnn.number_checks import check_whole

MOST_COMPARED = 64
"""Deployments side by side; nobody reads more."""

_LIFE = frozenset(inspect.signature(Deployment.estimate).parameters) - {"self"}

Data = Dataset | tuple[Samples, npt.ArrayLike | None] | Samples
Step = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Compared:
    """One of the deployments, with its estimate and, where there were data, what emulation found.

    why_not says why there is no estimate.
    """

    name: str
    deployment: Deployment
    estimate: Estimate | None
    emulated: Emulated | None
    why_not: str = ""

    __repr__ = brief

    @property
    def figures(self) -> dict[str, float | None]:
        """Every figure by its name, in its own unit; None where it is not known.

        Energy and latency are those that emulation counted, where it did, else those of the estimate.
        """
        memory, told, counted = self.deployment.memory, self.estimate, self.emulated
        energy = None if told is None or told.energy is None else told.energy.total_j * 1e9
        latency = None if told is None else told.latency_us
        if self.counts:
            assert counted is not None and counted.energy_nj is not None
            energy, latency = counted.energy_nj["total"], counted.latency_us
        return {
            "accuracy": None if counted is None else counted.accuracy,
            "energy": energy,
            "latency": latency,
            "flash": memory.flash_bytes,
            "sram": memory.sram_bytes,
            "banks": memory.banks,
            "synapses": memory.synapses,
            "programming": None if told is None or told.programming is None else told.programming.total_j * 1e6,
            "battery": None if told is None or told.lifetime is None else told.lifetime.battery_days,
        }

    @property
    def counts(self) -> bool:
        """Whether energy and latency are those that emulation counted on data, and not the estimate's."""
        return self.emulated is not None and self.emulated.energy_nj is not None


@dataclass(frozen=True)
class Judged:
    """A limit and a deployment's figure: whether it keeps to it, None where the figure is not known."""

    limit: Limit
    name: str
    found: float | None

    __repr__ = brief

    @property
    def kept(self) -> bool | None:
        """Whether the figure keeps to the limit."""
        return None if self.found is None else self.limit.keeps(self.found)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Deployments side by side, in the order in which they were given, and the budget that they were held to.

    with_life: whether a life was described, and not the one that estimates take by themselves.
    """

    deployments: tuple[Compared, ...]
    budget: Budget | None = None
    with_life: bool = False

    def __repr__(self) -> str:
        """One short line; the fields have the rest."""
        names = ", ".join(repr(each.name) for each in self.deployments[:4])
        more = f", {len(self.deployments) - 4} more" if len(self.deployments) > 4 else ""
        kept = "" if self.budget is None else f", kept={self.kept}"
        return f"Comparison({names}{more}{kept})"

    @property
    def judged(self) -> tuple[Judged, ...]:
        """Every limit of the budget against every deployment."""
        limits = () if self.budget is None else self.budget.limits
        return tuple(
            Judged(limit, each.name, each.figures[limit.figure.name]) for limit in limits for each in self.deployments
        )

    @property
    def broken(self) -> tuple[Judged, ...]:
        """Where the budget is not kept, or where nobody can tell."""
        return tuple(found for found in self.judged if not found.kept)

    @property
    def kept(self) -> bool:
        """Whether every deployment keeps to the whole budget."""
        return not self.broken

    @property
    def differences(self) -> tuple[str, ...]:
        """The figures in which the deployments differ."""
        rows = [each.figures for each in self.deployments]
        return tuple(figure.name for figure in FIGURES if len({row[figure.name] for row in rows}) > 1)


def compare(
    deployments: Deployment | Iterable[Deployment] | Mapping[str, Deployment],
    data: Data | None = None,
    *,
    budget: Budget | str | Mapping[str, str | float] | None = None,
    emulations: Sequence[Emulation | Emulated] = (),
    chips: int = 0,
    firmware_samples: int = 64,
    life: Mapping[str, Any] = MappingProxyType({}),
    step: Step | None = None,
) -> Comparison:
    """Deployments side by side: energy, latency and memory by their estimates and, with data, by emulation.

    `deployments` is one, several, or a mapping of names to them; without names each is called by its network and
    target. `data`, samples x or (x, y) as `Deployment.emulate` takes them, run on all of them, the first
    `firmware_samples` as firmware, without errors and on so many `chips` with errors where the target has RRAM. In
    place of data `emulations` may give what emulation found of each, in their order. `budget` has limits such as
    `"energy=60nJ,flash=16KB,accuracy=0.95"` or a mapping; what is just as large as its limit keeps to it. `life` are
    words of `Deployment.estimate`, such as `{"inferences_per_day": 1000, "devices": 500}`; without RRAM nothing is
    reprogrammed. `step` hears what is done next. Raises DataError for a budget, data, names or words that are none, for
    a budget of accuracy without labels, and whatever an estimate or an emulation raises, with the deployment's name.
    """
    named = _named(deployments)
    limits = None if budget is None else Budget.of(budget)
    if unknown := sorted(set(life) - _LIFE):
        raise DataError(
            f"life has '{legible_name(str(unknown[0]))}', which estimates do not know; choose from: "
            f"{', '.join(sorted(_LIFE))}"
        )
    check_whole(chips=chips, firmware_samples=firmware_samples)
    if data is not None and emulations:
        raise DataError("data and emulations both say what emulation found; give one of them")
    if emulations and len(emulations) != len(named):
        raise DataError(f"there are {len(emulations)} emulations for {len(named)} deployments; give one for each")
    heard = step or (lambda _: None)
    for given in emulations:
        if not isinstance(given, Emulation | Emulated):
            raise DataError(
                f"an emulation is {legible_line(reprlib.repr(given))}; give what edgebnn.Deployment.emulate answered"
            )
    if limits is not None and "accuracy" in limits.names and data is None and not emulations:
        raise DataError("a budget of accuracy needs labelled data; give data=(x, y), or what emulation found of each")
    found = []
    for index, (name, deployment) in enumerate(named.items()):
        with _naming(name):
            heard(f"estimate {name}")
            told, why_not = _estimate(deployment, life)
            seen = None
            if data is not None:
                heard(f"emulate {name}")
                drawn = chips if deployment.mapped.target.array is not None else 0
                seen = emulated(deployment.emulate(data, drawn, firmware_samples=firmware_samples))
            elif emulations:
                given = emulations[index]
                seen = emulated(given) if isinstance(given, Emulation) else given
        found.append(Compared(name, deployment, told, seen, why_not))
    return Comparison(tuple(found), limits, bool(life))


def _estimate(deployment: Deployment, life: Mapping[str, Any]) -> tuple[Estimate | None, str]:
    """The estimate, or why there is none: no firmware was built, or nothing is there to run it on."""
    target = deployment.mapped.target
    words = {} if target.energy is None else dict(life)
    if target.array is None:
        words.pop("reprogrammings_per_day", None)
    try:
        return deployment.estimate(**words), ""
    except ToolError as error:
        return None, str(error)


def _named(given: Any) -> dict[str, Deployment]:
    """The deployments by names that are all different; DataError where something else was given."""
    if isinstance(given, Deployment):
        given = [given]
    if isinstance(given, Mapping):
        pairs = [(str(name), deployment) for name, deployment in given.items()]
    elif isinstance(given, Iterable) and not isinstance(given, str | bytes):
        pairs = [(_title(deployment), deployment) for deployment in given]
    else:
        raise DataError(f"deployments are {legible_line(reprlib.repr(given))}; give a list of deployments")
    for name, deployment in pairs:
        if not isinstance(deployment, Deployment):
            raise DataError(
                f"'{legible_name(name)}' is {legible_line(reprlib.repr(deployment))}, no deployment; open a folder "
                "with edgebnn.load"
            )
    if not pairs:
        raise DataError("there is nothing to compare; give one deployment or several")
    check_count(len(pairs))
    return dict(zip(distinct([name for name, _ in pairs]), (deployment for _, deployment in pairs), strict=True))


def check_count(count: int) -> None:
    """DataError where nobody could read so many deployments side by side."""
    if count > MOST_COMPARED:
        raise DataError(f"{count} deployments are too many side by side; compare at most {MOST_COMPARED}")


def _title(deployment: object) -> str:
    if not isinstance(deployment, Deployment):
        return "deployments"
    return f"{deployment.mapped.network.name} on {deployment.mapped.target.name}"


def distinct(names: Sequence[str]) -> list[str]:
    """The names, with a number behind each that comes again: `out`, `out (2)`."""
    taken, seen, found = set(names), Counter[str](), []
    for name in names:
        seen[name] += 1
        shown = name
        while seen[name] > 1 and shown in taken:
            shown = f"{name} ({seen[name]})"
            seen[name] += shown in taken
        taken.add(shown)
        found.append(shown)
    return found


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Errors about a deployment name it."""
    try:
        yield
    except EdgeBNNError as error:
        raise type(error)(f"'{legible_name(name)}': {error}") from error
