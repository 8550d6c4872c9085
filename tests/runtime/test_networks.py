"""Random networks: the interpreter, the functions of ebnn.h and the batch executor give the same scores."""

from __future__ import annotations

from hypothesis import given, settings

from edgebnn.network import Network
from tests.networks import networks
from tests.runtime.agreement import assert_runtime_agrees


@settings(max_examples=200)
@given(networks())
def test_random_networks_run_alike_everywhere(network: Network) -> None:
    assert_runtime_agrees(network)
