"""A network's layers in RRAM as programmed banks answer for them, and which weights are wrong; in C."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.c_structs import SensedBanks
from edgebnn.chip.banks.geometry import COLUMNS
from edgebnn.chip.banks.pattern import Pattern
from edgebnn.chip.banks.programmed_banks import HeldRows, ProgrammedBanks
from edgebnn.chip.banks.read_errors import wrong_read
from edgebnn.errors import ToolError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.mapping.plan import LinearStage
from edgebnn.mapping.programmed import check_programmed, pattern_of
from edgebnn.mapping.tiling import words_of
from edgebnn.mapping.weight_words import fan_in_order, input_order, pack_rows, unpack_rows
from edgebnn.native import library
from edgebnn.words import Words

Weights = npt.NDArray[np.int8]

WRONG = np.dtype([("neuron", np.uint32), ("input", np.uint32), ("change", np.int16, (2,))])
"""`ebnn_wrong_weight`: a weight's neuron, its place in the neuron's row, and by what it is larger than meant."""
OPEN = np.dtype([(name, np.uint32) for name in ("neuron", "word", "place", "lanes", "sign", "nonzero")])
"""`ebnn_open_word`: a word of a neuron's row some of whose weights, its `lanes`, are not always read alike."""

_word, _count, _pointer = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_void_p


class _LayerStruct(ctypes.Structure):
    """`ebnn_lifted_layer`."""

    _fields_ = [
        *((name, _pointer) for name in ("place", "columns", "sign", "nonzero")),
        *((name, _word) for name in ("neurons", "words", "plus_alone")),
    ]


class _LiftedStruct(ctypes.Structure):
    """`ebnn_lifted`."""

    _fields_ = [
        *((name, _pointer) for name in ("list", "open")),
        *((name, _count) for name in ("room", "open_room", "listed", "opened", "wrong")),
        *((name, _word) for name in ("alike", "unused")),
    ]


class _HeldStruct(ctypes.Structure):
    """`ebnn_held_rows`."""

    _fields_ = [
        *((name, _pointer) for name in ("sign", "nonzero", "meant_sign", "meant_nonzero", "flag")),
        ("rows", _count),
    ]


_FLAGS = 64  # of a word of flags


@dataclass(frozen=True, eq=False)
class LiftedLayer:
    """The weights of a layer as a chip's banks answer for them.

    wrong: weights that are always read otherwise than meant, with some input at least, an array of `WRONG` by rising
    neuron and input; alike: each of them changes alike with every input that the layer can have. open: words with
    weights that are not always read alike, an array of `OPEN`; `wrong` has none of these weights. wrong_likely: how
    many are most likely read otherwise than meant with inputs of +1. rows: makes (sign, nonzero), the weights as inputs
    of +1 most likely read them, uint32 (neurons, row words), 0 behind the last weight.
    """

    wrong: npt.NDArray[np.void]
    alike: bool
    open: npt.NDArray[np.void]
    wrong_likely: int
    rows: Callable[[], tuple[Words, Words]]

    @property
    def certain(self) -> bool:
        """Whether each weight is always read alike, with every input that the layer can have."""
        return self.alike and len(self.open) == 0

    @cached_property
    def most_change(self) -> int:
        """By how much the wrong weights of a neuron change its sum at most, with inputs of +1."""
        changes = np.bincount(self.wrong["neuron"], np.abs(self.wrong["change"][:, 1]))
        return int(changes.max(initial=0))


class Placement:
    """Where the layers of a network lie in the banks, and what is programmed there: the same for all chips.

    Raises TargetError where the target has no RRAM.
    """

    def __init__(self, mapped: MappedNetwork) -> None:
        self.pattern: Pattern = pattern_of(mapped)
        nodes = {node.name: node for node in mapped.network.linear}
        rows = self.pattern.rows
        self._place, self._meant = rows.place, (rows.sign & rows.nonzero, rows.nonzero)
        self._flag, self._flag_words = np.zeros(len(self._place), np.uint32), 0
        self._layers, self._first_flag = {}, {}
        for name, stage in _stages(mapped):
            layer = self._layers[name] = _Layer(nodes[name].weights, stage, self.pattern)
            self._first_flag[name] = self._flag_words
            self._flag_words += layer.flag(self._flag, self._flag_words)
        shared = (part.ctypes.data for part in (*self._meant, self._flag))
        self._held = _HeldStruct(None, None, *shared, len(self._flag))
        self.weights = sum(nodes[name].weights.size for name in self._layers)

    def lift(self, banks: SensedBanks) -> dict[str, LiftedLayer]:
        """Every layer, by its node's name; the banks are those of this network."""
        return {name: layer.lift(banks) for name, layer in self._layers.items()}

    def holds(self, held: HeldRows) -> bool:
        """Whether these are all of the network's rows, in the order of its pattern."""
        return held.place is self._place or np.array_equal(held.place, self._place)

    def lift_held(self, held: HeldRows) -> dict[str, LiftedLayer]:
        """As `lift`, of all of the network's rows."""
        flags = np.zeros(self._flag_words, np.uint64)
        struct = _HeldStruct.from_buffer_copy(self._held)
        struct.sign, struct.nonzero = held.sign.ctypes.data, held.nonzero.ctypes.data
        _lift_library().ebnn_flag_held(struct, flags.ctypes.data)
        return {
            name: layer.lift_held(held, struct, flags[self._first_flag[name] :]) for name, layer in self._layers.items()
        }


