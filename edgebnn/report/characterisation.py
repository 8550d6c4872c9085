"""`chip characterise` as JSON and as tables: error rates with what theory says, what was counted, what it is worth."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edgebnn.chip.characterise import Characterisation, ErrorRates, PolicyFigures, Rate, State, TernaryErrors
from edgebnn.chip.comparators import Comparison, Scheme
from edgebnn.chip.conditions import KELVIN
from edgebnn.chip.distributions import BIN_DECADES, QUANTILES
from edgebnn.chip.evidence import weakest
from edgebnn.chip.intervals import LEVEL
from edgebnn.chip.lifetime import SECONDS_A_DAY
from edgebnn.chip.provenance import Graded
from edgebnn.chip.quantity import Evidence
from edgebnn.chip.verification import Verified
from edgebnn.report import numbers
from edgebnn.report.tables import show_notes
from edgebnn.report.target_names import shown_target

Document = dict[str, Any]

# The JSON's field for the bit error rate of each scheme; SECDED(8,4) has the redundancy of 2T2R.
FIELDS = {
    Scheme.SINGLE: "ber_1t1r",
    Scheme.SECDED_8_4: "ber_secded",
    Scheme.SECDED_72_64: "ber_secded_72_64",
    Scheme.PAIR: "ber_2t2r",
}

# Ternary errors of which the tables state no more than what their rate lies below.
BOUNDS = ("sign_flip",)


def characterisation_document(found: Characterisation) -> Document:
    """The value of a rate is theory's, its interval that of what was counted."""
    request = found.request
    return {
        "target": found.target,
        "target_changed": found.target_changed,
        "seed": request.seed,
        "cells": request.cells,
        "interval_level": LEVEL,
        "first": {"cycles": request.cycles[0], "supply_v": found.rates[0].supply_v},
        "retention_days": request.retention_s / SECONDS_A_DAY,
        "temperature_c": None if request.temperature_k is None else request.temperature_k - KELVIN,
        "policies": [_policy(policy) for policy in found.policies],
        **{field: [_rate_at(rates, scheme) for rates in found.rates] for scheme, field in FIELDS.items()},
        "programming": [_verified(row) for row in found.programming],
        "ternary": [_ternary(errors) for errors in found.ternary],
        "ternary_theory": [
            {"supply_v": at.supply_v, **{event: _graded(rate) for event, rate in at.rates.items()}}
            for at in found.ternary_theory
        ],
        "notes": list(found.notes),
    }


def _graded(number: Graded) -> Document:
    return {"value": number.value, "evidence": str(number.evidence)}


def _rate(rate: Rate) -> Document:
    return {
        **_graded(rate.theory),
        "sampled": rate.sampled.share,
        "interval": list(rate.sampled.interval()),
        "wrong": rate.sampled.wrong,
        "trials": rate.sampled.trials,
    }


def _rate_at(rates: ErrorRates, scheme: Scheme) -> Document:
    where = {"policy": rates.policy, "cycles": rates.cycles, "supply_v": rates.supply_v}
    signs = {"plus": _rate(rates.plus), "minus": _rate(rates.minus)} if scheme is Scheme.PAIR else {}
    return where | _rate(rates.rates[scheme]) | signs


def _verified(row: Verified) -> Document:
    return {
        "policy": row.policy,
        "attempts": row.attempts,
        "remaining": {
            "value": row.remaining.share,
            "interval": list(row.remaining.interval()),
            "wrong": row.remaining.wrong,
            "trials": row.remaining.trials,
            "evidence": str(row.evidence),
        },
        "energy_pj_per_synapse": _scaled(row.energy_j, 1e12),
        "time_us_per_row": _scaled(row.time_s, 1e6),
    }


def _ternary(errors: TernaryErrors) -> Document:
    rates = {event: _rate(rate) for event, rate in errors.rates.items()}
    for event, stated in errors.tabulated.items():
        rates[event]["tabulated"] = {**_graded(stated), "upper_bound": event in BOUNDS}
    return {"policy": errors.policy, "supply_v": errors.supply_v, **rates}


