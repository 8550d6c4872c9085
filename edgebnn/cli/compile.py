"""`edgebnn compile`: from an ONNX file to a deployment folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgebnn.cli.options import given, model_argument, reading_options, target_option, toolchain_option
from edgebnn.cli.output import JsonCommand, emit
from edgebnn.cli.places import DeploymentFolder, OutputFolder, PictureFile, form_of
from edgebnn.legible import legible_name

if TYPE_CHECKING:
    from edgebnn.chip.instance.chip_instance import ChipInstance
    from edgebnn.chip.target.target import Target


_CHOICE = (
    "max_accuracy_drop", "objective", "reprogrammings", "seed", "measure_chips", "verify_chips", "trim_samples",
    "most_attempts", "chip_yield",
)  # fmt: skip


def _check_choice(policy: str | None, chip: str | None) -> None:
    """A usage error where the options of a choice of policies do not go together."""
    if policy == "auto":
        if not given("max_accuracy_drop"):
            raise click.UsageError("--policy auto goes with --max-accuracy-drop, how far the accuracy may fall")
        if chip is not None and given("seed"):
            raise click.UsageError("--seed is of drawn chips, and --chip names one; leave one out")
        return
    for name in _CHOICE:
        if given(name):
            raise click.UsageError(f"--{name.replace('_', '-')} goes with --policy auto; leave it out")
    if given("errors") and chip is None:
        raise click.UsageError("--errors goes with --policy auto or --chip SEED; leave it out")


def _chip(chip: str | None, target: Target, errors: str | None) -> ChipInstance | None:
    """The chip that the placement goes by; a usage error for readings of none."""
    from edgebnn.cli.chip_options import ChipOptions
    from edgebnn.cli.options import is_seed, named_chip

    if chip is None:
        if given("readings"):
            raise click.UsageError("--readings goes with --chip, which is read; give one, or leave it out")
        return None
    return named_chip(
        chip, ChipOptions(errors=errors or "table") if is_seed(chip) else ChipOptions(errors=errors), target, ()
    )


def _by_layer(texts: tuple[str, ...], option: str, form: str, example: str) -> dict[str, str]:
    """The values of an option by layer; a usage error where one is no LAYER=..., or a layer has two."""
    found: dict[str, str] = {}
    for text in texts:
        layer, _, value = text.rpartition("=")
        if not layer or not value:
            raise click.UsageError(f"{option} '{legible_name(text)}' is no {form}, such as {example}")
        if layer in found:
            raise click.UsageError(f"{option} is given twice for layer '{legible_name(layer)}'; give it once")
        found[layer] = value
    return found


def _policies(texts: tuple[str, ...]) -> dict[str, str]:
    return _by_layer(texts, "--policy-for", "LAYER=NAME", "fc1=low-energy")


def _attempts(texts: tuple[str, ...]) -> dict[str, int]:
    from edgebnn.chip.instance.chip_instance import MOST_ATTEMPTS

    given = _by_layer(texts, "--attempts-for", "LAYER=N", "fc1=3")
    for layer, text in given.items():
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MOST_ATTEMPTS):
            wrong = legible_name(f"{layer}={text}")
            raise click.UsageError(
                f"--attempts-for '{wrong}' is no LAYER=N with N from 1 to {MOST_ATTEMPTS}, such as fc1=3"
            )
    return {layer: int(text[:9]) for layer, text in given.items()}


@click.command(cls=JsonCommand)
@model_argument
@target_option()
@click.option(
    "-o",
    "--folder",
    type=OutputFolder(),
    help="Folder for the deployment; by default MODEL-TARGET.",
)
@click.option(
    "--policy",
    metavar="NAME|auto",
    help="Programming policy of the RRAM (edgebnn targets show TARGET lists them); auto chooses one for each layer, of "
    "the least energy within --max-accuracy-drop on the labelled samples of --calibration.",
)
@click.option(
    "--policy-for",
    "policies",
    metavar="LAYER=NAME",
    multiple=True,
    help="Programming policy of one layer, by its name (edgebnn inspect --json has them whole); repeatable.",
)
@click.option(
    "--max-accuracy-drop",
    type=click.FloatRange(0, 100, min_open=True),
    metavar="X",
    help="With --policy auto: how many percentage points the accuracy may fall, by the upper end of the 95% interval "
    "of the mean loss over chips.",
)
@click.option(
    "--objective",
    type=click.Choice(["energy", "endurance"]),
    default="energy",
    show_default=True,
    help="With --policy auto: the least programming energy, or the most cycles until the first devices wear out.",
)
@click.option(
    "--reprogrammings",
    type=click.IntRange(0, 1 << 48),
    default=0,
    show_default=True,
    help="With --policy auto: how often the chip is programmed anew in its life, at whose end accuracy has to hold.",
)
@click.option(
    "--errors",
    type=click.Choice(["ber", "neighbour", "table", "device"]),
    help="With --policy auto, or --chip SEED: the chips' error model. [default: table, or ber without physics]",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 1 << 62),
    default=0,
    show_default=True,
    help="With --policy auto: the first chip's.",
)
@click.option(
    "--measure-chips",
    type=click.IntRange(1, 1000),
    default=10,
    show_default=True,
    help="With --policy auto: chips on which it is measured what each layer loses under each policy.",
)
@click.option(
    "--verify-chips",
    type=click.IntRange(2, 10_000),
    default=50,
    show_default=True,
    help="With --policy auto: other chips, on which chosen policies are verified.",
)
@click.option(
    "--trim-samples",
    type=click.IntRange(0, 1 << 20),
    default=0,
    show_default=True,
    help="With --policy auto: the accuracy is to hold for chips that are trimmed (edgebnn trim) by so many samples: so "
    "many of --calibration trim each chip, and the others judge it. [0: chips are not trimmed]",
)
@click.option(
    "--most-attempts",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="With --policy auto: chips verify what they program and try up to so often (error model device); each layer "
    "gets the policy and the attempts that together take the least energy.",
)
@click.option(
    "--chip-yield",
    type=click.FloatRange(0, 0.999, min_open=True),
    metavar="S",
    help="With --policy auto: this share of the chips is to lose no more than --max-accuracy-drop each, by the exact "
    "95% interval; 0.95 takes at least 72 --verify-chips. [default: chips in the mean]",
)
@click.option(
    "--provisioning",
    type=click.Choice(["boot", "once", "separate"]),
    help="When the RRAM is programmed: at every boot; once, by the firmware; or by a program of its own, and the "
    "firmware is without the weights. [default: once, where the target can]",
)
@click.option(
    "--placement",
    type=click.Choice(["linear", "ber-aware"]),
    default="linear",
    show_default=True,
    help="How weights go to cells: one after the other, or those that matter to the cells that err least (with "
    "--calibration, and of a --chip).",
)
@click.option(
    "--chip",
    metavar="SEED|FILE",
    help="The chip whose errors the placement goes by: a file, or the seed of one with errors by place. [default: what "
    "all chips of the target have in common]",
)
@click.option(
    "--readings",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    help="How often the chip is programmed and read to learn where it errs.",
)
@click.option(
    "--update-of",
    type=DeploymentFolder(),
    help="Deployment that the chip holds: the model goes into its banks with the fewest pulses.",
)
@click.option("--fresh-banks", is_flag=True, help="Put the update into the banks behind those, so that all wear alike.")
@click.option(
    "--verify-share",
    type=click.FloatRange(0, 1),
    metavar="S",
    help="A chip that verifies what it programs (emulate --attempts) verifies this share of the words of rows alone: "
    "those that matter most (with --calibration). [default: all]",
)
@click.option(
    "--attempts-for",
    "attempts",
    metavar="LAYER=N",
    multiple=True,
    help="Most attempts of a chip that verifies at the rows of one layer; repeatable. [default: as many as it makes]",
)
@click.option(
    "--trim",
    type=click.Choice(["on-chip", "on-chip-always"]),
    help="Let each chip trim itself: its firmware reads its weights back once they are programmed, and shifts each "
    "neuron's sums by what the wrong ones add in the mean (with --calibration, which shows the mean inputs). on-chip "
    "tries it on simulated chips first and leaves it out where these samples show no gain; on-chip-always does not.",
)
@click.option(
    "--png",
    type=PictureFile(),
    metavar="FILE",
    help="With --placement ber-aware: draw the banks by error rate and by how much their weights matter, before and "
    "after (.png or .svg).",
)
@reading_options
@toolchain_option
def compile(
    model: Path,
    target: str,
    folder: Path | None,
    policy: str | None,
    policies: tuple[str, ...],
    max_accuracy_drop: float | None,
    objective: str,
    reprogrammings: int,
    errors: str | None,
    seed: int,
    measure_chips: int,
    verify_chips: int,
    trim_samples: int,
    most_attempts: int,
    chip_yield: float | None,
    provisioning: str | None,
    placement: str,
    chip: str | None,
    readings: int,
    update_of: Path | None,
    fresh_banks: bool,
    verify_share: float | None,
    attempts: tuple[str, ...],
    trim: str | None,
    png: Path | None,
    input_type: tuple[str, ...],
    input_scale: tuple[str, ...],
    input_offset: tuple[str, ...],
    calibration: Path | None,
    model_output: str | None,
    toolchain: str,
    json_flag: bool,
    json_file: Path | None,
) -> None:
    """Compile MODEL (ONNX) for a target and write the deployment folder."""
    from edgebnn import api
    from edgebnn.chip.target_files.loading import load_target
    from edgebnn.cli.options import naming, read_options
    from edgebnn.files import write_whole
    from edgebnn.mapping.folder import check_folder
    from edgebnn.report.documents import compile_document, placement_of
    from edgebnn.report.tables import show_compile

    steps: list[tuple[str, float]] = []
    count = 5 + (placement != "linear" or update_of is not None) + (verify_share is not None) + (trim is not None)

    def step(name: str, seconds: float) -> None:
        steps.append((name, seconds))
        if not json_flag:
            of = "" if policy == "auto" else f"/{count}"
            click.echo(f"step {len(steps)}{of}: {name} ({seconds:.2f} s)", err=True)

    if png is not None and placement != "ber-aware":
        raise click.UsageError("--png draws what --placement ber-aware did; place so, or leave it out")
    _check_choice(policy, chip)
    described = load_target(target)
    if folder is None:
        folder = Path(f"{model.stem}-{described.name}")
        check_folder(folder)
    options = read_options(input_type, input_scale, input_offset, calibration, model_output)
    instance = _chip(chip, described, errors)
    before = None if update_of is None else api.load(update_of)
    with naming(calibration):
        deployment = api.compile(
            model,
            described,
            policy=policy,
            policies=_policies(policies),
            provisioning=provisioning,
            placement=placement,
            chip=instance,
            readings=readings,
            max_accuracy_drop=max_accuracy_drop,
            objective=objective,
            reprogrammings=reprogrammings,
            errors=errors if chip is None else None,
            seed=seed,
            measure_chips=measure_chips,
            verify_chips=verify_chips,
            trim_samples=trim_samples,
            most_attempts=most_attempts,
            chip_yield=chip_yield,
            update_of=before,
            fresh_banks=fresh_banks,
            verify_share=verify_share,
            attempts=_attempts(attempts),
            trim=trim,
            input_type=options.input_type,
            input_scale=options.input_scale,
            input_offset=options.input_offset,
            calibration=options.calibration,
            output=options.output,
            toolchain=toolchain,
            step=step,
        )
    start = time.perf_counter()
    deployment.save(folder)
    step("write the folder", time.perf_counter() - start)
    if png is not None:
        from edgebnn.report.placement_figure import placement_picture

        drawn = placement_of(deployment)
        write_whole(
            png, placement_picture(drawn, f"{deployment.mapped.network.name} on {described.name}", form_of(png))
        )
    document = compile_document(deployment, folder)
    emit(document, json_flag, json_file, lambda console: show_compile(console, deployment, document))