def placement_of(mapped: MappedNetwork) -> Placement:
    """The network's, made once and kept as long as the network lives."""
    found = _KEPT.get(mapped)
    if found is None:
        found = _KEPT[mapped] = Placement(mapped)
    return found


def lift(mapped: MappedNetwork, banks: ProgrammedBanks) -> dict[str, LiftedLayer]:
    """Every layer in RRAM as the banks answer for it, by its node's name.

    Raises TargetError for banks that are not the network's.
    """
    check_programmed(mapped, banks)
    return placement_of(mapped).lift(SensedBanks(banks))


def read_weights(mapped: MappedNetwork, banks: ProgrammedBanks) -> dict[str, Weights]:
    """The weights of every layer in RRAM as they are most likely read with inputs of +1, shaped as the network's own.

    By node name. Raises TargetError for banks that are not the network's.
    """
    lifted, found = lift(mapped, banks), {}
    for node in mapped.network.linear:
        if node.name in lifted:
            stage, rows = mapped.linear_stages[node.name], lifted[node.name]
            flat = np.empty((node.neurons, stage.fan_in), dtype=np.int8)
            flat[:, input_order(stage.fan_in, stage.window)] = unpack_rows(*rows.rows(), stage.fan_in)
            found[node.name] = flat.reshape(node.weights.shape)
    return found


def wrong_weights(mapped: MappedNetwork, banks: ProgrammedBanks) -> int:
    """How many weights of the network are most likely read otherwise than meant with inputs of +1.

    That is how error rates count: an amplifier's offset turns other weights with inputs of -1, and as many. Columns
    behind a layer's last input and rows behind its last neuron are no weights.
    """
    return sum(layer.wrong_likely for layer in lift(mapped, banks).values())


def misread_share(mapped: MappedNetwork, banks: ProgrammedBanks, wrong: int | None = None) -> float:
    """The share of the network's weights in RRAM that one read with inputs of +1 finds wrong, in the mean.

    Those that are always wrong count whole, those that are wrong at times by how often. 0 where none is in RRAM.
    `wrong` is what `wrong_weights` says, where it is known.
    """
    weights = placement_of(mapped).weights
    if banks.held is not None or len(banks.tables) == 0:  # no answer is uncertain
        return (wrong_weights(mapped, banks) if wrong is None else wrong) / weights if weights else 0.0
    check_programmed(mapped, banks)
    pattern, misread = pattern_of(mapped), 0.0
    for _, stage in _stages(mapped):
        held = [(tile, word) for tile in stage.tiles for word in words_of(tile, pattern.geometry)]
        stripes = [word.stripe for _, word in held]
        misreads = wrong_read(banks.of(stripes), pattern.sign[stripes], pattern.nonzero[stripes])
        for here, (tile, word) in zip(misreads, held, strict=True):
            misread += float(here[: tile.neurons, : word.inputs].sum())
    return misread / weights if weights else 0.0


