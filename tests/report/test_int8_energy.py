"""Where layers of 8 bits on the CPU take most of the energy, that is said."""

from __future__ import annotations

import numpy as np

from edgebnn.chip.energy.energy import Energy, EnergyGroup, EnergyPart
from edgebnn.chip.target.quantity import Evidence
from edgebnn.network.network import Network
from edgebnn.network.types import Kind, Tensor, WeightKind
from edgebnn.report.int8_energy import spent_on_int8
from tests.mapping.test_planner import mapped_on
from tests.networks import Builder


def _network(first: WeightKind) -> Network:
    builder = Builder(Tensor("x", Kind.INTEGERS, (64,), -8, 7), np.random.default_rng(1))
    builder.linear(32, first)
    return builder.network()


def _energy(cpu: float) -> Energy:
    parts = {EnergyGroup.CPU: cpu, EnergyGroup.ARRAY: 1 - cpu}
    return Energy(tuple(EnergyPart(str(group), group, joules, Evidence.ASSUMED) for group, joules in parts.items()))


def test_a_chip_with_rram_that_spends_it_on_int8_layers_says_so() -> None:
    mapped = mapped_on(_network(WeightKind.INT8))
    (note,) = spent_on_int8(mapped, _energy(0.99))
    assert note.startswith("the CPU and its memories take 99% of an inference's energy") and "int8 layers, 100%" in note


def test_nothing_is_said_where_it_is_not_so() -> None:
    assert spent_on_int8(mapped_on(_network(WeightKind.INT8)), _energy(0.5)) == []
    assert spent_on_int8(mapped_on(_network(WeightKind.BINARY)), _energy(0.99)) == []
    assert spent_on_int8(mapped_on(_network(WeightKind.INT8), "cortex-m4"), _energy(1.0)) == []
    assert spent_on_int8(mapped_on(_network(WeightKind.INT8)), None) == []
