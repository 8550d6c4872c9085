"""`edgebnn chip characterise`: distributions and error rates of a target's devices."""

from __future__ import annotations

from pathlib import Path

import click

from edgebnn.chip.device.conditions import KELVIN, MOST_GUARD_BAND
from edgebnn.cli.output import JsonCommand, emit
from edgebnn.cli.places import PictureFile, form_of


@click.command(cls=JsonCommand)
@click.argument("target")
@click.option("--policy", help="One programming policy. [default: all]")
@click.option(
    "--cycles",
    type=click.IntRange(min=0),
    multiple=True,
    default=(0,),
    show_default=False,
    help="Programming cycles that the devices went through; several times for several rates.",
)
@click.option(
    "--vdd",
    type=click.FloatRange(min=0, min_open=True),
    multiple=True,
    help="Supply in V; several times for several rates.",
)
@click.option(
    "--temperature",
    type=click.FloatRange(min=-KELVIN, min_open=True),
    metavar="C",
    help="Temperature in degrees Celsius. [default: the target's reference]",
)
@click.option(
    "--retention-days", type=click.FloatRange(min=0), metavar="D", default=0.0, help="Days since it was programmed."
)
@click.option("--cells", type=click.IntRange(min=1), default=10**6, show_default=True, help="Cells that are sampled.")
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Of the chip that is sampled."
)
@click.option(
    "--attempts",
    type=click.IntRange(1, 20),
    default=3,
    show_default=True,
    help="At programming, up to which program-and-verify is compared.",
)
@click.option(
    "--guard-band",
    type=click.FloatRange(0, MOST_GUARD_BAND),
    default=0.0,
    metavar="G",
    help="Distance in ln R by which a read after programming has to be right for a cell to be accepted.",
)
@click.option(
    "--png",
    type=PictureFile(),
    metavar="FILE",
    help="Draw distributions and error rates (.png or .svg).",
)
@click.option(
    "--margin-png",
    type=PictureFile(),
    metavar="FILE",
    help="Draw resistances of both devices and the sense margin with its misreads (.png or .svg).",
)
@click.option(
    "--ternary-png",
    type=PictureFile(),
    metavar="FILE",
    help="Draw what ternary weights are read as over the supply, under each policy (.png or .svg).",
)
def characterise(
    target: str,
    policy: str | None,
    cycles: tuple[int, ...],
    vdd: tuple[float, ...],
    temperature: float | None,
    retention_days: float,
    cells: int,
    seed: int,
    attempts: int,
    guard_band: float,
    png: Path | None,
    margin_png: Path | None,
    ternary_png: Path | None,
    json_flag: bool,
    json_file: Path | None,
) -> None:
    """Resistances and error rates of TARGET's devices, by theory and on a sampled chip.

    TARGET is a name or a TOML file. 2T2R stands beside 1T1R and 1T1R with a SECDED code; ternary errors are shown for
    each supply.
    """
    from edgebnn.chip.device.conditions import SECONDS_A_DAY
    from edgebnn.chip.study.characterise import Request
    from edgebnn.chip.study.characterise import characterise as characterised
    from edgebnn.chip.target_files.loading import load_target
    from edgebnn.files import write_whole
    from edgebnn.report.characterisation import characterisation_document
    from edgebnn.report.characterisation_tables import show_characterisation

    kelvin = None if temperature is None else temperature + KELVIN
    request = Request(
        policy=policy,
        cycles=tuple(dict.fromkeys(cycles)),
        supplies_v=tuple(dict.fromkeys(vdd)),
        temperature_k=kelvin,
        retention_s=retention_days * SECONDS_A_DAY,
        cells=cells,
        seed=seed,
        attempts=attempts,
        guard_band=guard_band,
        outcomes=ternary_png is not None,
    )
    document = characterisation_document(characterised(load_target(target), request))
    if png is not None:
        from edgebnn.report.chip_figures import characterisation_picture

        write_whole(png, characterisation_picture(document, form_of(png)))
    if margin_png is not None:
        from edgebnn.report.margin_figure import margin_picture

        write_whole(margin_png, margin_picture(document, form_of(margin_png)))
    if ternary_png is not None:
        from edgebnn.report.ternary_figure import ternary_picture

        write_whole(ternary_png, ternary_picture(document, form_of(ternary_png)))
    emit(document, json_flag, json_file, lambda console: show_characterisation(console, document))
