"""The fast path: a mapped network on this machine, whole batches through the C runtime's best kernel."""

from __future__ import annotations

import threading
from functools import cache
from math import prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edgebnn.chip.banks.c_structs import check_inferences
from edgebnn.chip.banks.programmed_banks import ProgrammedBanks
from edgebnn.emulator.chip_program import program_on_chip, weights_on_chip
from edgebnn.emulator.descriptors import address, host_library
from edgebnn.emulator.program import Program, program_of
from edgebnn.emulator.samples import encode_batch, type_as_it_lies
from edgebnn.errors import DeploymentError, ToolError
from edgebnn.mapping.mapped import MappedNetwork
from edgebnn.network.batches import check_batch
from edgebnn.processors import on_all_processors

Kernel = Literal["auto", "portable", "avx2", "avx512", "neon"]
Scores = npt.NDArray[np.int32]

_KERNELS: dict[Kernel, int] = {"auto": -1, "portable": 0, "avx2": 1, "avx512": 2, "neon": 3}  # ebnn_host_kernel

# Samples go through all layers in blocks: enough of them to share each load of the weights, and few enough that the
# tensors between two layers stay in the caches and a long recording takes no more memory than a short one.
_BLOCK_SAMPLES = 256
_BLOCK_BYTES = 4 << 20