def _policy(policy: PolicyFigures) -> Document:
    return {
        "name": policy.name,
        "lrs": _state(policy.lrs),
        "hrs": _state(policy.hrs),
        "ln_contrast": _graded(policy.contrast),
        "endurance_cycles": _graded(policy.endurance),
        "ageing": [{"cycles": cycles, **_graded(pair), "single": single} for cycles, pair, single in policy.ageing],
        "comparison": [_comparison(row) for row in policy.comparison],
    }


def _state(state: State) -> Document:
    sampled = state.distribution
    edges = range(sampled.first_bin, sampled.first_bin + len(sampled.counts) + 1)
    return {
        "median_ohm": _graded(state.median),
        "ln_spread": _graded(state.spread),
        "quantiles_ohm": {f"{share:g}": ohm for share, ohm in zip(QUANTILES, sampled.quantiles_ohm, strict=True)},
        "histogram": {
            "edges_log10_ohm": [round(edge * BIN_DECADES, 6) for edge in edges],
            "counts": list(sampled.counts),
        },
    }


def _comparison(row: Comparison) -> Document:
    return {
        "scheme": str(row.scheme),
        "bit_error_rate": _graded(row.bit_error_rate),
        "devices_per_bit": _graded(row.devices),
        "programming_pj_per_bit": _scaled(row.programming_j, 1e12),
        "reading_fj_per_bit": None if row.reading_j is None else _scaled(row.reading_j, 1e15),
    }


def _scaled(number: Graded, factor: float) -> Document:
    return {"value": number.value * factor, "evidence": str(number.evidence)}


def show_characterisation(console: Console, document: Document) -> None:
    """Devices, comparators, error rates and ternary errors."""
    temperature = document["temperature_c"]
    warm = "" if temperature is None else f" at {temperature:g} C"
    days = document["retention_days"]
    kept = f", {days:g} days after programming" if days else ""
    cells = numbers.count(document["cells"])
    console.print(f"{shown_target(document)}{warm}{kept}: chip of seed {document['seed']}, {cells} cells asked for")
    rates = document[FIELDS[Scheme.PAIR]]
    if len({(row["cycles"], row["supply_v"]) for row in rates}) > 1:
        first = f"{_history(document['first']['cycles'])}, {document['first']['supply_v']:g} V"
        console.print(f"Bit error rates are those of each condition; all other tables are those of the first: {first}.")
    console.print(_devices(document["policies"]))
    console.print(_comparisons(document["policies"]))
    console.print(_rates(document))
    console.print(_programming(document["programming"]))
    console.print(_ternary_rates(document["ternary"]))
    console.print(
        f"Theory's value first, then the exact {document['interval_level']:.0%} interval of what was counted. Every "
        "word is that of the weakest number that enters: [bold]edgebnn targets show[/bold] lists them."
    )
    show_notes(console, document)


def _table(title: str, *names: str, left: int = 1) -> Table:
    """The first `left` columns are words, and so is the last one where it is the evidence."""
    table = Table(title=title, title_justify="left")
    for place, name in enumerate(names):
        words = place < left or name == "evidence"
        table.add_column(name, justify="left" if words else "right", overflow="fold")
    return table


def _devices(policies: list[Document]) -> Table:
    title = "Devices: medians and where 98% of the sampled ones lie, in kohm; spread of ln R"
    table = _table(title, "policy", "LRS", "98%", "HRS", "98%", "spread", "endures")
    for policy in policies:
        table.add_row(
            escape(policy["name"]),
            *(text for state in ("lrs", "hrs") for text in _resistances(policy[state])),
            f"{policy['lrs']['ln_spread']['value']:.3f}",
            f"{policy['endurance_cycles']['value']:.0e}",
        )
    return table


def _resistances(state: Document) -> tuple[str, str]:
    low, high = (_kohm(state["quantiles_ohm"][share]) for share in ("0.01", "0.99"))
    return _kohm(state["median_ohm"]["value"]), f"{low} to {high}"


