"""What else the theory of the codes says."""

from __future__ import annotations

from scipy.special import bdtrc

from edgebnn.chip.study.secded import SecdedCode


def block_error_rate(code: SecdedCode, rate: float) -> float:
    """How often more bits of a word are wrong than one, so that it is not corrected."""
    return float(bdtrc(1, code.length, rate))  # 1 - (1 - p)^n - n p (1 - p)^(n - 1), without its cancellation
