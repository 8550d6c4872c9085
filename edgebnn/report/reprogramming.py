"""`chip reprogram` as JSON and as a table."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from edgebnn.chip.energy.programming_cost import ProgrammingCost
from edgebnn.chip.energy.pulse_count import PulseCount
from edgebnn.chip.lifetime.endurance import weakest_endurance
from edgebnn.chip.lifetime.planned_updates import Marker, PlannedUpdates, Wearing, planned_updates
from edgebnn.chip.lifetime.reprogramming import reprogram
from edgebnn.chip.target.evidence import weakest
from edgebnn.chip.target.target import Target
from edgebnn.errors import TargetError
from edgebnn.json_types.chips import PulsesDocument, ReprogrammingDocument, UpdatesDocument, WearingDocument
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.marker import MARKER_PROGRAMMINGS
from edgebnn.mapping.programmed import pattern_of
from edgebnn.report import numbers
from edgebnn.report.documents import by_policy_document, wear_document
from edgebnn.report.policies import the_one
from edgebnn.report.tables import facts, wear_rows
from edgebnn.report.target_names import named, shown_target


def reprogramming_document(
    old: MappedNetwork, new: MappedNetwork, policy: str | None, updates: int | None = None
) -> ReprogrammingDocument:
    """What it takes to bring a chip from one network to the other, and how so many such updates wear it.

    Raises TargetError for two targets, targets without RRAM, or a policy that does not exist.
    """
    if old.target.sha256 != new.target.sha256:
        raise TargetError(
            f"the deployments are for two targets, '{old.target.name}' and '{new.target.name}', whose files differ; "
            "compile both for the same one"
        )
    before, after = pattern_of(old), pattern_of(new)
    assert new.policy is not None, "a network in RRAM has a policy"
    found = {name: reprogram(before, part) for name, part in after.by_policy(policy, new.policy)}
    survives = weakest_endurance(new.target, found)
    assert survives is not None, "rows are programmed under one policy at least"
    return {
        **named(new.target),
        "policy": the_one(found),
        "policies": list(found),
        "synapses": sum(each.synapses for each in found.values()),
        "changed": sum(each.changed for each in found.values()),
        "changes_alone": _pulses(new.target, {name: each.changes_alone for name, each in found.items()}),
        "everything": _pulses(new.target, {name: each.everything for name, each in found.items()}),
        "reprogrammings": survives.reprogrammings,
        "reprogrammings_evidence": str(survives.evidence),
        "worn": wear_document(survives.worn),
        "updates": None if updates is None else _updates(_planned(new, (*found,), updates)),
    }


def _planned(new: MappedNetwork, policies: tuple[str, ...], updates: int) -> PlannedUpdates:
    """So many updates like this one: weights go round the banks that the marker leaves."""
    array, plan = new.target.array, new.plan.marker
    assert array is not None, "updates are of weights in RRAM"
    room = array.banks.integer("count") if plan is None else plan.bank
    places = max(1, room // max(1, sum(len(stage.tiles) for stage in new.linear_stages.values())))
    marker = None if plan is None else Marker(plan.policy, MARKER_PROGRAMMINGS)
    return planned_updates(new.target, policies, places, updates, marker)


def _updates(planned: PlannedUpdates) -> UpdatesDocument:
    return {
        "count": planned.count,
        "places": planned.places,
        "in_place": _wearing(planned.in_place),
        "going_round": _wearing(planned.going_round),
        "marker": None if planned.marker is None else _wearing(planned.marker),
    }


def _wearing(wearing: Wearing) -> WearingDocument:
    return {"cycles": wearing.cycles, "endured": wearing.endured, "worn": wear_document(wearing.worn)}


def _pulses(target: Target, pulses: Mapping[str, PulseCount]) -> PulsesDocument:
    cost = ProgrammingCost(target, pulses)
    return {
        "set_pulses": cost.set_pulses,
        "reset_pulses": cost.reset_pulses,
        "energy_uj": cost.energy.total_j * 1e6,
        "energy_evidence": str(weakest(*(part.evidence for part in cost.energy.parts))),
        "time_us": cost.time_s * 1e6,
        "time_evidence": str(weakest(*(phase.evidence for phase in cost.times.values()))),
        "by_policy": by_policy_document(cost),
    }


def show_reprogramming(console: Console, document: ReprogrammingDocument) -> None:
    """Changes alone beside everything."""
    changed, synapses = document["changed"], document["synapses"]
    share = f" ({changed / synapses:.1%})" if synapses else ""
    worn = f"after {document['reprogrammings']:,} times ({document['reprogrammings_evidence']})"
    rows = [
        ("target", shown_target(document)),
        ("cells of its rows", numbers.count(synapses)),
        ("that change", f"{changed:,}{share}"),
        ("policy", ", ".join(document["policies"])),
        ("devices wear out", worn),
        *wear_rows("bit error rate then", document["worn"]),
    ]
    facts(console, "Reprogramming", rows)
    if document["updates"] is not None:
        _show_updates(console, document["updates"])
    table = Table()
    for name in ("", "SET pulses", "RESET pulses", "energy", "time"):
        table.add_column(name, justify="right" if name else "left")
    for words, row in (("changes alone", document["changes_alone"]), ("everything", document["everything"])):
        energy, time = numbers.programming(row["energy_uj"]) or "0 J", numbers.latency(row["time_us"]) or "0 s"
        table.add_row(words, f"{row['set_pulses']:,}", f"{row['reset_pulses']:,}", energy, time)
    console.print(table)
    console.print(f"The energies are {document['changes_alone']['energy_evidence']} (edgebnn targets show).")


def _show_updates(console: Console, updates: UpdatesDocument) -> None:
    rows = []
    for words, wearing in (
        ("in the same banks", updates["in_place"]),
        (f"going round {updates['places']:,} places", updates["going_round"]),
        ("the marker", updates["marker"]),
    ):
        if wearing is None:
            continue
        pulses = f"{numbers.counted(wearing['cycles'], 'cycle')} of a device at most"
        rows += [(words, pulses if wearing["endured"] else f"{pulses}: worn out before")]
        rows += wear_rows("bit error rate then", wearing["worn"])
    facts(console, f"{numbers.counted(updates['count'], 'update')}", rows)
