"""The JSON of `compare`, and the sentence about a budget that is broken."""

from __future__ import annotations

from collections import Counter
from typing import cast

from edgebnn.comparison.compare import Compared, Comparison, Judged
from edgebnn.comparison.emulated import Emulated
from edgebnn.comparison.figures import FIGURES, Dimension, Figure
from edgebnn.json_types.comparison import (
    BudgetDocument,
    ComparedDocument,
    DeploymentBesideDocument,
    EmulatedFiguresDocument,
    FiguresDocument,
)
from edgebnn.legible import legible_name
from edgebnn.network import what_is_taken
from edgebnn.report import numbers
from edgebnn.report.documents import (
    energy_document,
    fleet_document,
    left_out,
    lifetime_document,
    memory_document,
    origin_document,
)
from edgebnn.report.fit import available_document
from edgebnn.report.input_quantisers import outside_document
from edgebnn.report.int8_energy import spent_on_int8
from edgebnn.report.names import listed

_MOST_NAMED = 4  # limits that are broken, in the sentence


def comparison_document(found: Comparison) -> ComparedDocument:
    """`compare`."""
    fields = {figure.name: figure.field for figure in FIGURES}
    return {
        "deployments": [_beside(each, found.with_life) for each in found.deployments],
        "differences": [fields[name] for name in found.differences],
        "budget": None if found.budget is None else _budget(found),
        "notes": _notes(found),
    }


def _beside(each: Compared, with_life: bool) -> DeploymentBesideDocument:
    deployment, told = each.deployment, each.estimate
    mapped = deployment.mapped
    kinds = Counter[str]()
    for node in mapped.network.linear:
        kinds[str(node.weight_kind)] += int(node.weights.size)
    figures = each.figures
    return {
        "name": each.name,
        "model": mapped.network.name,
        **origin_document(mapped),
        "weights_by_kind": dict(kinds),
        "inputs": [what_is_taken(entry) for entry in mapped.network.inputs],
        "inputs_outside": outside_document(mapped.network),
        "figures": cast("FiguresDocument", {figure.field: figures[figure.name] for figure in FIGURES}),
        "counted_on": "data" if each.counts else "zeros",
        "memory": {**memory_document(deployment), "available": available_document(mapped.target)},
        "estimated": None if told is None else energy_document(told),
        "emulated": None if each.emulated is None else _emulated(each.emulated),
        "life": None if told is None or told.lifetime is None or not with_life else lifetime_document(told.lifetime),
        "fleet": None if told is None or told.fleet is None else fleet_document(told.fleet),
        "notes": [
            *left_out(deployment),
            *([each.why_not] if each.why_not and deployment.elf is not None else []),
            *spent_on_int8(mapped, None if told is None else told.energy),
        ],
    }


def _emulated(found: Emulated) -> EmulatedFiguresDocument:
    return {
        "samples": found.samples,
        "firmware_samples": found.firmware_samples,
        "accuracy": found.accuracy,
        "accuracy_interval": found.accuracy_interval,
        "executors_agree": found.executors_agree,
        "energy_per_inference_nj": None if found.energy_nj is None else dict(found.energy_nj),
        "latency_per_inference_us": found.latency_us,
        "evidence": dict(found.evidence),
        "chips": found.chips,
        "accuracy_on_chips": found.accuracy_on_chips,
    }


def _budget(found: Comparison) -> BudgetDocument:
    assert found.budget is not None
    return {
        "kept": found.kept,
        "limits": [
            {
                "figure": limit.figure.name,
                "field": limit.figure.field,
                "least": limit.figure.least,
                "limit": limit.value,
                "text": limit.text,
                "deployments": [
                    {"name": each.name, "value": each.found, "kept": each.kept}
                    for each in found.judged
                    if each.limit is limit
                ],
            }
            for limit in found.budget.limits
        ],
    }


def _notes(found: Comparison) -> list[str]:
    """What makes the figures of several deployments less comparable than they look."""
    notes, every = [], found.deployments
    outside = [each.name for each in every if each.deployment.mapped.network.quantised_outside]
    if outside:
        where = "" if len(outside) == len(every) else f" of {listed(outside, _MOST_NAMED)}"
        notes.append(
            f"a quantiser of the model's own, on its input, stays outside the firmware{where}, and no figure there "
            "counts it; edgebnn compile with --input-type and --input-scale takes it into the firmware"
        )
    counted = [each.name for each in every if each.counts]
    if 0 < len(counted) < len(every):
        notes.append(
            f"energy and latency of {listed(counted, _MOST_NAMED)} were counted on data, those of the others on zeros"
        )
    return notes


def broken(found: Comparison) -> str | None:
    """One sentence about the limits that are not kept, or that nobody can judge; None where the budget is kept."""
    if found.kept:
        return None
    parts = [_broken(each) for each in found.broken]
    more = len(parts) - _MOST_NAMED
    if more > 0:
        parts = [*parts[:_MOST_NAMED], f"and {numbers.counted(more, 'more limit')} (--json has all)"]
    return f"the budget is broken: {'; '.join(parts)}"


def _broken(each: Judged) -> str:
    figure, name, text = each.limit.figure, legible_name(each.name), each.limit.text
    if each.found is None:
        return f"the {figure.name} of '{name}' is not known, so nobody can hold it to {text}"
    beyond = "less" if figure.least else "more"
    return f"the {figure.name} of '{name}' is {exactly(figure, each.found, each.limit.value)}, {beyond} than {text}"


def exactly(figure: Figure, value: float, limit: float) -> str:
    """A figure with its unit and with as many digits as tell it from a limit; bytes and counts whole."""
    if figure.dimension in (Dimension.SIZE, Dimension.COUNT):
        return f"{value:,.0f} {figure.unit}".strip()
    digits = next((each for each in range(4, 17) if f"{value:.{each}g}" != f"{limit:.{each}g}"), 17)
    return f"{value:.{digits}g} {figure.unit}".strip()
