"""Why a network does not fit a target, and what would help: each target that is named here was tried."""

from __future__ import annotations

from edgebnn.chip.target.target import Target
from edgebnn.chip.target_files.loading import changed, load_target, target_names
from edgebnn.chip.target_files.rules import check_target
from edgebnn.chip.target_files.settings import with_settings
from edgebnn.choices import choice
from edgebnn.errors import EdgeBNNError
from edgebnn.mapping.fit import Fit, Need, fit_of
from edgebnn.network.network import Network

# More than the whole runtime takes with every kernel and some hundred descriptors: what a target that is offered has
# to have beside the weights image.
CODE_BYTES = 64 << 10

_ADVICE = {
    "array.banks": "make it smaller",
    "array.parallel_banks": "use fewer inputs a neuron",
    "memory.sram.size": "pool earlier or use fewer channels",
    "memory.flash.size": "make the largest layers smaller",
}


def refusal(network: Network, target: Target, fit: Fit) -> str:
    """The sentence about a network that does not fit: each resource that is short, then what would do."""
    short = [need for need in fit.needs if not need.fits]
    problems = ", and ".join(map(_shortage, short))
    ways = [_ADVICE[short[0].setting], *_larger_copy(network, target, fit), *_other_targets(network, target)]
    listed = ways[0] if len(ways) == 1 else f"{', '.join(ways[:-1])}, or {ways[-1]}"
    return f"network '{network.name}' does not fit target '{target.name}': {problems}; {listed}"


def _shortage(need: Need) -> str:
    largest = "" if need.largest is None else f" (the largest, '{need.largest[0]}', takes {need.largest[1]})"
    return f"it needs {need.needed} {need.what} of {need.available}{largest}"


def _larger_copy(network: Network, target: Target, fit: Fit) -> list[str]:
    """A copy of the target in which everything is large enough, where the rules of targets allow it."""
    settings = {need.setting: _enough(need) for need in fit.needs if _tight(need)}
    try:
        larger = with_settings(target, settings)
        check_target(larger, "the copy")
        helps = _fits(network, larger)
    except EdgeBNNError:
        return []
    chosen = " ".join(
        f"--set {path}={value}{'' if unit == 'banks' else unit}" for path, (value, unit) in settings.items()
    )
    source = target.name if target.name in target_names() and not changed(target) else "FILE"
    copy = f"edgebnn targets copy {source} my-{target.name}.toml {chosen}"
    own = choice("target", f"my-{target.name}.toml")
    return [f"compile for a larger copy ({own} after {copy})"] if helps else []


def _tight(need: Need) -> bool:
    code = CODE_BYTES if need.setting == "memory.flash.size" else 0
    return need.needed + code > need.available


def _enough(need: Need) -> tuple[int, str]:
    """The next power of two, memories in KiB."""
    code = CODE_BYTES if need.setting == "memory.flash.size" else 0
    size = 1 << (need.needed + code - 1).bit_length()
    return (size, "banks") if need.unit == "banks" else (max(1, size >> 10), "KiB")


def _other_targets(network: Network, target: Target) -> list[str]:
    """The shipped targets with a chip of their own on which the network fits as it is."""
    others = [other for other in map(load_target, target_names()) if other.sha256 != target.sha256]
    return [
        f"compile for {other.name} ({choice('target', other.name)})"
        for other in others
        if other.memory is not None and _fits(network, other)
    ]


def _fits(network: Network, target: Target) -> bool:
    """Whether everything fits, some room for the code left in flash."""
    try:
        fit = fit_of(network, target)
    except EdgeBNNError:
        return False
    return fit.fits and not any(_tight(need) for need in fit.needs)
