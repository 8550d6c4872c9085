"""`edgebnn device ecg`: a recording through the ECG patch, from the ADC's codes to alarms."""

from __future__ import annotations

from pathlib import Path

import click

from edgebnn.cli.options import folder_argument, trust_option
from edgebnn.cli.output import JsonCommand, emit
from edgebnn.cli.places import OutputFile


@click.command(cls=JsonCommand)
@folder_argument
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    required=True,
    help="A recording of 100 to 2000 Hz: .npz (adc, fs; beat, is_pvc) or WFDB.",
)
@click.option(
    "--lead",
    metavar="NAME|N",
    help="The signal of a WFDB record, by name or number from 0. [default: the first ECG lead]",
)
@click.option("--mains", type=click.Choice(["50", "60"]), default="50", show_default=True, help="Hz that are filtered.")
@click.option("--log", type=OutputFile(), help="Write the event log that the device has behind it (docs/event-log.md).")
@trust_option
def ecg(
    folder: Path,
    record: Path,
    lead: str | None,
    mains: str,
    log: Path | None,
    trust: bool,
    json_flag: bool,
    json_file: Path | None,
) -> None:
    """Find the beats of a recording, judge them by the network in DIR, and raise alarms."""
    from edgebnn import api
    from edgebnn.cli.output import progress
    from edgebnn.devices.ecg_chain import EcgChain
    from edgebnn.devices.ecg_patch import run_patch
    from edgebnn.devices.recording import read_recording
    from edgebnn.files import write_whole
    from edgebnn.report.ecg_device import ecg_device_document, pvc_classifier, show_ecg_device

    deployment = api.load(folder, trust=trust)
    classify = pvc_classifier(deployment)
    recording = read_recording(record, lead)
    chain = EcgChain(mains_hz=int(mains))
    with progress(f"ECG patch: {recording.name}") as step:
        step("running")
        result = run_patch(recording, classify, chain)
    if log is not None:
        write_whole(log, result.log)
    document = ecg_device_document(deployment, result, chain)
    emit(document, json_flag, json_file, lambda console: show_ecg_device(console, document))
