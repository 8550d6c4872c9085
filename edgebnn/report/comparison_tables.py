"""What `compare` prints: a column for each deployment, in several tables where the terminal is too narrow for all."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from edgebnn.json_types.comparison import BudgetDocument, ComparedDocument, DeploymentBesideDocument
from edgebnn.legible import legible_name
from edgebnn.report import numbers
from edgebnn.report.tables import AGREE, show_notes
from edgebnn.report.target_names import shown_target
from edgebnn.report.terminal import Shown, line, red

_NAMES = 24  # columns that the names of the rows take
_NARROWEST = 22  # columns of a deployment
_FRAME = 3  # and of what stands between two of them

_Row = tuple[str, Callable[[DeploymentBesideDocument], Shown]]


def show_comparison(console: Console, document: ComparedDocument) -> None:
    """The deployments side by side, their budget, and what to know of these figures."""
    deployments = document["deployments"]
    abreast = max(1, (console.width - _NAMES - 1) // (_NARROWEST + _FRAME))
    for first in range(0, len(deployments), abreast):
        _show_beside(console, deployments[first : first + abreast], deployments[0])
    if document["differences"]:
        console.print(f"In brackets: times the figure of {legible_name(deployments[0]['name'])}.", highlight=False)
    elif len(deployments) > 1:
        console.print("No figure of theirs differs.")
    if document["budget"] is not None:
        _show_budget(console, document["budget"])
    show_notes(console, document["notes"])
    for deployment in deployments:
        show_notes(console, [f"{deployment['name']}: {note}" for note in deployment["notes"]])


def _show_beside(
    console: Console, deployments: Sequence[DeploymentBesideDocument], first: DeploymentBesideDocument
) -> None:
    table = Table()
    table.add_column("", overflow="fold", max_width=_NAMES)
    for deployment in deployments:
        table.add_column(deployment["name"], overflow="fold", justify="right")
    for name, shown in (*_WHAT, *_figures(first)):
        cells = [shown(deployment) for deployment in deployments]
        if any(map(str, cells)):
            table.add_row(name, *cells)
    console.print(table)


def _policies(document: DeploymentBesideDocument) -> str:
    """The policies of the layers, the most frequent first, with the number of layers where there are several."""
    policies = list(document["policies"].values())
    each = sorted(set(policies), key=lambda policy: (-policies.count(policy), policy))
    if len(each) < 2:
        return "".join(each)
    return ", ".join(f"{policy} ({numbers.counted(policies.count(policy), 'layer')})" for policy in each)


def _weights(kind: str) -> Callable[[DeploymentBesideDocument], str]:
    return lambda document: numbers.count(document["weights_by_kind"].get(kind))


_WHAT: tuple[_Row, ...] = (
    ("model", lambda each: each["model"]),
    ("target", shown_target),
    ("policy", _policies),
    ("binary weights", _weights("binary")),
    ("ternary weights", _weights("ternary")),
    ("int8 weights", _weights("int8")),
    ("input's quantiser", lambda each: "outside, not counted" if each["inputs_outside"] else ""),
)


def _figures(first: DeploymentBesideDocument) -> tuple[_Row, ...]:
    """Figures, each with how many times that of the first deployment it is, where that is another."""

    def estimated(each: DeploymentBesideDocument) -> float | None:
        energy = None if each["estimated"] is None else each["estimated"]["energy_per_inference_nj"]
        return None if energy is None else energy["total"]

    def counted(each: DeploymentBesideDocument) -> float | None:
        energy = None if each["emulated"] is None else each["emulated"]["energy_per_inference_nj"]
        return None if energy is None else energy["total"]

    def latency(each: DeploymentBesideDocument) -> float | None:
        return None if each["estimated"] is None else each["estimated"]["latency_per_inference_us"]

    def counted_latency(each: DeploymentBesideDocument) -> float | None:
        return None if each["emulated"] is None else each["emulated"]["latency_per_inference_us"]

    def row(name: str, value: Callable[[DeploymentBesideDocument], float | None], shown: Callable[..., str]) -> _Row:
        def cell(each: DeploymentBesideDocument) -> str:
            found, other = value(each), value(first)
            if found is None or not other or found == other:
                return shown(found)
            return f"{shown(found)} ({found / other:,.3g} x)"

        return name, cell

    return (
        ("accuracy", _accuracy),
        ("  on chips with errors", _on_chips),
        ("executors agree", _agree),
        row("energy, estimated", estimated, numbers.energy),
        row("energy, emulated", counted, numbers.energy),
        row("latency, estimated", latency, numbers.latency),
        row("latency, emulated", counted_latency, numbers.latency),
        row("flash", lambda each: each["figures"]["flash_bytes"], numbers.size),
        row("  code", lambda each: each["memory"]["code_bytes"], numbers.size),
        row("  weights image", lambda each: each["memory"]["weights_bytes"], numbers.size),
        row("SRAM", lambda each: each["figures"]["sram_bytes"], numbers.size),
        row("synapses", lambda each: each["figures"]["synapses"], numbers.count),
        row("RRAM banks", lambda each: each["figures"]["banks"] or None, numbers.count),
        row("programming once", lambda each: each["figures"]["programming_uj"] or None, numbers.programming),
        row("mean power", lambda each: each["life"] and each["life"]["mean_power_uw"], numbers.power),
        row("battery life", lambda each: each["life"] and each["life"]["battery_days"], _days),
        row("energy of its life", lambda each: each["life"] and each["life"]["energy_j"]["total"], numbers.lifelong),
        row("energy of the fleet", lambda each: each["fleet"] and each["fleet"]["energy_j"], numbers.lifelong),
        row("  its batteries", lambda each: each["fleet"] and each["fleet"]["batteries"], _batteries),
        row("  sent to it", lambda each: each["fleet"] and each["fleet"]["sent_bytes"], numbers.volume),
    )


def _days(count: float | None) -> str:
    return "" if count is None else f"{numbers.rate(count)} days"


def _batteries(count: float | None) -> str:
    return "" if count is None else numbers.rate(count)


def _accuracy(document: DeploymentBesideDocument) -> str:
    found = document["emulated"]
    if found is None or found["accuracy"] is None:
        return ""
    interval = found["accuracy_interval"]
    within = "" if interval is None else f" ({numbers.interval(interval, 2, '%')})"
    return f"{numbers.share(found['accuracy'])}{within}"


def _agree(document: DeploymentBesideDocument) -> Shown:
    found = document["emulated"]
    return "" if found is None else AGREE[found["executors_agree"]]


def _on_chips(document: DeploymentBesideDocument) -> str:
    found = document["emulated"]
    if found is None or found["accuracy_on_chips"] is None:
        return ""
    return f"{numbers.share(found['accuracy_on_chips'])} of {numbers.counted(found['chips'], 'chip')}"


def _show_budget(console: Console, budget: BudgetDocument) -> None:
    """Which limits are kept, and by whom they are broken."""
    kept: dict[bool | None, Shown] = {True: "kept", False: red("BROKEN"), None: red("NOT KNOWN")}
    for limit in budget["limits"]:
        bound = f"{limit['figure']} {'at least' if limit['least'] else 'at most'} {limit['text']}: "
        wrong = [each for each in limit["deployments"] if not each["kept"]]
        if not wrong:
            console.print(line(f"budget, {bound}kept"))
        for each in wrong:
            console.print(line(f"budget, {bound}", kept[each["kept"]], f" by {each['name']}"))
