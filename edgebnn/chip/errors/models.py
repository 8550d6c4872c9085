"""The error models, each by its name."""

from __future__ import annotations

from edgebnn.chip.errors.ber_model import BerModel
from edgebnn.chip.errors.device_model import DeviceModel
from edgebnn.chip.errors.model import Model
from edgebnn.chip.errors.neighbour_model import NeighbourModel
from edgebnn.chip.errors.table_model import TableModel
from edgebnn.chip.instance.chip_instance import ChipInstance
from edgebnn.chip.instance.error_model import ErrorModel

_MODELS: dict[ErrorModel, Model] = {
    ErrorModel.BER: BerModel(),
    ErrorModel.NEIGHBOUR: NeighbourModel(),
    ErrorModel.TABLE: TableModel(),
    ErrorModel.DEVICE: DeviceModel(),
}


def model_of(chip: ChipInstance) -> Model:
    """How the chip's errors come about."""
    return _MODELS[chip.errors]
