"""The training loop: what is cut short and goes on ends in the same weights, to the bit; and what it refuses."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from edgebnn.errors import DataError  # noqa: E402
from edgebnn.nn import BinaryLinear, BitErrors, Quantise, Sign, TernaryLinear, Trainer  # noqa: E402

STEPS = 5


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


class _Sampler:
    """Batches whose draws go on from one epoch to the next."""

    def __init__(self):
        self.draws = torch.Generator().manual_seed(3)

    def batches(self, _):
        for _ in range(STEPS):
            x = torch.randn(16, 12, generator=self.draws)
            yield x, (x[:, 0] > 0).long()

    def state_dict(self):
        return {"generator": self.draws.get_state()}

    def load_state_dict(self, state):
        self.draws.set_state(state["generator"])


def _loss(model, x, y):
    return nn.functional.cross_entropy(model(x), y)


def _trainer(optimiser="adam", *, epochs=6, score=None, **settings):
    torch.manual_seed(0)
    model = nn.Sequential(
        BinaryLinear(12, 8), nn.BatchNorm1d(8), Sign(), nn.Dropout(0.2),
        TernaryLinear(8, 6), nn.BatchNorm1d(6), Quantise(2, 0.5, learned=True), nn.Linear(6, 2),
    )  # fmt: skip
    kinds = {
        "adam": lambda p: torch.optim.Adam(p, lr=0.02),
        "sgd": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
    }
    optimizer = kinds[optimiser](model.parameters())
    sampler = _Sampler()
    return Trainer(
        model,
        optimizer,
        _loss,
        sampler.batches,
        STEPS,
        schedule=torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * STEPS),
        errors=BitErrors(model, 0.1, schedule=lambda step: step / 20),
        score=score,
        parts={"sampler": sampler},
        **settings,
    )


def _weights(trainer):
    return {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}


def _same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_what_was_cut_short_goes_on_to_the_same_bits(tmp_path, optimiser):
    through = _trainer(optimiser)
    log = through.fit(6).log
    path = tmp_path / "c.npz"
    for epochs in (2, 3, 6):  # three processes' worth: each begins with new objects
        torch.manual_seed(99)
        parts = _trainer(optimiser, checkpoint=path)
        found = parts.fit(epochs)
    assert found.log == log and found.ended == "done" and found.kept_epoch == 6
    assert _same(_weights(parts), _weights(through))
    assert not _same(_weights(parts), _weights(_trainer(optimiser)))


def test_a_checkpoint_holds_nothing_but_numbers(tmp_path):
    _trainer(checkpoint=tmp_path / "c.npz").fit(1)
    with np.load(tmp_path / "c.npz", allow_pickle=False) as arrays:
        assert {name.split("/")[0] for name in arrays} == {"model", "optimizer", "part", "random", "json"}
        assert all(arrays[name].dtype.kind in "biuf" for name in arrays)
    assert [path.name for path in tmp_path.iterdir()] == ["c.npz"]
    first = (tmp_path / "c.npz").read_bytes()
    _trainer(checkpoint=tmp_path / "d.npz").fit(1)
    assert (tmp_path / "d.npz").read_bytes() == first


def _interrupting(trainer, at):
    """The trainer whose loss is Ctrl-C at this step."""
    seen = 0

    def loss(model, x, y):
        nonlocal seen
        seen += 1
        if seen == at:
            raise KeyboardInterrupt
        return _loss(model, x, y)

    return dataclasses.replace(trainer, loss=loss)


def test_ctrl_c_keeps_the_last_whole_epoch_and_its_checkpoint_goes_on(tmp_path):
    path = tmp_path / "c.npz"
    stopped = _interrupting(_trainer(checkpoint=path), 2 * STEPS + 3)
    found = stopped.fit(6)
    assert found.ended == "interrupted" and len(found.log) == found.kept_epoch == 2 and not stopped.model.training
    two = _trainer()
    two.fit(2)
    six = _trainer()
    six.fit(6)
    assert _same(_weights(stopped), _weights(two))
    assert all(layer.errors is None for layer in stopped.model if hasattr(layer, "errors"))
    resumed = _trainer(checkpoint=path)
    assert resumed.fit(6).log[:2] == found.log and _same(_weights(resumed), _weights(six))


def test_ctrl_c_before_the_first_epoch_is_raised():
    with pytest.raises(KeyboardInterrupt):
        _interrupting(_trainer(), 2).fit(6)


@pytest.mark.parametrize("halves", [(6,), (2, 6), (4, 6)])
def test_early_stopping_keeps_the_weights_of_the_best_epoch(tmp_path, halves):
    scores = [0.5, 0.7, 0.7, 0.6, 0.9, 0.8]

    def score(model):
        assert not model.training
        return scores[len(_kept(tmp_path))]

    for epochs in halves:
        trainer = _trainer(score=score, patience=2, checkpoint=tmp_path / "c.npz")
        found = trainer.fit(epochs)
    assert found.ended == "early" and len(found.log) == 4 and found.kept_epoch == 2
    two = _trainer()
    two.fit(2)
    assert _same(_weights(trainer), _weights(two))


def _kept(folder):
    """The log of a checkpoint, where there is one."""
    from edgebnn.nn.checkpoint import read_checkpoint

    path = folder / "c.npz"
    return read_checkpoint(path, {})[0].log if path.exists() else []


def test_patience_needs_a_score():
    with pytest.raises(ValueError, match="patience needs a score"):
        _trainer(patience=2).fit(1)


def test_the_checkpoint_of_another_training_is_refused(tmp_path):
    path = tmp_path / "c.npz"
    _trainer(checkpoint=path, settings={"width": 8, "loss": "ce"}).fit(1)
    with pytest.raises(DataError, match=r"c\.npz' is of a training with width 8, not 9; go on with the same"):
        _trainer(checkpoint=path, settings={"width": 9, "loss": "ce"}).fit(2)
    other = dataclasses.replace(_trainer(checkpoint=path, settings={"width": 8, "loss": "ce"}), model=nn.Linear(12, 2))
    with pytest.raises(DataError, match="checkpoint of another model"):
        other.fit(2)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.zeros(3)}, "no array 'json'"),
        ({"json": np.zeros(3)}, "is no text"),
        ({"json": np.frombuffer(b"[" * 9000, np.uint8)}, "no sound checkpoint"),
        ({"json": np.frombuffer(b'{"format": 1}', np.uint8)}, "no sound checkpoint"),
        ({"json": np.array([print], dtype=object)}, "never loaded"),
    ],
)
def test_what_is_no_checkpoint_is_refused_in_a_sentence(tmp_path, arrays, said):
    np.savez(tmp_path / "c.npz", **arrays)
    with pytest.raises(DataError, match=said):
        _trainer(checkpoint=tmp_path / "c.npz").fit(1)


@pytest.mark.parametrize("lost", ["model/0.weight", "part/sampler/generator", "random", "optimizer/0/exp_avg"])
def test_a_checkpoint_that_lacks_something_is_refused(tmp_path, lost):
    path = tmp_path / "c.npz"
    _trainer(checkpoint=path).fit(1)
    with np.load(path) as arrays:
        np.savez(path, **{name: arrays[name] for name in arrays if name != lost})
    with pytest.raises(DataError, match=r"c\.npz' is no sound checkpoint: arrays are missing"):
        _trainer(checkpoint=path).fit(2)


def test_a_loss_that_is_no_number_ends_the_training():
    trainer = dataclasses.replace(_trainer(), loss=lambda model, x, y: _loss(model, x, y) * float("nan"))
    with pytest.raises(DataError, match="loss of epoch 1 is no number any more; lower the learning rate"):
        trainer.fit(2)
    with pytest.raises(DataError, match="has no batch"):
        dataclasses.replace(_trainer(), batches=lambda _: ()).fit(2)


def test_each_step_is_told_with_the_mean_loss_so_far():
    told = []
    log = _trainer().fit(2, heard=lambda *news: told.append(news)).log
    assert [news[:3] for news in told] == [(epoch, done, STEPS) for epoch in (1, 2) for done in range(1, STEPS + 1)]
    assert [told[STEPS - 1][3], told[-1][3]] == [row.loss for row in log]
    assert log[-1].learning_rate < log[0].learning_rate < 0.02


def test_learnt_scales_stay_above_zero():
    trainer = _trainer()
    scale = trainer.model[6].scale
    with torch.no_grad():
        scale.fill_(1e-5)
    pushed = dataclasses.replace(trainer, loss=lambda model, x, y: 1e6 * scale + 0 * _loss(model, x, y))
    pushed.fit(1)
    assert scale > 0
