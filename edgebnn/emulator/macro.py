"""The RRAM macro of the emulated chip: its C model, set up from a deployment, a chip's banks and its memories."""

from __future__ import annotations

from itertools import count

import numpy as np
import numpy.typing as npt

from edgebnn.chip.reading import ProgrammedBanks
from edgebnn.chip.sensed_banks import SensedBanks
from edgebnn.chip.target import Macro
from edgebnn.emulator.memories import Memories
from edgebnn.emulator.structs import GATHER_VECTORS, PAGE_WORDS, MacroModel, emulator_library
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.programmed import check_programmed, pattern_of


class EmulatedMacro:
    """Fills in the C model of a target's macro (its `events` are the caller's) and keeps alive what it points to.

    With `banks` the chip reads what they answer, and takes no other weights than those that they were programmed with.
    """

    def __init__(
        self,
        model: MacroModel,
        mapped: MappedNetwork,
        banks: ProgrammedBanks | None,
        memories: Memories,
        popcount_limit: int,
    ) -> None:
        target = mapped.target
        array, macro = target.array, target.macro
        assert array is not None and macro is not None, "only a target with an array has a macro"
        bank, banks_there = array.geometry, array.banks.integer("count")
        shape = (bank.stripe(banks_there), bank.rows)
        # The gather unit is as long as the target says, but no longer than this network can use.
        most_spanned = max((bank.spanned_banks(stage.fan_in) for stage in mapped.linear_stages.values()), default=1)
        parallel_banks = min(array.parallel_banks.integer("count"), most_spanned)
        self._roles = register_roles(macro)
        self._sign, self._nonzero = np.zeros(shape, np.uint32), np.zeros(shape, np.uint32)
        self._state = np.zeros(shape, np.uint8)
        self._gather = np.zeros(parallel_banks * bank.words * GATHER_VECTORS, np.uint32)
        self._memories = memories

        model.roles = self._roles.ctypes.data
        model.command_program, model.command_run = macro.commands.program, macro.commands.run
        model.status_done, model.status_error = macro.status.done, macro.status.error
        model.banks, model.rows, model.bank_words = banks_there, bank.rows, bank.words
        model.parallel_banks = parallel_banks
        model.policies = len(target.policies)
        model.cycles_per_read = array.cycles_per_read
        model.cycles_per_layer = array.cycles_per_layer.integer("count")
        model.sign, model.nonzero = self._sign.ctypes.data, self._nonzero.ctypes.data
        model.state = self._state.ctypes.data
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


def register_roles(macro: Macro) -> npt.NDArray[np.int32]:
    """The role of each word of the macro's page, -1 where there is no register; int32 (PAGE_WORDS,)."""
    roles = np.full(PAGE_WORDS, -1, np.int32)
    offsets = macro.offsets
    for role in count():
        name = emulator_library().ebnn_macro_role_name(role)
        if name is None:
            return roles
        roles[offsets[name.decode()] // 4] = role
    raise AssertionError("the roles end")
