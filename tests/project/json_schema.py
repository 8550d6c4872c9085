"""Makes docs/json-schema.json from the types of the documents: what the commands print, and the JSON files they write.

python -m tests.project.json_schema > docs/json-schema.json
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from edgebnn.chip.instance.chip_file import chip_layout
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.json_types import (
    characterisation,
    chips,
    comparison,
    deployment,
    device,
    emulation,
    inspection,
    recordings,
    target,
)
from edgebnn.json_types.placement import PlacementFileDocument
from edgebnn.json_types.policies import PolicyChoiceDocument
from edgebnn.json_types.trimming import SelfTrimDocument
from edgebnn.mapping.memory_map import MemoryMap
from edgebnn.mapping.record import Record

COMMAND = "python -m tests.project.json_schema > docs/json-schema.json"

# What `--json` prints, command by command.
ANSWERS: dict[str, Any] = {
    "inspect": inspection.InspectedDocument,
    "compile": deployment.CompiledDocument,
    "run": deployment.RunDocument,
    "emulate": emulation.EmulatedDocument,
    "estimate": deployment.EstimatedDocument,
    "compare": comparison.ComparedDocument,
    "trim": deployment.TrimmedDocument,
    "device ecg": device.EcgDeviceDocument,
    "demo": recordings.DemonstratedDocument,
    "train": recordings.TrainedDocument,
    "chip new": chips.NewChipDocument,
    "chip import": chips.ImportedChipDocument,
    "chip export": chips.ExportedChipDocument,
    "chip compare": chips.ComparedChipsDocument,
    "chip reprogram": chips.ReprogrammingDocument,
    "chip characterise": characterisation.CharacterisedDocument,
    "targets list": target.TargetListDocument,
    "targets show": target.TargetNumbersDocument,
    "targets check": target.TargetCheckDocument,
    "targets copy": target.TargetCopyDocument,
}
# The files of a deployment's folder, and a chip's.
FILES: dict[str, Any] = {
    "deployment.json": Record,
    "placement.json": PlacementFileDocument,
    "policies.json": PolicyChoiceDocument,
    "trimming.json": SelfTrimDocument,
    "memory_map.json": MemoryMap,
    "chip.json": chip_layout(ChipInstance),
}


def schema() -> dict[str, Any]:
    """The whole file: `$defs` has the answer of each command and each file by its name, and what these are made of."""
    kinds = {**{f"edgebnn {name}": kind for name, kind in ANSWERS.items()}, **FILES}
    found, parts = msgspec.json.schema_components(kinds.values(), ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The JSON of edgebnn",
        "description": f"Made from the types in edgebnn/json_types by `{COMMAND}`. `#/$defs/edgebnn inspect` is what "
        "`edgebnn inspect --json` prints, `#/$defs/deployment.json` that file. Other fields may be added to objects: "
        "leave those alone.",
        "$defs": {**dict(zip(kinds, found, strict=True)), **dict(sorted(parts.items()))},
    }


def text() -> str:
    """The file as it is published."""
    return json.dumps(schema(), indent=1) + "\n"


if __name__ == "__main__":
    print(text(), end="")
