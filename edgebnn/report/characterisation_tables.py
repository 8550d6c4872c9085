"""The tables of `chip characterise`."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from edgebnn.chip.study.comparators import Scheme
from edgebnn.chip.target.evidence import weakest
from edgebnn.chip.target.quantity import Evidence
from edgebnn.json_types.characterisation import (
    CharacterisedDocument,
    PolicyFiguresDocument,
    RateAtDocument,
    SampledRateDocument,
    StateDocument,
    TabulatedDocument,
    TallyDocument,
    TernaryEvent,
    TernaryRateDocument,
    TernaryRatesDocument,
)
from edgebnn.report import numbers
from edgebnn.report.characterisation import FIELDS
from edgebnn.report.tables import show_notes
from edgebnn.report.target_names import shown_target
from edgebnn.report.terminal import bold, line

# Ternary errors: what they are called, and by sign.
_EVENTS: dict[TernaryEvent, tuple[str, str, str]] = {
    "sign_flip": ("+1 as -1", "of +1", "of -1"),
    "to_zero": ("+-1 as 0", "of +1", "of -1"),
    "from_zero": ("0 as +-1", "as +1", "as -1"),
}


def show_characterisation(console: Console, document: CharacterisedDocument) -> None:
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
    console.print(_programming(document))
    console.print(_ternary_rates(document["ternary"]))
    console.print(
        f"Theory's value first, then the {document['interval_level']:.0%} interval of what was counted: exact, but "
        "that of 2T2R rates is wider as far as cells of one sense amplifier err together. Every word is that of the "
        "weakest number that enters: edgebnn targets show lists them."
    )
    show_notes(console, document["notes"])


def _table(title: str, *names: str, left: int = 1) -> Table:
    """The first `left` columns are words, and so is the last one where it is the evidence."""
    table = Table(title=title, title_justify="left")
    for place, name in enumerate(names):
        words = place < left or name == "evidence"
        table.add_column(name, justify="left" if words else "right", overflow="fold")
    return table


def _devices(policies: list[PolicyFiguresDocument]) -> Table:
    title = "Devices: medians and where 98% of the sampled ones lie, in kohm; spread of ln R"
    table = _table(title, "policy", "LRS", "98%", "HRS", "98%", "spread", "endures, cycles")
    for policy in policies:
        table.add_row(
            policy["name"],
            *(text for state in ("lrs", "hrs") for text in _resistances(policy[state])),
            f"{policy['lrs']['ln_spread']['value']:.3f}",
            f"{policy['endurance_cycles']['value']:.0e}",
        )
    return table


def _resistances(state: StateDocument) -> tuple[str, str]:
    low, high = (_kohm(state["quantiles_ohm"][share]) for share in ("0.01", "0.99"))
    return _kohm(state["median_ohm"]["value"]), f"{low} to {high}"


def _kohm(ohm: float) -> str:
    return f"{ohm / 1e3:,.0f}" if ohm >= 99.5e3 else f"{ohm / 1e3:.2g}"


def _comparisons(policies: list[PolicyFiguresDocument]) -> Table:
    table = _table("A bit of data in", "", "BER", "devices", "programming", "reading", "evidence")
    for policy in policies:
        table.add_section()
        table.add_row(bold(policy["name"]))
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


def _rates(document: CharacterisedDocument) -> Table:
    table = _table("Bit error rates", "", "theory", "counted", "evidence")
    for rows in zip(*(document[field] for field in FIELDS.values()), strict=True):
        where = rows[0]
        table.add_section()
        table.add_row(line(bold(where["policy"]), f"\n{_history(where['cycles'])}, {where['supply_v']:g} V"))
        for scheme, row in zip(FIELDS, rows, strict=True):
            table.add_row(_indented(scheme), *_cells(row))
            if scheme is Scheme.PAIR:
                for sign, of_sign in _by_sign(row, "of +1", "of -1"):
                    table.add_row(f"    {sign}", *_cells(of_sign))
    return table


def _programming(document: CharacterisedDocument) -> Table:
    title = "Programmed again where it reads wrong with either input; energy a synapse, time a row"
    table = _table(title, "", "still wrong", "energy", "time", "evidence")
    uneven = {
        row["policy"] for row in document[FIELDS[Scheme.PAIR]] if row["plus"]["value"] != row["minus"]["value"]
    }  # fmt: skip
    for row in document["programming"]:
        if row["attempts"] == 1:
            table.add_section()
            table.add_row(bold(row["policy"]))
        remaining, energy, time = row["remaining"], row["energy_pj_per_synapse"], row["time_us_per_row"]
        table.add_row(
            "  once" if row["attempts"] == 1 else f"  up to {row['attempts']} times",
            _interval(remaining),
            f"{energy['value']:.2f} pJ",
            f"{time['value']:.2f} us",
            weakest(*(Evidence(number["evidence"]) for number in (remaining, energy, time))),
        )
        if row["policy"] in uneven:
            table.add_row("    of +1", _interval(remaining["plus"]))
            table.add_row("    of -1", _interval(remaining["minus"]))
    return table


def _ternary_rates(found: list[TernaryRatesDocument]) -> Table:
    table = _table("Ternary weights read wrong", "", "theory", "counted", "evidence", "table")
    for errors in found:
        table.add_section()
        table.add_row(line(bold(errors["policy"]), f"\n{errors['supply_v']:g} V"))
        for event, (words, *signs) in _EVENTS.items():
            table.add_row(f"  {words}", *_cells(errors[event]), _stated(errors[event].get("tabulated")))
            for sign, of_sign in _by_sign(errors[event], *signs):
                table.add_row(f"    {sign}", *_cells(of_sign))
    return table


def _by_sign(row: RateAtDocument | TernaryRateDocument, plus: str, minus: str) -> list[tuple[str, SampledRateDocument]]:
    """The rates of both signs, where they differ."""
    even = row["plus"]["value"] == row["minus"]["value"]
    return [] if even else [(plus, row["plus"]), (minus, row["minus"])]


def _history(cycles: int) -> str:
    return f"after {numbers.counted(cycles, 'cycle')}" if cycles else "fresh"


def _indented(scheme: str) -> str:
    """A code stands below the 1T1R that it is added to."""
    return "  " + scheme.replace("1T1R +", "  +")


def _stated(tabulated: TabulatedDocument | None) -> str:
    if tabulated is None:
        return ""
    value = f"{tabulated['value']:.3g}".replace("e-0", "e-")
    return f"{'<' if tabulated['upper_bound'] else ''}{value}, {tabulated['evidence']}"


def _cells(row: SampledRateDocument) -> tuple[str, str, str]:
    return _probability(row["value"]), _interval(row), row["evidence"]


def _interval(row: SampledRateDocument | TallyDocument) -> str:
    return numbers.interval(row["interval"], 2)


def _probability(value: float) -> str:
    return f"{value:.2e}" if value else "0"
