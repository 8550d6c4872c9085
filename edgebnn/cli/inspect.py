"""`edgebnn inspect`: what a model is made of and what cannot be mapped."""

from __future__ import annotations

from pathlib import Path

import click

from edgebnn.cli.options import calibration_option, input_type_option, model_argument, target_option
from edgebnn.cli.output import JsonCommand, emit


@click.command(cls=JsonCommand)
@model_argument
@target_option()
@input_type_option
@calibration_option
def inspect(
    model: Path,
    target: str,
    input_type: str | None,
    calibration: Path | None,
    json_flag: bool,
    json_file: Path | None,
) -> None:
    """Show MODEL's layers as the compiler understands them; exit code 1 where it cannot be mapped."""
    from edgebnn.chip.target_files import load_target
    from edgebnn.cli.options import read_calibration
    from edgebnn.frontend import ReadOptions, inspect_model
    from edgebnn.report.documents import inspect_document
    from edgebnn.report.tables import show_inspect

    options = ReadOptions(input_type=input_type, calibration=read_calibration(calibration, input_type))
    inspection = inspect_model(model, options)
    document = inspect_document(inspection, load_target(target))
    emit(document, json_flag, json_file, lambda console: show_inspect(console, document))
    if document["problems"]:
        click.get_current_context().exit(1)
