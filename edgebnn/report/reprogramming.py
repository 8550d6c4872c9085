"""`chip reprogram` as JSON and as a table."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from edgebnn.chip.endurance import endurance
from edgebnn.chip.evidence import weakest
from edgebnn.chip.pulses import PulseCount
from edgebnn.chip.reprogramming import reprogram
from edgebnn.chip.target import Policy
from edgebnn.errors import TargetError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import pattern_of
from edgebnn.report import numbers
from edgebnn.report.documents import wear_document
from edgebnn.report.tables import facts, wear_rows
from edgebnn.report.target_names import named, shown_target

Document = dict[str, Any]


def reprogramming_document(old: MappedNetwork, new: MappedNetwork, policy: str | None) -> Document:
    """What it takes to bring a chip from one network to the other.

    Raises TargetError for two targets, targets without RRAM, or a policy that does not exist.
    """
    if old.target.sha256 != new.target.sha256:
        raise TargetError(
            f"the deployments are for two targets, '{old.target.name}' and '{new.target.name}', whose files differ; "
            "compile both for the same one"
        )
    found = reprogram(pattern_of(old), pattern_of(new))
    name = policy or new.policy
    assert name is not None, "a network in RRAM has a policy"
    chosen = new.target.policy(name)
    survives = endurance(new.target, name)
    return {
        **named(new.target),
        "policy": name,
        "synapses": found.synapses,
        "changed": found.changed,
        "changes_alone": _pulses(found.changes_alone, chosen),
        "everything": _pulses(found.everything, chosen),
        "reprogrammings": survives.reprogrammings,
        "reprogrammings_evidence": str(survives.evidence),
        "worn": wear_document(survives.worn),
    }


def _pulses(pulses: PulseCount, policy: Policy) -> Document:
    return {
        "set_pulses": pulses.set_pulses,
        "reset_pulses": pulses.reset_pulses,
        "energy_uj": pulses.energy(policy).total_j * 1e6,
        "energy_evidence": str(weakest(policy.set_energy.evidence, policy.reset_energy.evidence)),
        "time_us": pulses.time_s(policy) * 1e6,
        "time_evidence": str(policy.pulse.evidence),
    }


def show_reprogramming(console: Console, document: Document) -> None:
    """Changes alone beside everything."""
    changed, synapses = document["changed"], document["synapses"]
    share = f" ({changed / synapses:.1%})" if synapses else ""
    worn = f"after {document['reprogrammings']:,} times ({document['reprogrammings_evidence']})"
    rows = [
        ("target", shown_target(document)),
        ("synapses", numbers.count(synapses)),
        ("that change", f"{changed:,}{share}"),
        ("policy", document["policy"]),
        ("devices wear out", worn),
        *wear_rows("bit error rate then", document["worn"]),
    ]
    facts(console, "Reprogramming", rows)
    table = Table()
    for name in ("", "SET pulses", "RESET pulses", "energy", "time"):
        table.add_column(name, justify="right" if name else "left")
    for field, words in (("changes_alone", "changes alone"), ("everything", "everything")):
        row = document[field]
        energy, time = numbers.programming(row["energy_uj"]) or "0 J", numbers.latency(row["time_us"]) or "0 s"
        table.add_row(words, f"{row['set_pulses']:,}", f"{row['reset_pulses']:,}", energy, time)
    console.print(table)
    console.print(f"The energies are {document['changes_alone']['energy_evidence']} (edgebnn targets show).")
