"""Colours of lines that people with any colour vision tell apart, and that stand out from their ground by 3:1 or more.

The first two are near Okabe and Ito's blue and vermilion; the others were searched for: every pair stays apart under each
kind of colour blindness (a test simulates them). Lines differ by their dashes as well: a picture is printed in grey, too.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Palette:
    ground: str
    text: str
    muted: str
    grid: str
    onset: str
    lines: tuple[str, ...]


LIGHT = Palette(
    ground="#ffffff",
    text="#1f2328",
    muted="#57606a",
    grid="#d8dee4",
    onset="#b3261e",
    lines=("#0072b2", "#c04f00", "#0b3d2e", "#b03a9b", "#8a8f00", "#5c1a8c"),
)
DARK = Palette(
    ground="#161b22",
    text="#e6edf3",
    muted="#9da7b3",
    grid="#30363d",
    onset="#ff7b72",
    lines=("#56b4e9", "#f08a3c", "#d8f5b0", "#b07cff", "#c23b4e", "#f2d7ee"),
)
DASHES: tuple[tuple[float, ...], ...] = (
    (),
    (5.0, 2.0),
    (1.0, 1.6),
    (6.0, 2.0, 1.0, 2.0),
    (9.0, 3.0),
    (3.0, 1.2, 1.0, 1.2),
)
"""On and off lengths in line widths, one per colour of ``lines``; empty: a whole line."""
