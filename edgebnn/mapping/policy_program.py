"""The integer program that gives each layer a programming policy: the least cost within a budget of losses.

x[l, p] is 1 where layer l is programmed under policy p, and each layer has one policy: minimise the sum of
cost[l, p] x[l, p], subject to the sum of loss[l, p] x[l, p] being at most the budget. Losses add up; that they do is an
assumption, which whoever uses the result has to check.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def cheapest(costs: Floats, losses: Counts, allowed: Flags, budget: int) -> tuple[int, ...] | None:
    """The policy of each layer, or None where none stays within the budget.

    costs, losses and allowed are (layers, policies); costs and losses are not negative. Losses are whole numbers, so
    that the solver's tolerance decides nothing.
    """
    layers, policies = costs.shape
    if budget < 0 or not allowed.any(axis=1).all():
        return None
    one_each = np.kron(np.eye(layers), np.ones(policies))
    most = max(float(costs.max(initial=0)), np.finfo(np.float64).tiny)
    found = scipy.optimize.milp(
        costs.ravel() / most,
        integrality=np.ones(costs.size, np.int64),
        bounds=scipy.optimize.Bounds(0, allowed.ravel().astype(np.float64)),
        constraints=[
            scipy.optimize.LinearConstraint(one_each, 1, 1),
            scipy.optimize.LinearConstraint(losses.reshape(1, -1).astype(np.float64), -np.inf, budget),
        ],
        options={"mip_rel_gap": 0},
    )
    if found.x is None:
        return None
    return tuple(int(policy) for policy in found.x.reshape(layers, policies).argmax(axis=1))


def longest_lived(
    costs: Floats, losses: Counts, allowed: Flags, budget: int, endurances: Counts
) -> tuple[int, ...] | None:
    """As `cheapest`, but of the choices whose smallest endurance is the largest; endurances are (policies,).

    A layer with one allowed policy has no choice, so it does not count.
    """
    free = allowed.sum(axis=1, keepdims=True) > 1
    for least in sorted(set(endurances.tolist()), reverse=True):
        found = cheapest(costs, losses, allowed & (~free | (endurances >= least)), budget)
        if found is not None:
            return found
    return None
