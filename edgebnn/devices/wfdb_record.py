"""One lead of a WFDB record, in one segment or in several, and the beats of its annotation file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os.path import lexists
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgebnn.devices.leads import RecordedSignal, TakenBy, candidates
from edgebnn.devices.limits import MAX_LEAD_SAMPLES, RATES_HZ
from edgebnn.devices.wfdb_header import Header, RecordSegment, SignalSpecification, read_header
from edgebnn.devices.wfdb_marks import read_marks
from edgebnn.devices.wfdb_samples import Mask, frames_of, read_counts
from edgebnn.errors import DataError

_GAP = "~"
_MOST_TRIED = 16  # leads, of which a record may have twelve, and three of Frank's


@dataclass(frozen=True, eq=False)
class WfdbLead:
    """A lead of a record: counts less the baseline (n,), which of them are missing (n,), and what they mean.

    per_frame: samples in each of the record's frames, in which its annotations count unless they say otherwise.
    passed_over: the names of the leads in front of it that have no signal.
    """

    source: RecordedSignal
    taken_by: TakenBy
    counts: npt.NDArray[Any]
    missing: Mask
    rate_hz: float
    counts_per_mv: float
    per_frame: int
    passed_over: tuple[str, ...] = ()

    @property
    def has_signal(self) -> bool:
        """Whether any of its samples is there, and not all of them are equal, as where an electrode was never on."""
        one = self.counts[np.argmin(self.missing)]
        return bool(((self.counts != one) & ~self.missing).any())


def read_lead(path: Path, wanted: str | None) -> WfdbLead:
    """The lead that is `wanted`, else the first lead of ECG (see `leads.candidates`) that has a signal, if one has.

    Where the segments of a record have different gains, the counts are those of the first one that holds the lead.
    Raises DataError where a file is missing, unsound or too large, or the lead is not there.
    """
    header = read_header(path)
    segments = [(segment, _segment_header(header, segment)) for segment in header.segments]
    named = next((own for _, own in segments if own is not None and own.signals), header)
    if not named.signals:
        where = " in any segment" if segments else ""
        raise DataError(f"'{path}' names no signal{where}; give a record with at least one lead")
    found = candidates([signal.source for signal in named.signals], wanted, path.stem)[:_MOST_TRIED]

    def lead(index: int, taken_by: TakenBy) -> WfdbLead:
        return _joined(header, _pieces(header, segments, named, index), named.signals[index], taken_by)

    passed_over: list[str] = []  # by name alone: each lead may take as much memory as a recording may have
    for index, taken_by in found:
        tried = lead(index, taken_by)
        if tried.has_signal or len(found) == 1:
            return replace(tried, passed_over=tuple(passed_over))
        passed_over.append(tried.source.name)
        del tried
    return lead(*found[0])


def read_beats(path: Path, lead: WfdbLead) -> tuple[npt.NDArray[np.int64], str]:
    """(samples, codes): the index of each beat of the annotation file into the lead, and its WFDB code.

    Raises DataError where the file is unsound, or its beats lie outside the record.
    """
    marks = read_marks(path)
    ratio = lead.per_frame if marks.ticks_hz is None else lead.rate_hz / marks.ticks_hz
    samples = np.rint(marks.ticks * ratio).astype(np.int64)
    if len(samples) and (samples.min() < 0 or samples.max() >= len(lead.counts)):
        frame = "" if lead.per_frame == 1 else f" of {lead.per_frame} samples"
        unit = f"frames{frame}" if marks.ticks_hz is None else f"ticks of 1/{marks.ticks_hz:g} s"
        raise DataError(
            f"'{path}' marks a beat at {marks.ticks.max()} (in {unit}), outside the {len(lead.counts)} samples at "
            f"{lead.rate_hz:g} Hz; give the file of this record, or one that states its own ticks a second"
        )
    return samples, marks.codes


@dataclass(frozen=True)
class _Piece:
    """A stretch of a record: the lead's signal in the header of a segment, or so many frames without the lead."""

    gap_frames: int
    header: Header | None = None
    signal: SignalSpecification | None = None
    index: int = 0


