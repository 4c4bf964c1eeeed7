"""Charts as pictures: whatever is written in them, whatever is missing, in both languages, light and dark."""

from __future__ import annotations

import math
import struct
import subprocess
import sys
import warnings
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest

from agent.chat.reply import Chart, Line
from api.figures.colours import DARK, DASHES, LIGHT, Palette
from api.figures.pictures import MOST_LINES, picture, plain, thinned
from api.figures.units import shown_value
from knowledge.vocabulary import Language

ONSET = datetime(2026, 3, 1, 10, 2, tzinfo=UTC)


def chart(*labels: str, title: str = "Latency", points: int = 60, unit: str = "seconds") -> Chart:
    start = ONSET - timedelta(minutes=30)
    lines = tuple(
        Line(label=label, points=tuple((start + timedelta(minutes=minute), 0.2 + place) for minute in range(points)))
        for place, label in enumerate(labels)
    )
    return Chart(title=title, query="up", unit=unit, lines=lines, onset=ONSET)


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("language", list(Language))
def test_picture_is_drawn_without_a_warning_in_either_language_and_ground(dark: bool, language: Language) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = picture(chart("qwen2-7b", title="首 Token 延迟"), dark, language, zone="Asia/Shanghai")
    assert size(drawn) == (1080, 720)


def test_picture_is_drawn_when_labels_hold_formulas_controls_and_tricks() -> None:
    drawn = picture(
        chart("$\\frac{", "_hidden", "\x1b[31mred\x00", "a\u202eb", "", "模型", "\U0001f525", title="$$ \\ {")
    )
    assert size(drawn) == (1080, 720)


def test_picture_says_that_there_is_nothing_when_there_are_no_points() -> None:
    empty = picture(chart())
    nans = Chart(title="t", query="q", unit="", lines=(Line(label="a", points=((ONSET, math.nan), (ONSET, math.inf))),))
    assert size(empty) == size(picture(nans)) == (1080, 720)


def test_picture_is_drawn_when_there_is_one_point_or_an_onset_far_away() -> None:
    one = Chart(title="t", query="q", unit="bytes", lines=(Line(label="a", points=((ONSET, 5.0),)),))
    far = chart("a").model_copy(update={"onset": ONSET - timedelta(days=400)})
    assert size(picture(one, zone="No/Such_Zone")) == size(picture(far)) == (1080, 720)


def test_picture_is_drawn_when_there_are_more_lines_than_colours_and_points_than_pixels() -> None:
    drawn = picture(chart(*(f"pod-{number}" for number in range(40)), points=2_000))
    assert size(drawn) == (1080, 720)


def test_thinned_keeps_the_spike_when_it_drops_points() -> None:
    points = [(ONSET + timedelta(seconds=second), 1.0) for second in range(50_000)]
    points[31_337] = (points[31_337][0], 99.0)
    kept = thinned(points, 500)
    assert len(kept) <= 502
    assert points[31_337] in kept
    assert kept == sorted(kept)


def test_plain_keeps_both_ends_when_it_shortens() -> None:
    assert plain("qwen2-7b-instruct-predictor-5f7d9-abcde", 20) == "qwen2-7b-i…7d9-abcde"
    assert plain("a\nb\x00c", 20) == "a b c"


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.25, "seconds", "250 ms"),
        (0.00002, "seconds", "20 µs"),
        (90, "seconds", "1.5 min"),
        (17_179_869_184, "bytes", "16 GiB"),
        (0.0321, "ratio", "3.21 %"),
        (1.0, "ratio", "100 %"),
        (12_500, "per_second", "12.5k/s"),
        (1_048_576, "bytes_per_second", "1 MiB/s"),
        (71, "celsius", "71 °C"),
        (1_410e6, "hertz", "1.41G Hz"),
        (0, "seconds", "0 s"),
        (3, "", "3"),
        (-2.5, "", "-2.5"),
        (0.00001, "", "1e-05"),
    ],
)
def test_shown_value_reads_as_people_say_it(value: float, unit: str, shown: str) -> None:
    assert shown_value(value, unit) == shown


def _linear(colour: str) -> tuple[float, float, float]:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return red, green, blue


def _luminance(colour: str) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_colours_stand_out_from_their_ground(palette: Palette) -> None:
    def contrast(colour: str) -> float:
        light, dark = sorted((_luminance(colour), _luminance(palette.ground)), reverse=True)
        return (light + 0.05) / (dark + 0.05)

    assert all(contrast(colour) >= 3.0 for colour in (*palette.lines, palette.onset))
    assert contrast(palette.text) >= 7.0
    assert contrast(palette.muted) >= 4.5


# Machado, Oliveira and Fernandes (2009), severity 1.0, linear RGB.
DEFECTS = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("palette", [LIGHT, DARK])
def test_lines_differ_for_every_colour_vision(palette: Palette, defect: str) -> None:
    def seen(colour: str) -> tuple[float, ...]:
        linear = _linear(colour)
        mixed = [sum(factor * part for factor, part in zip(row, linear, strict=True)) for row in DEFECTS[defect]]
        return tuple(max(0.0, part) ** (1 / 2.2) * 255 for part in mixed)

    for one, other in combinations(palette.lines, 2):
        assert math.dist(seen(one), seen(other)) > 30, (one, other)
    assert len(set(DASHES)) == len(palette.lines) == MOST_LINES  # beyond colour, every line has dashes of its own


def test_module_loads_no_matplotlib_until_a_picture_is_drawn() -> None:
    program = "import sys, api.figures.pictures, api.figures.series; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
