import contextlib
import dataclasses
import functools
import json

import numpy as np
import onnx
import pytest

from edgebnn.devices import beats as coding
from edgebnn.devices.beats import beat_windows
from edgebnn.devices.pvc import count
from edgebnn.errors import DataError
from edgebnn.models import ECG_PVC
from tests.devices.records import patient, save

torch = pytest.importorskip("torch")

from click.testing import CliRunner  # noqa: E402

from edgebnn.cli.train import train as command  # noqa: E402
from edgebnn.nn.ecg import EcgNet, Training, evaluate, train  # noqa: E402
from edgebnn.nn.ecg_augment import Augmentation, BeatSampler, Coding  # noqa: E402

MEANING = Coding(coding.BEFORE, coding.TEMPLATE_PEAK, coding.RATIO_SCALE)
QUICK = Training(epochs=3, steps=20, batch=64, teachers=1)


def _beats(seeds, **options):
    recordings = [patient(seed, **options) for seed in seeds]
    windows = [beat_windows(r.adc, r.beats, r.fs_hz) for r in recordings]
    labels = np.concatenate([r.is_pvc for r in recordings])
    return np.concatenate(windows), labels, np.repeat(np.arange(len(windows)), [len(part) for part in windows])


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def trained():
    return train(*_beats(range(10, 16)), MEANING, QUICK)


def test_a_short_training_finds_the_pvc_of_patients_it_never_saw(trained):
    x, labels, _ = _beats([30, 31])
    result = count(evaluate(trained, x).argmax(axis=1) == 1, labels)
    assert result.f1 > 0.8


def test_a_network_that_learnt_one_lead_takes_it_reversed(trained):
    x, labels, _ = _beats([32], polarity=-1)
    assert count(evaluate(trained, x).argmax(axis=1) == 1, labels).f1 > 0.7


