"""What emulation found of a deployment: run here, or read from the JSON that `edgebnn emulate` wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from edgebnn.brief import brief
from edgebnn.emulator.emulate import Emulation
from edgebnn.errors import DataError
from edgebnn.inputs import read_input
from edgebnn.legible import legible_name
from edgebnn.mapping.mapped import MappedNetwork

_MOST_BYTES = 1 << 26
_Share = Annotated[float, Meta(ge=0, le=1)]
_Amount = Annotated[float, Meta(ge=0)]


@dataclass(frozen=True)
class Emulated:
    """The figures of an emulation without bit errors.

    energy_nj (parts and their `total`), latency_us: means over the samples that ran as firmware, None where none did.
    evidence: the energy's share that rests on each word. accuracy_on_chips: the mean over `chips` with errors.
    """

    samples: int
    firmware_samples: int
    accuracy: float | None
    accuracy_interval: tuple[float, float] | None
    executors_agree: bool | None
    energy_nj: Mapping[str, float] | None
    latency_us: float | None
    evidence: Mapping[str, float]
    chips: int
    accuracy_on_chips: float | None

    __repr__ = brief


def emulated(found: Emulation) -> Emulated:
    """The figures of an emulation that was run."""
    on_chips = None if found.summary is None else found.summary.accuracy
    interval = found.accuracy_interval
    return Emulated(
        samples=found.samples,
        firmware_samples=found.firmware_samples,
        accuracy=found.accuracy,
        accuracy_interval=None if interval is None else (float(interval[0]), float(interval[1])),
        executors_agree=found.executors_agree,
        energy_nj=None if found.energy is None else found.energy.parts_nj(),
        latency_us=found.latency_us,
        evidence={} if found.energy is None else found.energy.evidence_shares(),
        chips=len(found.chips),
        accuracy_on_chips=None if on_chips is None else on_chips.mean,
    )


class _Mean(Struct):
    mean: _Share


class _OverChips(Struct):
    chips: Annotated[int, Meta(ge=1)]
    accuracy: _Mean | None


class _Document(Struct):
    """What is read of the JSON of `edgebnn emulate`; its other fields are left alone."""

    target: str
    model_sha256: str
    policies: dict[str, str]
    provisioning: str | None
    samples: Annotated[int, Meta(ge=1)]
    firmware_samples: Annotated[int, Meta(ge=0)]
    accuracy: _Share | None
    accuracy_interval: tuple[_Share, _Share] | None
    executors_agree: bool | None
    energy_per_inference_nj: dict[str, _Amount] | None
    latency_per_inference_us: _Amount | None
    evidence: dict[str, _Share]
    over_chips: _OverChips | None


def read_emulated(path: Path, mapped: MappedNetwork, folder: str) -> Emulated:
    """The figures in a file of `edgebnn emulate --json` about the deployment in `folder`; DataError for any other."""
    text = read_input(path, _MOST_BYTES, remedy="name the JSON that edgebnn emulate wrote")
    try:
        found = msgspec.json.decode(text, type=_Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(
            f"'{path}' is no JSON of edgebnn emulate ({error}); write what edgebnn emulate answers about "
            f"{folder} into a file"
        ) from error
    energy = found.energy_per_inference_nj
    if energy is not None and "total" not in energy:
        raise DataError(f"'{path}' has energies without their total; write the JSON of edgebnn emulate anew")
    _check_same(path, found, mapped, folder)
    over = found.over_chips
    return Emulated(
        samples=found.samples,
        firmware_samples=found.firmware_samples,
        accuracy=found.accuracy,
        accuracy_interval=found.accuracy_interval,
        executors_agree=found.executors_agree,
        energy_nj=energy,
        latency_us=found.latency_per_inference_us,
        evidence=found.evidence,
        chips=0 if over is None else over.chips,
        accuracy_on_chips=None if over is None or over.accuracy is None else over.accuracy.mean,
    )


def _check_same(path: Path, found: _Document, mapped: MappedNetwork, folder: str) -> None:
    """DataError where the file tells of another deployment."""
    policies = {name: stage.policy for name, stage in mapped.linear_stages.items() if stage.policy is not None}
    for what, there, here in (
        ("target", found.target, mapped.target.name),
        ("model", found.model_sha256[:16], mapped.provenance.model_sha256[:16]),
        ("provisioning", str(found.provisioning), str(mapped.provisioning)),
        ("policies", _listed(found.policies), _listed(policies)),
    ):
        if there != here:
            raise DataError(
                f"'{path}' is about another deployment than '{folder}': its {what} is {legible_name(there)}, not "
                f"{legible_name(here)}; give one file of edgebnn emulate for each deployment, in their order"
            )


def _listed(policies: Mapping[str, str]) -> str:
    return ", ".join(f"{layer} {policy}" for layer, policy in sorted(policies.items())) or "none"
