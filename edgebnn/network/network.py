"""The integer network: what is left of a model after the front end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from edgebnn.brief import brief
from edgebnn.choices import choice
from edgebnn.errors import ModelError
from edgebnn.network.rules import check_inputs, check_node
from edgebnn.network.types import MAX_SUM, MAX_TENSOR_ELEMENTS, Input, Linear, Node, Tensor


@dataclass(frozen=True, eq=False)
class Network:
    """A model in integers: its inputs, in the model's own order, and its nodes in an order in which they can be run.

    `notes` are sentences that a user should read. `score_error` bounds, in the model's own units, how far the model's
    float32 scores lie from the integer scores times their scale: by what float32 rounds behind the last sums, and
    int32, where it takes no ambiguous threshold before them otherwise. Where `ends_in` is `classes`, the model itself
    goes on from its scores to probabilities or to an arg max, which were left out. `model_output` is the model's own
    name of the output that it ends in. `quantised` names the model's float layers, activations and inputs that the
    front end made integers of by calibration data, so that the scores are no longer the model's own. `trimmed_for`
    names the chip whose wrong weights the thresholds make up for, so that they are no longer the model's either. With
    `one_at_a_time` the model takes one sample at once, though its file leaves that open.
    """

    name: str
    inputs: tuple[Input, ...]
    nodes: tuple[Node, ...]
    model_sha256: str
    notes: tuple[str, ...] = field(default=())
    score_error: float = 0.0
    ends_in: Literal["scores", "classes"] = "scores"
    quantised: tuple[str, ...] = ()
    trimmed_for: str = ""
    model_output: str = ""
    one_at_a_time: bool = False

    __repr__ = brief

    def __post_init__(self) -> None:
        """ModelError where names repeat, a source is not made before it is read, a tensor is beyond all memory, or a
        node breaks the shape rules."""
        made = {entry.name for entry in self.inputs}
        names: set[str] = set()
        for node in self.nodes:
            if node.name in names or node.output.name in made:
                raise ModelError(f"node '{node.name}' or its tensor '{node.output.name}' exists twice; rename it")
            missing = [source for source in node.sources if source not in made]
            if missing:
                raise ModelError(f"node '{node.name}' reads '{missing[0]}', which no node before it makes")
            names.add(node.name)
            made.add(node.output.name)
        if not self.nodes:
            raise ModelError(f"the network '{self.name}' has no layer; nothing is left to map")
        for tensor in self.tensors.values():
            if tensor.size > MAX_TENSOR_ELEMENTS or min(tensor.shape, default=0) < 1 or len(tensor.shape) > 3:
                raise ModelError(
                    f"tensor '{tensor.name}' of shape {tensor.shape} is out of bounds; use a smaller network"
                )
            if max(-tensor.low, tensor.high) > MAX_SUM:
                raise ModelError(
                    f"tensor '{tensor.name}' can reach {max(-tensor.low, tensor.high)}, beyond int32; "
                    f"use fewer inputs a neuron, or fewer bits an input ({choice('input_type')})"
                )
        check_inputs(self.inputs)
        for node in self.nodes:
            check_node(node, tuple(self.tensors[source] for source in node.sources))

    @property
    def is_the_models_own(self) -> bool:
        """Whether its scores are the model's: nothing was quantised here, and no threshold trimmed."""
        return not self.quantised and not self.trimmed_for

    @property
    def trims_itself(self) -> bool:
        """Whether each chip trims it by what it reads back of its own weights."""
        return any(node.trim is not None for node in self.linear)

    @property
    def quantised_outside(self) -> tuple[Input, ...]:
        """The inputs whose integers the model's own quantiser makes, which stays outside the firmware."""
        return tuple(entry for entry in self.inputs if entry.encoding.quantizer is not None)

    @property
    def cautions(self) -> tuple[str, ...]:
        """Sentences that go with every answer."""
        if not self.trimmed_for:
            return ()
        what = f"the thresholds are trimmed for {self.trimmed_for}"
        return (f"{what}: on other chips, and without errors, the answers are worse than before",)

    @cached_property
    def tensors(self) -> Mapping[str, Tensor]:
        """Every tensor by name."""
        given = {entry.name: entry.tensor for entry in self.inputs}
        return given | {node.output.name: node.output for node in self.nodes}

    @property
    def output(self) -> Tensor:
        """The tensor of scores: what the last node makes."""
        return self.nodes[-1].output

    @property
    def linear(self) -> tuple[Linear, ...]:
        """The layers with weights, in order."""
        return tuple(node for node in self.nodes if isinstance(node, Linear))

    def with_weights(self, weights: Mapping[str, npt.NDArray[np.int8]]) -> Network:
        """The same network with other weights (of the same shapes) in the layers named."""
        nodes = tuple(
            replace(node, weights=weights[node.name]) if isinstance(node, Linear) and node.name in weights else node
            for node in self.nodes
        )
        return replace(self, nodes=nodes)