def _pieces(
    header: Header, segments: Sequence[tuple[RecordSegment, Header | None]], named: Header, index: int
) -> list[_Piece]:
    """The lead of that index in `named` in each segment, by its name where a layout names all, else by its place."""
    if not segments:
        return [_Piece(0, header, header.signals[index], index)]
    name = named.signals[index].source.name
    has_layout = header.segments[0].frames == 0
    pieces = []
    for segment, own in segments[1:] if has_layout else segments:
        names = [] if own is None else [signal.source.name for signal in own.signals]
        place = index
        if has_layout and name in names:
            place = names.index(name)
        if own is None or (has_layout and name not in names):
            pieces.append(_Piece(segment.frames))
            continue
        if place >= len(names) or names[place] != name:
            raise DataError(
                f"'{own.path}' has no lead '{name}' in place {index}, as the first segment has; judge the segments one "
                "by one"
            )
        pieces.append(_Piece(0, own, own.signals[place], place))
    return pieces


def _segment_header(header: Header, segment: RecordSegment) -> Header | None:
    """The header of a segment, as long as the record says; None for a gap. DataError where it does not fit."""
    if segment.name == _GAP:
        return None
    path = header.path.parent / f"{segment.name}.hea"
    if not lexists(path):
        raise DataError(f"'{header.path}' names the segment '{segment.name}', and '{path}' is not there; add it")
    own = read_header(path)
    if own.segments:
        raise DataError(f"'{path}' is a segment in segments of its own; name their records in '{header.path}'")
    if (own.frames or segment.frames) != segment.frames or own.frames_hz != header.frames_hz:
        raise DataError(
            f"'{header.path}' gives segment '{segment.name}' {segment.frames} frames at {header.frames_hz:g} Hz, its "
            f"own header {own.frames or 'none'} at {own.frames_hz:g} Hz; copy the record again"
        )
    return replace(own, frames=segment.frames)


def _joined(header: Header, pieces: Sequence[_Piece], named: SignalSpecification, taken_by: TakenBy) -> WfdbLead:
    """The pieces of a lead, one behind the other; what it is like is said by the first one, else where it is named."""
    first = next((piece.signal for piece in pieces if piece.signal is not None), named)
    rate_hz = header.frames_hz * first.per_frame
    if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        raise DataError(
            f"'{header.path}' claims {rate_hz:g} Hz; give a record of {RATES_HZ[0]:g} to {RATES_HZ[1]:g} Hz"
        )
    _check_length(header, pieces, first)
    parts = [_samples(piece, first) for piece in pieces]
    return WfdbLead(
        source=first.source,
        taken_by=taken_by,
        counts=np.concatenate([counts for counts, _ in parts]),
        missing=np.concatenate([missing for _, missing in parts]),
        rate_hz=rate_hz,
        counts_per_mv=first.gain / (first.source.mv or 1.0),
        per_frame=first.per_frame,
    )


def _check_length(header: Header, pieces: Sequence[_Piece], first: SignalSpecification) -> None:
    """DataError for pieces that are longer than anything that is read, or than the record says."""
    lengths = [piece.gap_frames if piece.header is None else frames_of(piece.header, piece.index) for piece in pieces]
    if header.frames is not None and header.frames != sum(lengths):
        raise DataError(
            f"'{header.path}' claims {header.frames} frames, its segments {sum(lengths)}; copy the record again"
        )
    if not 2 <= sum(lengths) * first.per_frame <= MAX_LEAD_SAMPLES:
        raise DataError(
            f"'{header.path}' claims {sum(lengths) * first.per_frame} samples; give 2 to {MAX_LEAD_SAMPLES} of one lead"
        )


def _samples(piece: _Piece, first: SignalSpecification) -> tuple[npt.NDArray[Any], Mask]:
    """(counts less the baseline, missing): the same integers as stored where the gain is the first segment's."""
    if piece.header is None or piece.signal is None:
        lacking = piece.gap_frames * first.per_frame
        return np.zeros(lacking, np.int64), np.ones(lacking, np.bool_)
    own = piece.signal
    if own.per_frame != first.per_frame or own.source.mv != first.source.mv:
        raise DataError(
            f"'{piece.header.path}' has another rate or unit of the lead '{own.source.name}' than the segments before "
            "it; judge the segments one by one"
        )
    counts, missing = read_counts(piece.header, piece.index)
    counts -= own.baseline
    return counts if own.gain == first.gain else counts * (first.gain / own.gain), missing