def test_the_same_seed_gives_the_same_network():
    data, brief = _beats([10, 11]), dataclasses.replace(QUICK, epochs=1, steps=3)
    one, same = (train(*data, MEANING, brief) for _ in range(2))
    other = train(*data, MEANING, dataclasses.replace(brief, seed=1))
    weights = [model.layers[0].weight for model in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_every_weight_is_binary_and_the_twin_is_not():
    binary, twin = EcgNet(4, 120), EcgNet(4, 120, binary=False)
    assert sum(hasattr(layer, "quantised_weight") for layer in binary.layers) == 5
    assert not any(hasattr(layer, "quantised_weight") for layer in twin.layers)
    x = torch.zeros(2, 4, 120, dtype=torch.int8)
    assert binary(x).shape == twin(x).shape == (2, 2)


def test_the_first_layer_fits_into_one_bank():
    first = EcgNet(coding.CHANNELS, coding.LENGTH).layers[0]
    assert first.in_channels * first.kernel_size[0] <= 32


def test_training_without_pvc_or_without_others_is_refused():
    x, labels, record = _beats([10])
    for constant in (np.zeros_like(labels), np.ones_like(labels)):
        with pytest.raises(DataError, match="no PVC, or nothing else"):
            train(x, constant, record, MEANING, QUICK)


def test_drawn_batches_hold_int8_values_and_the_asked_share_of_pvc():
    x, labels, record = (torch.as_tensor(part) for part in _beats([10, 11, 12]))
    busy = Augmentation(pvc_share=0.25, transplant=0.5, wide_usual=0.5, role_swap=0.5, late_pvc=0.5)
    drawn, is_pvc = BeatSampler(x, labels, record, MEANING, busy, 0).batch(64)
    assert drawn.shape == (64, coding.CHANNELS, coding.LENGTH)
    assert torch.equal(drawn, drawn.to(torch.int8).float())
    assert is_pvc.sum() == 16
    assert (drawn[:, 2:] == drawn[:, 2:, :1]).all()


def test_teachers_change_what_a_binary_network_learns_and_not_its_twin():
    data, alone = _beats([10, 11]), dataclasses.replace(QUICK, epochs=1, steps=3, teachers=0)
    taught = dataclasses.replace(alone, teachers=2)
    for binary in (True, False):
        weights = [train(*data, MEANING, how, binary=binary).layers[0].weight for how in (alone, taught)]
        assert torch.equal(*weights) is not binary


def test_progress_is_told_after_each_epoch_of_the_teachers_too():
    told = []
    brief = dataclasses.replace(QUICK, epochs=3, steps=1, teachers=2)
    train(*_beats([10]), MEANING, brief, progress=lambda *news: told.append(news))
    taught = [("teacher 1", 1), ("teacher 1", 2), ("teacher 2", 1), ("teacher 2", 2)]
    assert [news[:2] for news in told] == [*taught, ("network", 1), ("network", 2), ("network", 3)]
    assert all(loss > 0 for *_, loss in told)
    assert brief.all_epochs(binary=True) == len(told) and brief.all_epochs(binary=False) == 3


def _invoke(*arguments):
    result = CliRunner().invoke(command, [str(word) for word in arguments], catch_exceptions=True)
    return result


@pytest.fixture
def brief(monkeypatch):
    """The command's training, but a matter of moments."""
    quick = functools.partial(Training, steps=3, batch=32, teachers=1)
    monkeypatch.setattr("edgebnn.recipes.ecg.Training", quick)


@pytest.fixture
def folder(tmp_path, brief):
    for seed in (10, 11, 12):
        save(patient(seed, beats=120), tmp_path)
    return tmp_path


def test_the_command_trains_between_patients_and_writes_the_model(folder):
    path = folder / "m.onnx"
    done = _invoke("ecg", "--data", folder, "-o", path, "--epochs", 1, "--leave-out", "patient12", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    splits = {row["record"]: row["split"] for row in document["records"]}
    assert splits == {"patient10": "seen", "patient11": "seen", "patient12": "unseen"}
    assert onnx.load(path).graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.INT8


def test_the_command_tests_every_record_by_folds(folder):
    done = _invoke("ecg", "--data", folder, "-o", folder / "m.onnx", "--epochs", 1, "--folds")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("unseen") == 4  # three records and their sum


@pytest.mark.parametrize("options", [[], ["--folds"], ["--leave-out", "patient12", "--float-twin"]])
def test_the_commands_bar_moves_with_every_epoch_until_it_is_full(folder, monkeypatch, options):
    heard = []

    @contextlib.contextmanager
    def progress(title, total=None):
        heard.append(total)
        yield lambda phase, done=0, of=0: heard.append(phase)

    monkeypatch.setattr("edgebnn.cli.output.progress", progress)
    done = _invoke("ecg", "--data", folder, "-o", folder / "m.onnx", "--epochs", 2, *options)
    assert done.exit_code == 0, done.output
    total, first, *epochs = heard
    assert first == "3 records" and len(epochs) == total
    assert any("teacher 1, epoch 1" in phase for phase in epochs) is ("--float-twin" not in options)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mnist"], "no recipe 'mnist'"),
        (["ecg", "--data", "nowhere"], "no folder"),
        (["ecg", "--data", "{folder}", "--leave-out", "999"], "no single record '999'"),
    ],
)
def test_the_command_says_what_is_wrong(folder, arguments, said):
    done = _invoke(*(word.replace("{folder}", str(folder)) for word in arguments))
    assert said in str(done.exception)


def test_a_folder_of_wfdb_records_works_too(shared_data, tmp_path, brief):
    pytest.importorskip("wfdb")
    folder = shared_data / "ecg" / "wfdb"
    done = _invoke("ecg", "--data", folder, "-o", tmp_path / "m.onnx", "--epochs", 1, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["records"][0]["record"] == "100"


def test_the_shipped_model_takes_what_the_preprocessing_makes():
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(ECG_PVC), providers=["CPUExecutionProvider"])
    results = []
    for seed in range(40, 44):
        recording = patient(seed)
        scores = session.run(None, {"x": beat_windows(recording.adc, recording.beats, recording.fs_hz)})[0]
        assert scores.shape == (len(recording.beats), 2)
        results.append(count(scores.argmax(axis=1) == 1, recording.is_pvc).f1)
    assert np.mean(results) > 0.8
    assert ECG_PVC.stat().st_size < 300_000
