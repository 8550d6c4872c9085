"""The RRAM macro of the emulated chip: its C model, set up from a deployment, a chip's banks and its memories."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.c_structs import SensedBanks
from edgebnn.chip.banks.pattern import EMPTY
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.chip.target.target import Macro, RramArray
from edgebnn.emulator.memories import EmulatedMemories
from edgebnn.emulator.structs import GATHER_VECTORS, PAGE_WORDS, MacroModel, emulator_library
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.marker import marker_pattern
from edgebnn.mapping.programmed import check_programmed, pattern_of

NO_STRIPE = 0xFFFF_FFFF  # behind the last one of every chip


@dataclass(frozen=True, eq=False)
class Cells:
    """What was programmed into the banks of one chip, which outlasts every boot: arrays (stripes, rows) of the target.

    sign, nonzero: uint32, bit = column. kind: uint8, as in `Pattern`; a new chip's rows are all empty.
    """

    sign: npt.NDArray[np.uint32]
    nonzero: npt.NDArray[np.uint32]
    kind: npt.NDArray[np.uint8]

    @classmethod
    def empty(cls, array: RramArray) -> Cells:
        """Those of a new chip."""
        shape = (array.geometry.stripe(array.banks.integer("count")), array.geometry.rows)
        return cls(np.zeros(shape, np.uint32), np.zeros(shape, np.uint32), np.zeros(shape, np.uint8))

    @classmethod
    def provisioned(cls, mapped: MappedNetwork) -> Cells:
        """Those of a chip that a factory has programmed with the network, marker and all."""
        array, marker, pattern = mapped.target.array, mapped.plan.marker, pattern_of(mapped)
        assert array is not None and marker is not None, "a chip that is programmed once has a marker"
        cells, banks = cls.empty(array), array.banks.integer("count")
        marked = marker_pattern(marker, mapped.image, array.geometry, banks)
        for held in (pattern, marked):
            there = held.kind != EMPTY
            for whole, part in ((cells.sign, held.sign), (cells.nonzero, held.nonzero), (cells.kind, held.kind)):
                whole[: len(part)][there] = part[there]
        return cells


class EmulatedMacro:
    """Fills in the C model of a target's macro (its `events` are the caller's) and keeps alive what it points to.

    With `banks` the chip reads what they answer, and takes no other weights than those that they were programmed with,
    but for its marker. `cells` are those of a chip that was there before, by default a new one's.
    """

    def __init__(
        self,
        model: MacroModel,
        mapped: MappedNetwork,
        banks: ProgrammedBanks | None,
        memories: EmulatedMemories,
        popcount_limit: int,
        cells: Cells | None = None,
    ) -> None:
        target = mapped.target
        array, macro = target.array, target.macro
        assert array is not None and macro is not None, "only a target with an array has a macro"
        bank, banks_there = array.geometry, array.banks.integer("count")
        # The gather unit is as long as the target says, but no longer than this network can use.
        most_spanned = max((bank.spanned_banks(stage.fan_in) for stage in mapped.linear_stages.values()), default=1)
        parallel_banks = min(array.parallel_banks.integer("count"), most_spanned)
        self._roles = register_roles(macro)
        self.cells = Cells.empty(array) if cells is None else cells
        self._gather = np.zeros(parallel_banks * bank.words * GATHER_VECTORS, np.uint32)
        self._memories = memories

        model.roles = self._roles.ctypes.data
        model.command_program, model.command_run = macro.commands.program, macro.commands.run
        model.command_read = macro.commands.read or 0
        model.status_done, model.status_error = macro.status.done, macro.status.error
        model.banks, model.rows, model.bank_words = banks_there, bank.rows, bank.words
        model.parallel_banks = parallel_banks
        model.policies = len(target.policies)
        model.cycles_per_read = array.cycles_per_read
        model.cycles_per_layer = array.cycles_per_layer.integer("count")
        model.sign, model.nonzero = self.cells.sign.ctypes.data, self.cells.nonzero.ctypes.data
        model.state = self.cells.kind.ctypes.data
        marker = mapped.plan.marker
        model.marker_stripe = NO_STRIPE if marker is None else bank.stripe(marker.bank)
        model.flash, model.sram = memories.flash.view, memories.sram.view
        model.gather = self._gather.ctypes.data
        model.popcount_limit = popcount_limit
        if banks is not None:
            self._sense(model, mapped, banks)

    def _sense(self, model: MacroModel, mapped: MappedNetwork, banks: ProgrammedBanks) -> None:
        check_programmed(mapped, banks)
        self._sensed, self._pattern = SensedBanks(banks), pattern_of(mapped)
        model.sensing = self._sensed.address
        model.expected_sign = self._pattern.sign.ctypes.data
        model.expected_nonzero = self._pattern.nonzero.ctypes.data
        model.expected_state = self._pattern.kind.ctypes.data
        assert self._pattern.policy is not None, "a network's pattern says under which policy each row is programmed"
        model.expected_policy = self._pattern.policy.ctypes.data
        limits = self._pattern.attempts
        self._attempts = np.zeros(self._pattern.shape, np.uint16) if limits is None else limits
        model.expected_attempts = self._attempts.ctypes.data
        marker, array = mapped.plan.marker, mapped.target.array
        if marker is not None and array is not None and banks.marker is not None:
            meant = marker_pattern(marker, mapped.image, array.geometry, array.banks.integer("count"))
            self._marker_sensed = SensedBanks(banks.marker())
            self._marker_sign = meant.sign[model.marker_stripe :].copy()
            model.marker_sensing, model.marker_sign = self._marker_sensed.address, self._marker_sign.ctypes.data


def register_roles(macro: Macro) -> npt.NDArray[np.int32]:
    """The role of each word of the macro's page, -1 where there is no register; int32 (PAGE_WORDS,)."""
    roles = np.full(PAGE_WORDS, -1, np.int32)
    offsets = macro.offsets
    for role in count():
        name = emulator_library().ebnn_macro_role_name(role)
        if name is None:
            return roles
        if name.decode() in offsets:
            roles[offsets[name.decode()] // 4] = role
    raise AssertionError("the roles end")
