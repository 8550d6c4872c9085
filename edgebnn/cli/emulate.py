"""`edgebnn emulate`: a data set on emulated chips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgebnn.cli.chip_options import ChipOptions, chip_options, chip_settings
from edgebnn.cli.options import folder_argument, given, trust_option
from edgebnn.cli.output import JsonCommand, emit, end_with
from edgebnn.cli.places import PictureFile, form_of
from edgebnn.cli.rate_list import rate_list

if TYPE_CHECKING:
    from edgebnn.api import Deployment
    from edgebnn.chip.instance.chip_instance import ChipInstance
    from edgebnn.chip.target.target import Target
    from edgebnn.json_types.emulation import StudiesDocument


@click.command(cls=JsonCommand)
@folder_argument
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help=".npz with x and y (y may be missing), or .npy with x.",
)
@click.option("--chips", type=click.IntRange(0, 10_000), default=1, show_default=True, help="Number of chip instances.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the first chip.")
@click.option(
    "--chip",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A saved or measured chip instance, in place of drawn ones; several times for several chips.",
)
@chip_options
@click.option(
    "--max-accuracy-drop",
    type=float,
    help="Allowed drop in percentage points: prints a verdict (holds, unresolved, fails); the exit code stays 0.",
)
@click.option(
    "--find-endurance",
    is_flag=True,
    help="Search the programming cycles after which the chips' accuracy has fallen by --max-accuracy-drop.",
)
@click.option(
    "--sensitivity",
    type=click.Choice(["layers", "tiles", "neurons", "inputs"]),
    help="Accuracy lost on the chips where one layer alone errs, or each tile, neuron (its row) or input of a layer "
    "too (a run for each on every chip), beside a first-order estimate.",
)
@click.option(
    "--sweep-ber",
    callback=rate_list,
    metavar="RATES",
    help="Accuracy on the same chips at each of these bit error rates: 1e-3,0.02, or 1e-5..1e-1 for 1, 2, 5 of each "
    "decade.",
)
@click.option("--png", type=PictureFile(), metavar="FILE", help="With --sweep-ber: draw it (.png or .svg).")
@click.option(
    "--firmware-samples",
    type=click.IntRange(0),
    default=64,
    show_default=True,
    help="How many samples reference and firmware repeat.",
)
@click.option(
    "--model",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The ONNX file, to compare with onnxruntime too.",
)
@trust_option
def emulate(
    folder: Path,
    data: Path,
    chips: int,
    seed: int,
    files: tuple[Path, ...],
    chip_words: ChipOptions,
    max_accuracy_drop: float | None,
    find_endurance: bool,
    sensitivity: str | None,
    sweep_ber: tuple[float, ...] | None,
    png: Path | None,
    firmware_samples: int,
    model: Path | None,
    trust: bool,
    json_flag: bool,
    json_file: Path | None,
) -> None:
    """Run a data set on the deployment in DIR, without errors and on chips with bit errors, drawn or from files.

    Exit code 1 where two executors that have to agree do not.
    """
    from edgebnn import api
    from edgebnn.cli.options import read_dataset
    from edgebnn.cli.output import progress
    from edgebnn.files import write_whole
    from edgebnn.report.accuracy_curve import curve_document
    from edgebnn.report.accuracy_endurance import endurance_document
    from edgebnn.report.emulation import disagreement, emulate_document
    from edgebnn.report.emulation_tables import show_emulate
    from edgebnn.report.measured_sensitivity import sensitivity_document

    if max_accuracy_drop is not None and not 0 <= max_accuracy_drop <= 100:
        raise click.UsageError("--max-accuracy-drop takes percentage points from 0 to 100")
    if find_endurance and max_accuracy_drop is None:
        raise click.UsageError("--find-endurance goes with --max-accuracy-drop, the drop whose cycles it looks for")
    if find_endurance and chip_words.cycles is not None:
        raise click.UsageError("--find-endurance looks for the number of cycles; leave out --cycles")
    if png is not None and sweep_ber is None:
        raise click.UsageError("--png draws the accuracy at the rates of --sweep-ber; give some, such as 1e-5..1e-1")
    if sweep_ber is not None:
        _check_sweep(chip_words, bool(files))
    if files:
        _check_alone(chip_words)
    deployment = api.load(folder, trust=trust)
    dataset = read_dataset(data, deployment)
    target = deployment.mapped.target
    saved = _saved_chips(files, deployment)
    count = len(saved) or _chip_count(target, chips, chip_words)
    if sweep_ber is not None and count == 0:
        raise click.UsageError("--sweep-ber goes with chip instances of a target with RRAM; ask for some with --chips")
    if sensitivity is not None and count == 0:
        raise click.UsageError(
            "--sensitivity goes with chip instances of a target with RRAM; ask for some with --chips"
        )
    like = chip_settings(chip_words, target, deployment.mapped.policies) if count and not saved else None
    with progress("emulate", total=7 + count) as step:
        result = deployment.emulate(
            dataset,
            list(saved) or count,
            seed=seed,
            like=like,
            model=model,
            firmware_samples=firmware_samples,
            progress=step,
        )
    studies: StudiesDocument = {}
    if find_endurance and max_accuracy_drop is not None:
        with progress("endurance") as step:
            found = deployment.find_endurance(
                dataset, max_accuracy_drop / 100, list(saved) or count, seed=seed, like=like, progress=step
            )
        studies["endurance"] = endurance_document(found)
    if sensitivity is not None:
        with progress("sensitivity", total=count) as step:
            measured = deployment.find_sensitivity(
                dataset, list(saved) or count, finest=sensitivity, seed=seed, like=like, progress=step
            )
        studies["sensitivity"] = sensitivity_document(measured)
    if sweep_ber is not None:
        with progress("sweep", total=len(sweep_ber)) as step:
            curve = deployment.sweep_ber(dataset, sweep_ber, count, seed=seed, like=like, progress=step)
        studies["accuracy_curve"] = curve_document(curve)
    document = emulate_document(deployment, result, max_accuracy_drop, saved, studies)
    if png is not None:
        from edgebnn.report.accuracy_figure import accuracy_picture

        write_whole(png, accuracy_picture(document, form_of(png)))
    emit(document, json_flag, json_file, lambda console: show_emulate(console, document))
    end_with(disagreement(document))


def _check_sweep(words: ChipOptions, saved: bool) -> None:
    """A usage error where something else says how often the chips err."""
    if saved:
        raise click.UsageError("--sweep-ber draws its chips at one rate after another; leave out --chip")
    if words.ber is not None:
        raise click.UsageError("--sweep-ber sets the bit error rate; leave out --ber")
    if words.errors == "device":
        raise click.UsageError(
            "--sweep-ber goes with --errors ber, neighbour or table; the rates of device follow from policy and "
            "conditions"
        )
    if words.kinds == "read" and words.errors != "neighbour":
        raise click.UsageError("--sweep-ber sets the rate of errors of programming, of which --kinds read has none")


def _check_alone(words: ChipOptions) -> None:
    """A usage error where an option says how to draw chips, beside files that hold them."""
    named = [f"--{name}" for name in ("chips", "seed") if given(name)] + words.given
    if named:
        raise click.UsageError(f"{named[0]} is about drawn chips, and a file of --chip brings its own; leave one out")


def _saved_chips(files: Sequence[Path], deployment: Deployment) -> dict[ChipInstance, Path]:
    """The chips of the files, each another one: the same chip twice would say more than is known."""
    from edgebnn.cli.options import chip_of_file

    found: dict[ChipInstance, Path] = {}
    for path in files:
        chip = chip_of_file(path, deployment.mapped.target, deployment.mapped.policies)
        if chip in found:
            raise click.UsageError(f"'{path}' holds the same chip as '{found[chip]}'; give each chip once")
        found[chip] = path
    return found


def _chip_count(target: Target, chips: int, words: ChipOptions) -> int:
    """How many chip instances are meant; a usage error where an option about them would do nothing."""
    named = [*words.given, *(["--seed"] if given("seed") else [])]
    if chips == 0 and named:
        raise click.UsageError(f"{named[0]} is about chip instances; ask for some with --chips")
    if target.array is not None or words.given:
        return chips
    if (given("chips") and chips > 0) or given("seed"):
        raise click.UsageError(
            f"target '{target.name}' has no RRAM, so there are no chip instances; leave out --chips and --seed"
        )
    return 0