def _kohm(ohm: float) -> str:
    return f"{ohm / 1e3:,.0f}" if ohm >= 99.5e3 else f"{ohm / 1e3:.2g}"


def _comparisons(policies: list[Document]) -> Table:
    table = _table("A bit of data in", "", "BER", "devices", "programming", "reading", "evidence")
    for policy in policies:
        table.add_section()
        table.add_row(f"[bold]{escape(policy['name'])}[/bold]")
        for row in policy["comparison"]:
            numbers_of_row = [value for value in row.values() if isinstance(value, dict)]
            reading = row["reading_fj_per_bit"]
            table.add_row(
                _indented(row["scheme"]),
                _probability(row["bit_error_rate"]["value"]),
                f"{row['devices_per_bit']['value']:g}",
                f"{row['programming_pj_per_bit']['value']:.1f} pJ",
                "" if reading is None else f"{reading['value']:.1f} fJ",
                weakest(*(Evidence(number["evidence"]) for number in numbers_of_row)),
            )
    return table


def _rates(document: Document) -> Table:
    table = _table("Bit error rates", "", "theory", "counted", "evidence")
    for rows in zip(*(document[field] for field in FIELDS.values()), strict=True):
        where = rows[0]
        table.add_section()
        table.add_row(f"[bold]{escape(where['policy'])}[/bold]\n{_history(where['cycles'])}, {where['supply_v']:g} V")
        for scheme, row in zip(FIELDS, rows, strict=True):
            table.add_row(_indented(scheme), *_cells(row))
            if scheme is Scheme.PAIR and row["plus"]["value"] != row["minus"]["value"]:
                table.add_row("    of +1", *_cells(row["plus"]))
                table.add_row("    of -1", *_cells(row["minus"]))
    return table


def _programming(found: list[Document]) -> Table:
    title = "Programmed again where it reads wrong with either input; energy a synapse, time a row"
    table = _table(title, "", "still wrong", "energy", "time", "evidence")
    for row in found:
        if row["attempts"] == 1:
            table.add_section()
            table.add_row(f"[bold]{escape(row['policy'])}[/bold]")
        remaining, energy, time = row["remaining"], row["energy_pj_per_synapse"], row["time_us_per_row"]
        low, high = (_probability(bound) for bound in remaining["interval"])
        table.add_row(
            "  once" if row["attempts"] == 1 else f"  up to {row['attempts']} times",
            f"{low} to {high}",
            f"{energy['value']:.2f} pJ",
            f"{time['value']:.2f} us",
            weakest(*(Evidence(number["evidence"]) for number in (remaining, energy, time))),
        )
    return table


def _ternary_rates(found: list[Document]) -> Table:
    table = _table("Ternary weights read wrong", "", "theory", "counted", "evidence", "table")
    for errors in found:
        table.add_section()
        table.add_row(f"[bold]{escape(errors['policy'])}[/bold]\n{errors['supply_v']:g} V")
        for event, words in (("sign_flip", "+1 as -1"), ("to_zero", "+-1 as 0"), ("from_zero", "0 as +-1")):
            table.add_row(f"  {words}", *_cells(errors[event]), _stated(errors[event].get("tabulated")))
    return table


def _history(cycles: int) -> str:
    return f"after {numbers.counted(cycles, 'cycle')}" if cycles else "fresh"


def _indented(scheme: str) -> str:
    """A code stands below the 1T1R that it is added to."""
    return "  " + scheme.replace("1T1R +", "  +")


def _stated(tabulated: Document | None) -> str:
    if tabulated is None:
        return ""
    value = f"{tabulated['value']:.3g}".replace("e-0", "e-")
    return f"{'<' if tabulated['upper_bound'] else ''}{value}, {tabulated['evidence']}"


def _cells(row: Document) -> tuple[str, str, str]:
    low, high = row["interval"]
    return _probability(row["value"]), f"{_probability(low)} to {_probability(high)}", row["evidence"]


def _probability(value: float) -> str:
    return f"{value:.2e}" if value else "0"
