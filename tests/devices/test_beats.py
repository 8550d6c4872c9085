import numpy as np
import pytest

from edgebnn.devices import beats as coding
from edgebnn.devices.beats import beat_windows, rhythm
from tests.devices.records import patient


def test_windows_are_int8_channels_around_each_beat():
    recording = patient(1)
    windows = beat_windows(recording.adc, recording.beats, recording.fs_hz)
    assert windows.dtype == np.int8
    assert windows.shape == (len(recording.beats), coding.CHANNELS, coding.LENGTH)
    normal = windows[np.flatnonzero(~recording.is_pvc)[20:]]
    assert abs(np.median(normal[:, 0].argmax(axis=1)) - coding.BEFORE) <= 1
    assert np.abs(normal[:, 1]).max() == coding.TEMPLATE_PEAK


def test_a_pvc_comes_early_and_differs_from_the_usual_beat_and_others_do_not():
    recording = patient(2)
    windows = beat_windows(recording.adc, recording.beats, recording.fs_hz).astype(int)
    difference = np.abs(windows[:, 0] - windows[:, 1]).mean(axis=1)
    late = np.arange(len(windows)) > 20
    assert difference[recording.is_pvc & late].min() > 2 * np.median(difference[~recording.is_pvc & late])
    assert windows[recording.is_pvc & late, 2, 0].max() < -20
    assert windows[recording.is_pvc & late, 3, 0].min() > 10


def test_the_gain_and_the_offset_of_the_front_end_do_not_matter():
    recording = patient(3)
    plain = beat_windows(recording.adc, recording.beats, recording.fs_hz).astype(int)
    other = beat_windows(3 * recording.adc.astype(np.int32) + 1000, recording.beats, recording.fs_hz)
    assert np.abs(plain - other).max() <= 1


def test_reversed_electrodes_give_the_negative_shape():
    up, down = patient(4), patient(4, polarity=-1)
    one = beat_windows(up.adc, up.beats, up.fs_hz).astype(int)
    other = beat_windows(down.adc, down.beats, down.fs_hz).astype(int)
    assert np.abs(one[:, :2] + other[:, :2]).max() <= 1
    assert (one[:, 2:] == other[:, 2:]).all()


@pytest.mark.parametrize("fs_hz", [128, 250, 500, 1000])
def test_other_sampling_rates_give_nearly_the_same_windows(fs_hz):
    recording = patient(5)
    fine = np.arange(0, len(recording.adc) - 1, 360 / fs_hz)
    adc = np.interp(fine, np.arange(len(recording.adc)), recording.adc)
    marks = np.rint(recording.beats * fs_hz / 360).astype(np.int64)
    plain = beat_windows(recording.adc, recording.beats, 360.0).astype(int)
    other = beat_windows(adc, marks, float(fs_hz)).astype(int)
    assert np.abs(plain - other).mean() < 2


def test_the_device_never_looks_past_the_window_and_the_next_beat():
    recording = patient(6)
    whole = beat_windows(recording.adc, recording.beats, recording.fs_hz)
    known = 101
    cut = recording.beats[known] + int(recording.fs_hz)
    part = beat_windows(recording.adc[:cut], recording.beats[:known], recording.fs_hz)
    assert (part[: known - 1] == whole[: known - 1]).all()


def test_the_signal_is_averaged_over_each_period_exactly():
    adc = np.arange(2000.0)  # of a ramp, the mean over a period is its middle
    shape = coding._sampled(adc, np.array([1000.0]), 360.0)[0]
    np.testing.assert_allclose(shape, 1000 + 3 * (np.arange(coding.LENGTH) - coding.BEFORE))


def test_beyond_the_ends_the_edge_is_repeated():
    adc = np.concatenate([np.full(500, 7.0), np.full(500, -7.0)])
    shape = coding._sampled(adc, np.array([0.0, 999.0]), 360.0)
    np.testing.assert_allclose(shape[0, : coding.BEFORE], 7.0)
    np.testing.assert_allclose(shape[1, coding.BEFORE + 1 :], -7.0)


def test_a_missing_interval_counts_as_the_usual_one():
    before, after = rhythm(np.array([100, 400, 700]))
    assert before[0] == 1.0
    assert after[-1] == 1.0
    np.testing.assert_allclose(before[1:], 1.0)


def test_in_bigeminy_the_usual_interval_lies_between_short_and_long():
    beats = np.cumsum(np.tile([200, 400], 40))
    before, after = rhythm(beats)
    np.testing.assert_allclose(sorted(set(before[40:].round(3))), [0.667, 1.333])
    assert (before[40:] < 1).sum() == 20
    assert ((before < 1) == (after > 1))[40:-1].all()


@pytest.mark.parametrize("beats", [[], [500], [0, 999]])
def test_few_beats_and_beats_at_the_ends_are_handled(beats):
    adc = np.random.default_rng(0).integers(-100, 100, 1000)
    windows = beat_windows(adc, np.array(beats, np.int64), 360.0)
    assert windows.shape == (len(beats), coding.CHANNELS, coding.LENGTH)


def test_a_flat_line_gives_zeros():
    windows = beat_windows(np.full(4000, 9, np.int16), np.array([1000, 1300, 1600]), 360.0)
    assert not windows.any()
