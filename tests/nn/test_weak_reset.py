"""Learning in the devices: the optimiser against a loop over scalars, its state dict, and what it can be told."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from edgebnn.nn import BinaryLinear
from edgebnn.nn.weak_reset import WeakResetAdam
from edgebnn.recipes.weak_reset import weak_reset_law
from tests.nn.weak_reset_oracle import KEPT, ScalarDevices

LAW = weak_reset_law()
# Noise that shows within a few pulses, and a turn that comes soon.
LIVELY = replace(LAW, telegraph_rise=0.05, telegraph_fall=0.1, turn_lowest=5.0, turn_median=12.0, turn_highest=30.0)
SWITCHES = ("device_to_device", "telegraph", "pink")


def steps(optimiser: WeakResetAdam, weights: nn.Parameter, gradients: list[Tensor]) -> list[Tensor]:
    """The weights after each step."""
    found = []
    for gradient in gradients:
        weights.grad = gradient
        optimiser.step()
        found.append(weights.detach().clone())
    return found


def gradients(count: int, shape: tuple[int, ...], seed: int) -> list[Tensor]:
    """Gradients whose updates are of every size from none to clipped."""
    draw = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=draw) * torch.rand(shape, generator=draw) ** 4 for _ in range(count)]


@settings(max_examples=25)
@example(switches=(False, False, True), rate=8.0, memory=20, draws=1, seed=0)  # float32 holds no weight beyond 16
@given(
    switches=st.tuples(*[st.booleans()] * 3),
    rate=st.sampled_from([0.7, 8.0, 100.0]),
    memory=st.integers(1, 20),
    draws=st.integers(1, 3),
    seed=st.integers(0, 5),
)
def test_updates_are_those_of_a_loop_over_scalars(
    switches: tuple[bool, bool, bool], rate: float, memory: int, draws: int, seed: int
) -> None:
    law = replace(LIVELY, pink_memory=memory, telegraph_draws=draws)
    weights = nn.Parameter(torch.zeros(3, 4, dtype=torch.float64))  # so that both round updates alike
    chosen: dict[str, Any] = dict(zip(SWITCHES, switches, strict=True))
    optimiser = WeakResetAdam([weights], law, rate, seed=seed, **chosen)
    oracle = ScalarDevices(law, optimiser.state[weights], optimiser.param_groups[0])
    for gradient in gradients(8, (3, 4), seed):
        steps(optimiser, weights, [gradient.double()])
        oracle.update(gradient)
        assert optimiser.pulses(weights).reshape(2, -1).tolist() == oracle.pulses
        ohm = optimiser.resistances(weights)
        torch.testing.assert_close(
            ohm.reshape(2, -1), torch.tensor(oracle.resistance, dtype=torch.float64), rtol=1e-12, atol=0
        )
        assert weights.flatten().tolist() == oracle.weights()
        torch.testing.assert_close(weights, torch.where(ohm[1] >= ohm[0], 1.0, -1.0).double())


def test_a_loaded_state_goes_on_as_if_there_had_been_no_pause() -> None:
    """Also through a file that is read without unpickling, and into an optimiser that was made for something else."""
    shapes, way = (4, 6), gradients(9, (4, 6), 1)
    weights = nn.Parameter(torch.zeros(shapes))
    optimiser = WeakResetAdam([weights], LIVELY, 20.0, seed=3)
    steps(optimiser, weights, way[:4])
    file = io.BytesIO()
    torch.save({"weights": weights.detach(), "optimiser": optimiser.state_dict()}, file)
    straight = steps(optimiser, weights, way[4:])
    file.seek(0)
    kept = torch.load(file, weights_only=True)
    other = nn.Parameter(torch.zeros(shapes))
    resumed = WeakResetAdam([other], LAW, 1.0, seed=8, device_to_device=False)
    resumed.load_state_dict(kept["optimiser"])
    with torch.no_grad():
        other.copy_(kept["weights"])
    for before, after in zip(straight, steps(resumed, other, way[4:]), strict=True):
        assert torch.equal(before, after)
    for name, value in optimiser.state[weights].items():
        found = resumed.state[other][name]
        assert torch.equal(value, found) if isinstance(value, Tensor) else value == found


def test_a_state_dict_fits_only_where_noises_are_the_same() -> None:
    weights = nn.Parameter(torch.zeros(2, 2))
    kept = WeakResetAdam([weights], LAW, telegraph=False, pink=False).state_dict()
    other = WeakResetAdam([weights], LAW)
    other.load_state_dict(kept)
    assert not other.param_groups[0]["pink"]  # what is loaded is what was saved, its switches among it
    steps(other, weights, gradients(2, (2, 2), 0))


def test_a_seed_means_the_same_devices_and_noises() -> None:
    def run(seed: int, **told: bool) -> tuple[list[Tensor], Tensor]:
        weights = nn.Parameter(torch.zeros(5, 5))
        optimiser = WeakResetAdam([weights], LIVELY, 20.0, seed=seed, **told)
        found = steps(optimiser, weights, gradients(5, (5, 5), 0))
        return found, optimiser.resistances(weights)

    first, again, other = run(1), run(1), run(2)
    assert torch.equal(first[1], again[1])
    assert all(torch.equal(a, b) for a, b in zip(first[0], again[0], strict=True))
    assert not torch.equal(first[1], other[1])
    assert not torch.equal(first[1], run(1, pink=False)[1])
    assert not torch.equal(first[1], run(1, telegraph=False)[1])


def test_two_tensors_have_devices_of_their_own() -> None:
    first, second = nn.Parameter(torch.zeros(3, 3)), nn.Parameter(torch.zeros(3, 3))
    optimiser = WeakResetAdam([{"params": [first]}, {"params": [second], "pink": False}], LAW)
    assert not torch.equal(optimiser.resistances(first), optimiser.resistances(second))
    assert "history" in optimiser.state[first]
    assert "history" not in optimiser.state[second]


def test_without_device_to_device_only_the_start_differs() -> None:
    weights = nn.Parameter(torch.zeros(50, 50))
    state = WeakResetAdam([weights], LAW, device_to_device=False).state[weights]
    assert len(state["start"].unique()) > 1000
    assert all(len(state[name].unique()) == 1 for name in KEPT[1:])
    assert weights.unique().tolist() == [-1.0, 1.0]


def test_a_layer_learns_with_what_its_devices_say() -> None:
    """A dense layer finds the signs that a target asks for, through the straight-through estimator."""
    torch.manual_seed(0)
    layer, wanted = BinaryLinear(24, 3), torch.randint(0, 2, (3, 24)) * 2.0 - 1
    optimiser = WeakResetAdam(layer.parameters(), LAW, 100.0)

    def closure() -> float:
        x = torch.randint(0, 2, (64, 24)) * 2.0 - 1
        loss = (layer(x) - x @ wanted.T).square().mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()

    first = optimiser.step(closure)
    for _ in range(60):
        last = optimiser.step(closure)
    assert last < first / 3
    assert optimiser.pulses(layer.weight).max() <= 61 * LAW.most_pulses


@pytest.mark.parametrize(
    "told", [{"lr": -1.0}, {"lr": float("nan")}, {"eps": -1.0}, {"betas": (1.0, 0.9)}, {"seed": -1}]
)
def test_settings_out_of_range_are_refused(told: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="use"):
        WeakResetAdam([nn.Parameter(torch.zeros(2))], LAW, **told)


def test_a_weight_without_a_gradient_is_left_alone() -> None:
    weights = nn.Parameter(torch.zeros(2, 2))
    optimiser = WeakResetAdam([weights], LAW)
    before = optimiser.resistances(weights).clone()
    optimiser.step()
    assert torch.equal(optimiser.resistances(weights), before)
