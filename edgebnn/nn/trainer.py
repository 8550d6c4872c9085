"""The training loop that all recipes share: epochs, bit errors, a score of what was held out, checkpoints.

The same model, batches and settings give the same weights on the same machine with one thread, whether the training ran
through or was cut short and went on from a checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from edgebnn.errors import DataError
from edgebnn.nn.activations import keep_scales_positive
from edgebnn.nn.bit_errors import BitErrors
from edgebnn.nn.checkpoint import (
    FORMAT,
    Epoch,
    Progress,
    Settings,
    Tensors,
    read_checkpoint,
    with_prefix,
    without_prefix,
    write_checkpoint,
)
from edgebnn.nn.layers import clip_latent

DONE, EARLY, INTERRUPTED = "done", "early", "interrupted"
"""Why a training ended: after all its epochs, as nothing got better any more, or by Ctrl-C."""

Heard = Callable[[int, int, int, float], None]
"""Told after each step: the epoch (from 1), how many of its steps are done, of how many, and the mean loss so far."""


class Part(Protocol):
    """What else has a state that a checkpoint keeps, such as a sampler that draws: tensors and numbers by name."""

    def state_dict(self) -> Mapping[str, Tensor | int | float]: ...
    def load_state_dict(self, state: Mapping[str, Any], /) -> None: ...


@dataclass(frozen=True)
class Trained:
    """How a training went: epoch by epoch, why it ended (`done`, `early`, `interrupted`), whose weights were kept."""

    log: tuple[Epoch, ...]
    ended: str
    kept_epoch: int


@dataclass(frozen=True)
class Trainer:
    """Trains `model` in place, on the device that its parameters are on.

    batches: of an epoch, from 0: pairs (x, y) of tensors, of which `steps` are taken.
    loss: one number of (model, x, y).
    schedule: of the learning rate, one step a batch.
    errors: attached in each step, and stepped; their schedule then counts batches.
    score: of the model in `eval()` after each epoch, the larger the better: of data held out, never of the test.
    patience: so many epochs without a better score end the training; the weights of the best epoch are kept. None for
        all epochs and the last weights.
    checkpoint: an .npz file, written after each epoch; where it is there, the training goes on from it.
    settings: what tells this training from others, for the checkpoint.
    parts: what else has a state, by name; the errors' is kept anyway.
    """

    model: nn.Module
    optimizer: Optimizer
    loss: Callable[[nn.Module, Tensor, Tensor], Tensor]
    batches: Callable[[int], Iterable[tuple[Tensor, Tensor]]]
    steps: int
    schedule: LRScheduler | None = None
    errors: BitErrors | None = None
    score: Callable[[nn.Module], float] | None = None
    patience: int | None = None
    checkpoint: Path | None = None
    settings: Settings = field(default_factory=dict)
    parts: Mapping[str, Part] = field(default_factory=dict)

    def fit(self, epochs: int, heard: Heard | None = None) -> Trained:
        """Train for so many epochs, those of the checkpoint among them; the model is left in `eval()`.

        Ctrl-C ends the training with the weights of the last whole epoch; before the first one it is raised. Raises
        DataError where a checkpoint cannot be read or written or is of another training, and where the loss is no
        number any more; ValueError for a patience without a score.
        """
        if self.patience is not None and self.score is None:
            raise ValueError("patience needs a score of what was held out")
        log: tuple[Epoch, ...] = ()
        best: tuple[int, Tensors] = (0, {})
        if self.checkpoint is not None and self.checkpoint.exists():
            log, best = self._restored(self.checkpoint)
        whole = (log, best, _copied(self.model))
        ended = self._ended(log, best[0], epochs)
        while not ended:
            try:
                row = self._epoch(len(log), heard)
                log = (*log, row)
                if self._better(row, log, best[0]):
                    best = (row.epoch, _copied(self.model) if self.patience is not None else {})
                if self.checkpoint is not None:
                    self._write(self.checkpoint, log, best)
                whole = (log, best, _copied(self.model))
                ended = self._ended(log, best[0], epochs)
            except KeyboardInterrupt:
                log, best, state = whole
                if not log:
                    raise
                self.model.load_state_dict(state)
                ended = INTERRUPTED
        kept = log[-1].epoch
        if self.patience is not None and best[1]:
            kept = best[0]
            self.model.load_state_dict(best[1])
        self.model.eval()
        return Trained(log, ended, kept)

    def _ended(self, log: tuple[Epoch, ...], best: int, epochs: int) -> str:
        if len(log) >= epochs:
            return DONE
        return EARLY if self.patience is not None and log and len(log) - best >= self.patience else ""

    def _better(self, row: Epoch, log: tuple[Epoch, ...], best: int) -> bool:
        if row.score is None or best == 0:
            return True
        before = log[best - 1].score
        return before is None or row.score > before

    def _epoch(self, index: int, heard: Heard | None) -> Epoch:
        device = next(self.model.parameters()).device
        self.model.train()
        total, done = 0.0, 0
        for x, y in islice(self.batches(index), self.steps):
            with self.errors or nullcontext():
                loss = self.loss(self.model, x.to(device), y.to(device))
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
            if self.schedule is not None:
                self.schedule.step()
            if self.errors is not None:
                self.errors.step()
            clip_latent(self.model)
            keep_scales_positive(self.model)
            total, done = total + loss.item(), done + 1
            if heard is not None:
                heard(index + 1, done, self.steps, total / done)
        if not done or not math.isfinite(total):
            said = "is no number any more" if done else "has no batch to be of"
            raise DataError(f"the loss of epoch {index + 1} {said}; lower the learning rate, or look at the data")
        score = None
        if self.score is not None:
            self.model.eval()
            with torch.no_grad():
                score = self.score(self.model)
        return Epoch(index + 1, total / done, float(self.optimizer.param_groups[0]["lr"]), score)

    def _all_parts(self) -> dict[str, Part]:
        return {**self.parts, **({} if self.errors is None else {"bit errors": self.errors})}

    def _write(self, path: Path, log: tuple[Epoch, ...], best: tuple[int, Tensors]) -> None:
        tensors = {**with_prefix("model", self.model.state_dict()), **with_prefix("best", best[1])}
        for index, state in self.optimizer.state_dict()["state"].items():
            held = {name: torch.as_tensor(value) for name, value in state.items() if value is not None}
            tensors |= with_prefix(f"optimizer/{index}", held)
        numbers: dict[str, dict[str, int | float]] = {}
        for name, part in self._all_parts().items():
            state = part.state_dict()
            tensors |= with_prefix(
                f"part/{name}", {key: each for key, each in state.items() if isinstance(each, Tensor)}
            )
            numbers[name] = {key: each for key, each in state.items() if not isinstance(each, Tensor)}
        tensors["random"] = torch.get_rng_state()
        schedule = {} if self.schedule is None else _plain(self.schedule.state_dict())
        rates = [float(group["lr"]) for group in self.optimizer.param_groups]
        write_checkpoint(
            path, Progress(FORMAT, dict(self.settings), list(log), best[0], rates, schedule, numbers), tensors
        )

    def _restored(self, path: Path) -> tuple[tuple[Epoch, ...], tuple[int, Tensors]]:
        progress, tensors = read_checkpoint(path, self.settings)
        try:
            if not 0 < progress.best_epoch <= len(progress.log):
                raise ValueError("its log does not reach the best epoch")
            self.model.load_state_dict(without_prefix("model", tensors))
            state: dict[int, Tensors] = {}
            for name, tensor in without_prefix("optimizer", tensors).items():
                index, _, key = name.partition("/")
                state.setdefault(int(index), {})[key] = tensor
            groups = self.optimizer.state_dict()["param_groups"]
            for group, rate in zip(groups, progress.learning_rates, strict=True):
                group["lr"] = rate
            self.optimizer.load_state_dict({"state": state, "param_groups": groups})
            if self.schedule is not None:
                own = _plain(self.schedule.state_dict())
                if {name: type(each) for name, each in own.items()} != {
                    name: type(each) for name, each in progress.schedule.items()
                }:
                    raise ValueError("its schedule is another one")
                self.schedule.load_state_dict(progress.schedule)
            for name, part in self._all_parts().items():
                part.load_state_dict({**progress.parts[name], **without_prefix(f"part/{name}", tensors)})
            torch.set_rng_state(tensors["random"])
        except (ValueError, KeyError, TypeError, RuntimeError, IndexError, AttributeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(f"'{path}' is a checkpoint of another model ({reason}); name another place") from error
        return tuple(progress.log), (progress.best_epoch, without_prefix("best", tensors))


def _plain(state: Mapping[str, Any]) -> dict[str, Any]:
    """What of a schedule's state JSON holds: not the functions of a LambdaLR, which are given anew."""
    kinds = (bool, int, float, str, type(None))
    lists = {name: list(each) for name, each in state.items() if isinstance(each, list | tuple)}
    lists = {name: each for name, each in lists.items() if each and all(isinstance(one, kinds) for one in each)}
    return {**{name: each for name, each in state.items() if isinstance(each, kinds)}, **lists}


def _copied(model: nn.Module) -> Tensors:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
