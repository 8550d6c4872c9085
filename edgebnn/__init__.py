"""edgebnn: binary and ternary neural networks on a simulated CMOS/RRAM chip and on plain microcontrollers.

>>> deployment = edgebnn.compile("model.onnx", target="rram130")
>>> scores = deployment.run(x)
>>> deployment.save("out")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgebnn.api import ChipInstance, Deployment, Inspection, compile, inspect, load
    from edgebnn.comparison.compare import Comparison, compare
    from edgebnn.version import __version__

__all__ = [
    "ChipInstance",
    "Comparison",
    "Deployment",
    "Inspection",
    "__version__",
    "compare",
    "compile",
    "inspect",
    "load",
]


def __dir__() -> list[str]:
    """The public names, those that are not loaded yet among them."""
    return sorted(__all__)


def __getattr__(name: str) -> Any:
    """The public names, loaded when they are first used: `import edgebnn` stays free of every heavy library."""
    if name == "__version__":
        from edgebnn.version import __version__

        return __version__
    if name in ("compare", "Comparison"):
        from edgebnn.comparison import compare

        return getattr(compare, name)
    if name in __all__:
        from edgebnn import api

        return getattr(api, name)
    raise AttributeError(f"module 'edgebnn' has no attribute '{name}'")
