"""The tables of chip instances, made from the documents of `chip_documents`."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table

from edgebnn.json_types.chips import (
    AttemptsDocument,
    ChipDocument,
    ComparedChipsDocument,
    ImportedChipDocument,
    MeasuredCellsDocument,
    NewChipDocument,
    WrongSynapsesDocument,
)
from edgebnn.legible import legible_line
from edgebnn.report import numbers
from edgebnn.report.tables import facts, show_notes
from edgebnn.report.target_names import shown_target
from edgebnn.report.terminal import bold

_MODELS = {
    "ber": "independent synapses",
    "neighbour": "neighbouring values, anew in every inference",
    "table": "rates by bank, row and column",
    "device": "resistances and sense amplifiers",
}
_KINDS = {
    "both": "of programming and of each read",
    "programming": "of programming alone",
    "read": "of each read alone",
}


def show_new_chip(console: Console, document: NewChipDocument) -> None:
    """`chip new`."""
    facts(console, "Chip instance", [*_chip_rows(document), ("written to", legible_line(document["file"]))])


def show_import(console: Console, document: ImportedChipDocument) -> None:
    """`chip import`."""
    facts(console, "Measurement", _measurement_rows(document["measurement"], document["ignored_columns"]))
    console.print()
    show_new_chip(console, document)
    show_notes(console, document["notes"])


def show_comparison(console: Console, document: ComparedChipsDocument) -> None:
    """`chip compare`."""
    first, second = document["chips"]
    console.print(bold("target"), f"  {shown_target(document)}", sep="", highlight=False)
    for letter, chip in (("A", first), ("B", second)):
        rows = _sign_rows(chip["error_rate_plus"], chip["error_rate_minus"])
        signs = "".join(f" ({name.strip()} {value})" for name, value in rows)
        rate = f"bit error rate {numbers.error_rate(chip['bit_error_rate'])}{signs}"
        console.print(bold(letter), f"  {legible_line(chip['file'])}: {rate}", sep="", highlight=False)
    if document["differences"]:
        table = Table(title="Where they differ", title_justify="left")
        for name in ("", "A", "B"):
            table.add_column(name, overflow="fold")
        for name, pair in document["differences"].items():
            table.add_row(
                name.replace("_", " "), *("none" if value is None else legible_line(str(value)) for value in pair)
            )
        console.print(table)
    else:
        console.print("They are the same chip.")
    _show_patterns(console, document)


def _show_patterns(console: Console, document: ComparedChipsDocument) -> None:
    title = f"The first {numbers.counted(document['banks'], 'bank')}, all weights alike"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("weights")
    for name in ("wrong on A", "wrong on B", "differ", "phi", "ln R apart"):
        table.add_column(name, justify="right")
    for pattern in document["patterns"]:
        measures = pattern["correlation"], pattern["mean_ln_resistance_difference"]
        table.add_row(
            f"{pattern['weight']:+d}" if pattern["weight"] else "0",
            *(f"{numbers.count(wrong['count'])}\n{_interval(wrong)}\n{_misread(wrong)}" for wrong in pattern["wrong"]),
            numbers.count(pattern["differ"]),
            *("-" if value is None else f"{value:.3f}" for value in measures),
        )
    console.print(table)
    console.print(
        f"Of {numbers.count(document['patterns'][0]['wrong'][0]['synapses'])} synapses; wrong is one whose likeliest "
        "answer with the input +1 is not its weight, and below the count stand the 95% interval of the share and the "
        "share that one such read finds wrong, what each read adds included. phi is 1 where the same "
        "synapses are wrong, and about 0 where the chips know nothing of each other."
    )


def _chip_rows(document: NewChipDocument) -> list[tuple[str, str]]:
    chip = document["chip"]
    policy = str(chip["policy"]) if chip["own_policy"] else f"the deployment's (figures below: {chip['policy']})"
    rows = [
        ("target", shown_target(document)),
        ("seed", str(chip["seed"])),
        ("errors", f"{chip['errors']}: {_MODELS[chip['errors']]}"),
        *([] if chip["errors"] == "neighbour" else [("", _KINDS[chip["kinds"]])]),
        ("policy", policy),
        *_condition_rows(chip),
        ("bit error rate, binary", f"{numbers.error_rate(chip['bit_error_rate'])} ({chip['bit_error_rate_evidence']})"),
        *_sign_rows(chip["error_rate_plus"], chip["error_rate_minus"]),
    ]
    if chip["measured"] is not None:
        cells = numbers.counted(chip["measured"]["cells"], "cell")
        rows.append(("measured", f"{cells} of {legible_line(chip['measured']['file'])}; the others are drawn"))
    samples = ("+1", document["sample"]), ("-1", document["sample_minus"])
    for name, (sign, sample) in zip((f"wrong, {_when(chip)}", ""), samples, strict=True):
        wrong = f"{numbers.count(sample['count'])} of {numbers.count(sample['synapses'])} synapses, all {sign}"
        rows += [
            (name, f"{wrong}, read with the input +1"),
            ("", f"95% interval of the share: {_interval(sample)}"),
        ]
    misread = " and ".join(f"{_misread(sample)} of the {sign}" for sign, sample in samples)
    return [*rows, ("wrong in one read", f"{misread}, in the mean, what each read adds included")]


def _when(chip: ChipDocument) -> str:
    """What lies between programming and the read that is counted."""
    return f"after {chip['retention_days']:g} days" if chip["retention_days"] else "once programmed"


def _misread(wrong: WrongSynapsesDocument) -> str:
    return numbers.error_rate(wrong["misread_share"])


def _sign_rows(plus: float | None, minus: float | None) -> list[tuple[str, str]]:
    """Rates of +1 and -1, where they are known and differ."""
    if plus is None or minus is None or plus == minus:
        return []
    return [("  of +1 and -1", f"{numbers.error_rate(plus)} and {numbers.error_rate(minus)}")]


def _condition_rows(chip: ChipDocument) -> list[tuple[str, str]]:
    """What is not as it is by itself."""
    values: tuple[tuple[str, float | None, str], ...] = (
        ("programming cycles", chip["cycles"], "{:,}"),
        ("supply", chip["supply_v"], "{:g} V"),
        ("temperature", chip["temperature_c"], "{:g} C"),
        ("since programming", chip["retention_days"], "{:g} days"),
        ("XNORs wrong in a read", chip["read_error_rate"], "{:g}"),
    )
    rows = [(name, form.format(value)) for name, value, form in values if value is not None and value != 0]
    return rows + ([("attempts", attempts_shown(chip))] if chip["attempts"] > 1 else [])


def attempts_shown(chip: AttemptsDocument) -> str:
    """`up to 5 attempts, guard band 0.2`; the document is that of a chip or of what all chips have alike."""
    guard = f", guard band {chip['guard_band']:g} in ln R" if chip["guard_band"] else ""
    return f"up to {chip['attempts']} attempts{guard}"


def _measurement_rows(found: MeasuredCellsDocument, ignored: list[str]) -> list[tuple[str, str]]:
    rows = [
        ("file", legible_line(found["file"])),
        ("cells", f"{numbers.count(found['cells'])} in {numbers.counted(found['banks'], 'bank')}"),
        ("evidence", found["evidence"]),
    ]
    if found.get("readings", found["cells"]) != found["cells"]:
        rows.append(("readings", numbers.count(found["readings"])))
    if "stuck_devices" in found:
        stuck = found["stuck_devices"]
        rows.append(("stuck devices", f"{numbers.count(stuck['lrs'])} in LRS, {numbers.count(stuck['hrs'])} in HRS"))
    for name, ohm in (("LRS, 5/50/95%", found.get("lrs_ohm")), ("HRS, 5/50/95%", found.get("hrs_ohm"))):
        if ohm is not None:
            rows.append((name, f"{' / '.join(f'{value:.3g}' for value in ohm)} ohm"))
    if "wrong_share" in found:
        rows.append(("LRS above HRS", f"{found['wrong_share']:.2%} of the cells"))
        if found["equal_share"]:
            rows.append(("LRS equal to HRS", f"{found['equal_share']:.2%} of the cells"))
    if "error_rate" in found:
        quantiles = " / ".join(f"{value:.3g}" for value in found["error_rate"])
        rows += [("error rate, mean", f"{found['mean_error_rate']:.3g}"), ("  5/50/95%", quantiles)]
        rows += _sign_rows(found["mean_error_rate_plus"], found["mean_error_rate_minus"])
    if ignored:
        names = ", ".join(map(legible_line, ignored[:8])) + (", ..." if len(ignored) > 8 else "")
        rows.append(("columns not read", names))
    return rows


def _interval(wrong: WrongSynapsesDocument) -> str:
    return numbers.interval(wrong["interval"], 1)