class _Layer:
    """One layer: what `ebnn_lift` and `ebnn_lift_held` want to know of it."""

    def __init__(self, weights: npt.NDArray[np.int8], stage: LinearStage, pattern: Pattern) -> None:
        neurons, words = len(weights), stage.row_words
        rows = fan_in_order(weights, stage.window)
        self._sign, self._nonzero = (np.ascontiguousarray(part) for part in pack_rows(rows))
        self._columns = np.zeros(words, np.uint32)
        self._place = np.zeros((neurons, words), np.uint32)
        for tile in stage.tiles:
            for held in words_of(tile, pattern.geometry):
                first = held.stripe * pattern.geometry.rows
                self._place[tile.neuron : tile.neuron + tile.neurons, held.word] = first + np.arange(tile.neurons)
                self._columns[held.word] = (1 << held.inputs) - 1
        # Places rise in a pattern's rows.
        self._held_place = np.searchsorted(pattern.rows.place, self._place).astype(np.uint32)
        # Integers are read plane by plane, and the set bits of a plane are inputs of +1.
        plus_alone = int(not stage.input.pixel_words)
        self._struct, self._held_struct = (
            _LayerStruct(
                *(part.ctypes.data for part in (place, self._columns, self._sign, self._nonzero)),
                *(neurons, words, plus_alone),
            )
            for place in (self._place, self._held_place)
        )

    def flag(self, flags_of_rows: Words, first: int) -> int:
        """Gives the layer's rows their flags, from this word of flags on; says how many words they take."""
        neurons, words = self._held_place.shape
        a_neuron = -(-words // _FLAGS)  # EBNN_NEURON_FLAGS
        begin = (first + np.arange(neurons) * a_neuron) * _FLAGS
        flags_of_rows[self._held_place] = np.add.outer(begin, np.arange(words))
        return int(neurons * a_neuron)

    def lift(self, banks: SensedBanks) -> LiftedLayer:
        def lift(lifted: _LiftedStruct) -> None:
            _lift_library().ebnn_lift(banks.address, self._struct, lifted)

        def rows() -> tuple[Words, Words]:
            sign, nonzero = banks.likely(self._place)
            return sign & self._columns, nonzero & self._columns

        return self._lifted(lift, rows, len(self._place))

    def lift_held(self, held: HeldRows, struct: _HeldStruct, flags: npt.NDArray[np.uint64]) -> LiftedLayer:
        def lift(lifted: _LiftedStruct) -> None:
            _lift_library().ebnn_lift_held(struct, self._held_struct, flags.ctypes.data, lifted)

        def rows() -> tuple[Words, Words]:
            nonzero = held.nonzero[self._held_place] & self._columns
            return held.sign[self._held_place] & nonzero, nonzero

        return self._lifted(lift, rows, 0)

    def _lifted(
        self, lift: Callable[[_LiftedStruct], None], rows: Callable[[], tuple[Words, Words]], open_words: int
    ) -> LiftedLayer:
        """What is lifted; `open_words` is how many are likely to be open."""
        wrong, opened = np.empty(len(self._place) * COLUMNS, WRONG), np.empty(open_words, OPEN)
        while True:
            lifted = _LiftedStruct(wrong.ctypes.data, opened.ctypes.data, len(wrong), len(opened))
            lift(lifted)
            if lifted.listed <= len(wrong) and lifted.opened <= len(opened):
                break
            wrong = np.empty(max(len(wrong), lifted.listed), WRONG)
            opened = np.empty(max(len(opened), lifted.opened), OPEN)
        listed, found = wrong[: lifted.listed], opened[: lifted.opened]
        return LiftedLayer(listed, bool(lifted.alike), found, lifted.wrong, rows)


_KEPT: WeakKeyDictionary[MappedNetwork, Placement] = WeakKeyDictionary()


def _stages(mapped: MappedNetwork) -> list[tuple[str, LinearStage]]:
    stages = mapped.linear_stages
    return [(node.name, stages[node.name]) for node in mapped.network.linear if node.name in stages]


@cache
def _lift_library() -> ctypes.CDLL:
    """The runtime's library; ToolError where its structs are not the ones above."""
    native: ctypes.CDLL = library()
    native.ebnn_lift.restype = native.ebnn_flag_held.restype = native.ebnn_lift_held.restype = None
    held, layer, lifted = map(ctypes.POINTER, (_HeldStruct, _LayerStruct, _LiftedStruct))
    native.ebnn_lift.argtypes = [_pointer, layer, lifted]
    native.ebnn_flag_held.argtypes = [held, _pointer]
    native.ebnn_lift_held.argtypes = [held, layer, _pointer, lifted]
    native.ebnn_lift_bytes.restype = _word
    entries = WRONG.itemsize + OPEN.itemsize
    if native.ebnn_lift_bytes() != entries + sum(map(ctypes.sizeof, (_LayerStruct, _LiftedStruct, _HeldStruct))):
        raise ToolError("the compiled runtime is of another version than edgebnn; install edgebnn again")
    return native