class _WorkArea(threading.local):
    """Each thread's own, kept from call to call: fresh memory costs a small network as much as its layers do."""

    def __init__(self) -> None:
        self._resize(0)

    def _resize(self, size: int) -> None:
        self._area = np.empty(-(-size // 8), np.uint64)
        self._size, self._address = size, address(self._area)

    def of(self, size: int) -> int | None:
        """Where at least so many bytes lie, from a multiple of 8 on."""
        if size > self._size:
            self._resize(size)
        return self._address


class _OneSample:
    """Where one sample lies and its scores: finding out where a new array lies takes as long as a small layer."""

    def __init__(self, program: Program, mapped: MappedNetwork, as_it_lies: np.dtype[Any] | None) -> None:
        self.program = program
        self.input = np.zeros((1, mapped.plan.input_bytes), np.uint8)
        self.scores = np.empty((1, *mapped.network.output.shape), np.int32)
        self.samples: npt.NDArray[Any] | None = None  # the input as samples of the type that is it as it lies
        if as_it_lies is not None:
            shape = mapped.network.inputs[0].model_shape
            own = self.input[:, : prod(shape) * as_it_lies.itemsize]
            self.samples = own.view(as_it_lies).reshape(1, *shape)
        self.work_bytes = program.scratch_bytes + program.sample_bytes
        self.arguments = (
            *(program.address, program.count),
            *(address(self.input), self.input.nbytes),
            *(address(self.scores), self.scores.nbytes),
        )


class _LastSample(threading.local):
    """Each thread's own, of the program that it ran last."""

    of: _OneSample | None = None


class FastPath:
    """A mapped network, ready to run batches, large ones on all processors. Many threads may use one object at once.

    It keeps the program of the last chip, so that a stream of single samples on one chip builds it once. Raises
    ToolError where the compiled runtime is missing.
    """

    def __init__(self, mapped: MappedNetwork) -> None:
        self.mapped = mapped
        self._native = host_library()
        self._program = program_of(mapped)
        self._as_it_lies = type_as_it_lies(mapped.network, mapped.plan)
        self._work, self._last_sample = _WorkArea(), _LastSample()
        self._last_on_chip: tuple[ProgrammedBanks, Program] | None = None

    def run(
        self,
        x: npt.NDArray[Any],
        banks: ProgrammedBanks | None = None,
        kernel: Kernel = "auto",
        first_inference: int = 0,
    ) -> Scores:
        """Integer scores int32 (B, *scores shape) of a batch x (B, *the model's own input shape).

        `banks` are those of a chip with errors, whose inference `first_inference` + i sample i is; their arrays stay as
        they are. Raises DataError for unsuitable data, TargetError for banks that are not the network's and for
        inferences that a chip cannot tell apart, ToolError for a kernel that this processor has not.
        """
        if not _has_kernel(_KERNELS[kernel]):
            raise ToolError(f"this processor cannot run the kernel '{kernel}'; leave the choice to 'auto'")
        network, plan = self.mapped.network, self.mapped.plan
        check_batch(network.inputs, x)
        if banks is not None:
            check_inferences(first_inference, len(x))
        program = self._program if banks is None else self._program_on(banks)
        if len(x) == 1:
            return self._run_one(program, x, kernel, first_inference)
        scores = np.empty((len(x), network.output.size), np.int32)
        block = _block_samples(program)

        def run_block(first: int) -> None:
            encoded = encode_batch(network, plan, x[first : first + block])
            self._run_encoded(program, encoded, scores[first : first + block], kernel, first_inference + first)

        if len(x) <= block:
            run_block(0)
        else:  # no sample depends on another
            on_all_processors(run_block, range(0, len(x), block))
        return scores.reshape(len(x), *network.output.shape)

    @property
    def program(self) -> Program:
        """That of the network without errors."""
        return self._program

    def encode(self, x: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """A batch as `execute` takes it, uint8 (B, bytes of the plan's inputs); DataError for unsuitable data."""
        check_batch(self.mapped.network.inputs, x)
        return np.ascontiguousarray(encode_batch(self.mapped.network, self.mapped.plan, x))

    def execute(
        self,
        program: Program,
        encoded: npt.NDArray[np.uint8],
        found: npt.NDArray[Any],
        first_inference: int = 0,
        kernel: Kernel = "auto",
    ) -> None:
        """Runs a program of this network and leaves what its last step writes, 4 bytes an entry, in `found` (B, n)."""
        block = _block_samples(program)
        for first in range(0, len(encoded), block):
            here = slice(first, first + block)
            self._run_encoded(program, encoded[here], found[here], kernel, first_inference + first)

    def _program_on(self, banks: ProgrammedBanks) -> Program:
        """The program on a chip. The pair is read and written as one, so that no thread meets another's program."""
        last = self._last_on_chip
        if last is None or last[0] is not banks:
            chip = weights_on_chip(self.mapped, banks)
            last = self._last_on_chip = banks, program_on_chip(self.mapped, self._program, chip)
        return last[1]

    def _run_one(self, program: Program, x: npt.NDArray[Any], kernel: Kernel, inference: int) -> Scores:
        one = self._last_sample.of
        if one is None or one.program is not program:
            one = self._last_sample.of = _OneSample(program, self.mapped, self._as_it_lies)
        if one.samples is not None and x.dtype == one.samples.dtype:
            np.copyto(one.samples, x)
        else:
            np.copyto(one.input, encode_batch(self.mapped.network, self.mapped.plan, x))
        work = self._work.of(one.work_bytes)
        self._check(self._native.ebnn_host_run(*one.arguments, work, 1, inference, _KERNELS[kernel]))
        return one.scores.copy()

    def _run_encoded(
        self,
        program: Program,
        encoded: npt.NDArray[np.uint8],
        scores: npt.NDArray[Any],
        kernel: Kernel,
        first_inference: int = 0,
    ) -> None:
        inputs = np.ascontiguousarray(encoded)
        work = self._work.of(program.scratch_bytes + len(inputs) * program.sample_bytes)
        status = self._native.ebnn_host_run(
            program.address,
            program.count,
            address(inputs),
            inputs.strides[0],
            scores.ctypes.data,
            scores.strides[0],
            work,
            len(inputs),
            first_inference,
            _KERNELS[kernel],
        )
        self._check(status)

    def _check(self, status: int) -> None:
        if status != 0:
            raise DeploymentError(
                f"the C runtime refuses the plan of network '{self.mapped.network.name}' (status {status}); "
                "compile the model again with this version"
            )


def kernels() -> list[Kernel]:
    """The kernels that this processor runs, by name."""
    return [name for name, number in _KERNELS.items() if name != "auto" and _has_kernel(number)]


def kernel_number(kernel: Kernel) -> int:
    """What the C runtime calls a kernel: its ebnn_host_kernel."""
    return _KERNELS[kernel]


@cache
def _has_kernel(number: int) -> bool:
    return bool(host_library().ebnn_host_has_kernel(number))


def _block_samples(program: Program) -> int:
    return max(1, min(_BLOCK_SAMPLES, _BLOCK_BYTES // max(program.sample_bytes, 1)))
