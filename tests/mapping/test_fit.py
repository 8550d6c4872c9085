"""What a network needs of what there is, and remedies that were tried before they are offered."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.copies import copy_target
from edgebnn.chip.target_files.loading import load_target
from edgebnn.chip.target_files.settings import parse_setting, with_settings
from edgebnn.errors import FitError
from edgebnn.mapping.fit import STACK_BYTES, fit_of
from edgebnn.mapping.planner import map_network
from edgebnn.network.encoding import Encoding
from edgebnn.network.network import Network
from edgebnn.network.types import (
    Input,
    Kind,
    Linear,
    Tensor,
    WeightKind,
    Window,
)
from tests.mapping.test_planner import PROVENANCE, dense, mapped_on

RRAM130 = load_target("rram130")


def _wide_map(side: int) -> Network:
    """A map that takes most of an SRAM and a single weight."""
    source = Tensor("x", Kind.INTEGERS, (1, side, side), 0, 255)
    output = Tensor("scores", Kind.SCORES, (1, side, side), -255, 255)
    window = Window((1, 1), (1, 1), (1, 1), (0, 0), (0, 0))
    layer = Linear("conv", ("x",), output, np.ones((1, 1, 1, 1), np.int8), WeightKind.BINARY, window)
    return Network("map", (Input(source, Encoding("uint8")),), (layer,), "0" * 64)


def _refusal(network: Network, target: Target) -> str:
    with pytest.raises(FitError) as caught:
        map_network(network, target, PROVENANCE)
    return str(caught.value)


@pytest.mark.parametrize("target", ["rram130", "cortex-m4"])
def test_needs_are_those_of_the_deployment(target: str) -> None:
    network = dense(100, 70)
    fit, mapped = fit_of(network, load_target(target)), mapped_on(network, target)
    assert fit.fits and fit.sram is not None and fit.flash is not None
    plan = mapped.plan
    assert fit.sram.needed == STACK_BYTES + plan.input_bytes + plan.scores.bytes + plan.work_bytes
    assert (fit.sram.available, fit.flash.needed) == (262144, len(mapped.image))
    if target == "rram130":
        assert fit.banks is not None and fit.banks.needed == len(mapped.linear_stages["fc"].tiles) == 12
        assert fit.banks_at_once is not None and fit.banks_at_once.needed == 4
    else:
        assert fit.banks is fit.banks_at_once is None


def test_this_machine_bounds_nothing() -> None:
    assert fit_of(_wide_map(1024), load_target("host")).needs == ()


def test_a_network_fits_up_to_the_last_bank_and_byte() -> None:
    network = dense(100, 70)
    fit = fit_of(network, with_settings(RRAM130, {"array.banks": (12, "banks")}))  # none is left for a marker
    assert fit.sram is not None and fit.flash is not None
    just = {
        "array.banks": (12, "banks"),
        "array.parallel_banks": (4, "banks"),
        "memory.sram.size": (fit.sram.needed, "B"),
        "memory.flash.size": (fit.flash.needed, "B"),
    }
    map_network(network, with_settings(RRAM130, just), PROVENANCE)
    for path, (value, unit) in just.items():
        assert "it needs" in _refusal(network, with_settings(RRAM130, just | {path: (value - 1, unit)}))


def test_a_copy_that_is_offered_holds_the_network(tmp_path: Path) -> None:
    small = with_settings(RRAM130, {"array.banks": (4, "banks"), "memory.sram.size": (1, "KiB")})
    network = dense(500, 700)
    found = re.search(r"targets copy FILE \S+\.toml((?: --set \S+)+)\)", _refusal(network, small))
    assert found is not None
    settings = [parse_setting(text) for text in found[1].split(" --set ")[1:]]
    assert {setting.path for setting in settings} == {"array.banks", "memory.sram.size"}
    map_network(network, copy_target("rram130", tmp_path / "my-copy.toml", settings), PROVENANCE)


def test_a_target_with_weights_in_flash_is_offered_where_they_fit_there_alone() -> None:
    assert 'target="cortex-m4"' in _refusal(dense(129 * 32, 32 * 32), RRAM130)  # 0.5 MB
    large = _refusal(dense(9000, 1024), RRAM130)  # 1.2 MB, and cortex-m4 has 1 MiB
    assert "array.banks=16384" in large
    assert "cortex-m4" not in large


def test_nothing_is_offered_that_no_target_may_have() -> None:
    endless = _refusal(dense(70_000, 1024), RRAM130)  # bank numbers have 16 bits
    assert "it needs 70016 RRAM banks of 4096" in endless
    assert "targets copy" not in endless and "target=" not in endless
    last_page = {"memory.sram.base": (0x3FFFF000, "address"), "memory.sram.size": (4, "KiB")}  # below the registers
    enclosed = _refusal(_wide_map(64), with_settings(RRAM130, last_page))
    assert "bytes of SRAM" in enclosed and 'target="cortex-m4"' in enclosed
    assert "targets copy" not in enclosed
