"""SECDED codes: one error is corrected, two are detected, and the error rate after decoding is exact."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebnn.chip.study.coded_samples import word_errors
from edgebnn.chip.study.secded import (
    SECDED_8_4,
    SECDED_72_64,
    Data,
    DecoderVerdict,
    Octets,
    SecdedCode,
    bit_error_rate,
    decode,
    encode,
)
from edgebnn.confidence import Tally
from tests.chip.codes import block_error_rate

CODES = [SECDED_8_4, SECDED_72_64]
each_code = pytest.mark.parametrize("code", CODES, ids=["8_4", "72_64"])
RATES = [1e-7, 1e-4, 1e-2, 0.1, 0.5]


def sent(code: SecdedCode, seed: int, words: int) -> tuple[Data, Octets]:
    data = np.random.default_rng(seed).integers(0, 2**code.data - 1, words, np.uint64, endpoint=True)
    return data, encode(code, data)


def flipped(code: SecdedCode, data: Data, check: Octets, bits: tuple[int, ...]) -> tuple[Data, Octets]:
    for bit in bits:
        if bit < code.data:
            data = data ^ np.uint64(1 << bit)
        else:
            check = check ^ np.uint8(1 << (bit - code.data))
    return data, check


@each_code
def test_no_two_errors_of_one_bit_look_alike_and_two_errors_look_like_none_of_them(code: SecdedCode) -> None:
    columns = set(code.columns)
    assert len(columns) == code.length and 0 not in columns
    assert not columns & {a ^ b for a, b in combinations(columns, 2)}


@each_code
def test_a_sound_word_is_left_alone(code: SecdedCode) -> None:
    data, check = sent(code, 1, 1000)
    decoded, outcome = decode(code, data, check)
    assert np.array_equal(decoded, data) and (outcome == DecoderVerdict.SOUND).all()


@each_code
def test_every_single_error_is_corrected(code: SecdedCode) -> None:
    data, check = sent(code, 2, 50)
    for bit in range(code.length):
        decoded, outcome = decode(code, *flipped(code, data, check, (bit,)))
        assert np.array_equal(decoded, data) and (outcome == DecoderVerdict.CORRECTED).all()


@each_code
def test_every_double_error_is_detected_and_the_data_are_left_as_read(code: SecdedCode) -> None:
    data, check = sent(code, 3, 5)
    for bits in combinations(range(code.length), 2):
        read = flipped(code, data, check, bits)
        decoded, outcome = decode(code, *read)
        assert np.array_equal(decoded, read[0]) and (outcome == DecoderVerdict.DETECTED).all()


@pytest.mark.parametrize("rate", RATES)
def test_the_rate_after_decoding_is_that_of_all_256_patterns(rate: float) -> None:
    patterns = np.arange(256)
    decoded, _ = decode(SECDED_8_4, (patterns & 15).astype(np.uint64), (patterns >> 4).astype(np.uint8))
    ones = np.bitwise_count(patterns.astype(np.uint8)).astype(np.float64)
    probability = rate**ones * (1 - rate) ** (8 - ones)
    assert bit_error_rate(SECDED_8_4, rate) == pytest.approx((np.bitwise_count(decoded) * probability).sum() / 4, 1e-12)
    assert block_error_rate(SECDED_8_4, rate) == pytest.approx(probability[ones > 1].sum(), 1e-12)


@each_code
@pytest.mark.parametrize("rate", [3e-3, 3e-2])
def test_the_rates_are_those_of_sampled_words(code: SecdedCode, rate: float) -> None:
    flags = np.random.default_rng(4).random(code.length * 10**5) < rate
    found = word_errors(code, np.packbits(flags, bitorder="little"))
    assert found.words.trials == found.bits.trials == 10**5
    for counted, wanted in (
        (found.words, block_error_rate(code, rate)),
        (found.bits, bit_error_rate(code, rate)),
    ):
        low, high = counted.interval(0.999)
        assert low <= wanted <= high


@each_code
def test_at_a_small_rate_two_errors_decide(code: SecdedCode) -> None:
    """Of the pairs of bits, a data bit is in length - 1; what is left of three errors is a matter of the next order."""
    for rate in (1e-7, 1e-12, 1e-30):
        assert bit_error_rate(code, rate) == pytest.approx((code.length - 1) * rate**2, rel=1e-4)
        assert block_error_rate(code, rate) == pytest.approx(code.length * (code.length - 1) / 2 * rate**2, rel=1e-4)


@each_code
@given(rate=st.floats(0, 0.5))
def test_decoded_bits_are_wrong_between_never_and_half_of_the_time(code: SecdedCode, rate: float) -> None:
    assert 0 <= bit_error_rate(code, rate) <= 0.5
    assert bit_error_rate(code, 0.5) == 0.5 and bit_error_rate(code, 0.0) == 0


def test_words_are_counted_by_their_own_bits() -> None:
    """Two octets: one wrong data bit, which is corrected; two wrong check bits, which leave the data alone."""
    found = word_errors(SECDED_8_4, np.array([0b0000_0100, 0b1001_0000], np.uint8))
    assert found.words == Tally(1, 2) and found.bits == Tally(0, 2)
    # Bits 0 and 1 of two words: detected, left as read, and word k is counted by its bit k.
    assert word_errors(SECDED_8_4, np.array([0b0011, 0b0011, 0b0011], np.uint8)).bits == Tally(2, 3)
