"""An export that is compiled and compared with the module before it is written."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from edgebnn.errors import ModelError
from edgebnn.files import write_whole
from edgebnn.nn.onnx_export import onnx_bytes
from edgebnn.number_checks import check_whole
from edgebnn.places import check_place

MOST_SAMPLES = 100_000
_LEAST_SHARE = 0.99
# Of the largest score: what float32 may make of the affine behind the last sums.
_ROUNDING = 1e-4


@dataclass(frozen=True)
class CheckedExport:
    """How a written model compared: random inputs, how many of them have the module's scores, and who else agreed.

    executors: pairs that gave the same answers to all that both ran, such as `reference-fast` (to the bit) and
    `onnxruntime-fast` (up to float32's rounding of scores), where onnxruntime is installed.
    """

    samples: int
    as_the_module: int
    executors: tuple[str, ...]


def export(
    model: nn.Module,
    path: Path | str,
    example: Tensor,
    *,
    input_type: str = "int8",
    target: str = "host",
    samples: int = 256,
    seed: int = 0,
) -> CheckedExport:
    """`export_onnx`, but written only where the compiled file answers random inputs as the module does.

    `example` is a batch in the input's shape and type, (n, ...); the inputs are integers drawn evenly from those of
    `input_type` (`uint8`, `int12`, ..., `bits`). The file is compiled for `target`; interpreter, fast path, firmware
    where it was built, and onnxruntime where it is installed have to agree on all of them. PyTorch itself rounds a sum
    that lies at a threshold otherwise once in a while, so of the module's scores 99 % have to be the same. Raises
    ModelError where they do not agree or the model cannot be mapped, DataError where it cannot be written.
    """
    import edgebnn

    check_whole(samples=samples, seed=seed)
    if not 1 <= samples <= MOST_SAMPLES:
        raise ModelError(f"{samples} samples are out of range; check with 1 to {MOST_SAMPLES}")
    check_place(Path(path))
    content = onnx_bytes(model, example)
    deployment = edgebnn.compile(content, target=target, input_type=input_type)
    network = deployment.mapped.network
    inputs = network.inputs[0].tensor
    drawn = np.random.default_rng(seed).integers(
        inputs.low, inputs.high, (samples, *example.shape[1:]), dtype=np.int64, endpoint=True
    )
    if inputs.low == -1 and inputs.high == 1 and input_type == "bits":
        drawn = np.where(drawn >= 0, 1, -1)
    x = drawn.astype(np.float32)
    with_model = content if find_spec("onnxruntime") is not None else None
    result = deployment.emulate(x, model=with_model, firmware_samples=min(samples, 32))
    apart = [name for name, agreement in result.agreement.items() if not agreement.whole]
    if apart:
        raise ModelError(f"the exported model gives different answers ({', '.join(apart)}), so it was not written")
    frozen = copy.deepcopy(model).eval()
    with torch.no_grad():
        own = frozen(torch.as_tensor(x).to(example.device, example.dtype)).cpu().double().numpy()
    own, found = own.reshape(samples, -1), deployment.run(x).reshape(samples, -1)
    if network.ends_in == "scores":
        same = (np.abs(own - found) <= _ROUNDING * max(1.0, float(np.abs(own).max()))).all(axis=1)
    else:
        same = own.argmax(axis=1) == found.argmax(axis=1)
    if same.mean() < _LEAST_SHARE:
        raise ModelError(
            f"the exported model gives the module's scores for {int(same.sum())} of {samples} random inputs alone, so "
            "it was not written; let the input type be that of the training, and keep numbers within float32"
        )
    write_whole(Path(path), content)
    return CheckedExport(samples, int(same.sum()), tuple(result.agreement))
