"""`edgebnn inspect`: what a model is made of and what cannot be mapped."""

from __future__ import annotations

from pathlib import Path

import click

from edgebnn.cli.options import model_argument, reading_options, target_option
from edgebnn.cli.output import JsonCommand, emit


@click.command(cls=JsonCommand)
@model_argument
@target_option()
@reading_options
def inspect(
    model: Path,
    target: str,
    input_type: tuple[str, ...],
    input_scale: tuple[str, ...],
    input_offset: tuple[str, ...],
    calibration: Path | None,
    model_output: str | None,
    json_flag: bool,
    json_file: Path | None,
) -> None:
    """Show MODEL's layers as the compiler understands them; exit code 1 where it cannot be mapped."""
    from edgebnn.chip.target_files.loading import load_target
    from edgebnn.cli.options import naming, read_options
    from edgebnn.frontend import inspect_model
    from edgebnn.report.inspection import inspect_document, show_inspect

    options = read_options(input_type, input_scale, input_offset, calibration, model_output)
    with naming(calibration):
        inspection = inspect_model(model, options)
    document = inspect_document(inspection, load_target(target))
    emit(document, json_flag, json_file, lambda console: show_inspect(console, document))
    if document["problems"]:
        click.get_current_context().exit(1)
