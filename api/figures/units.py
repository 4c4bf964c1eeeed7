"""Numbers with their unit as people read them: 0.25 seconds is 250 ms, 17179869184 bytes are 16 GiB, a ratio is a percentage."""

from __future__ import annotations

from collections.abc import Sequence

_BINARY = ((2**50, "PiB"), (2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
_DECIMAL = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_SECONDS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
_SYMBOLS = {
    "celsius": "°C",
    "hertz": "Hz",
    "watts": "W",
    "per_second": "/s",
    "volts": "V",
    "amperes": "A",
    "cores": "cores",
}


def shown_value(value: float, unit: str) -> str:
    """``unit`` as Prometheus spells base units (``seconds``, ``bytes``, ``ratio`` ...), with ``_per_second`` for rates of them."""
    if unit != "per_second" and unit.endswith("_per_second"):
        return f"{_shown(value, unit.removesuffix('_per_second'))}/s"
    return _shown(value, unit)


def scale_of(top: float, unit: str) -> tuple[float, str]:
    """For an axis that reaches ``top``: what its numbers are divided by, and the symbol of what they are then counted in."""
    if unit != "per_second" and unit.endswith("_per_second"):
        least, symbol = scale_of(top, unit.removesuffix("_per_second"))
        return least, f"{symbol}/s"
    if unit == "ratio":
        return 0.01, "%"
    if unit in {"seconds", "bytes"}:
        steps = _SECONDS if unit == "seconds" else _BINARY
        plain = (1.0, "s") if unit == "seconds" else (1.0, "B")
        return next(((float(least), symbol) for least, symbol in steps if abs(top) >= least), plain)
    symbol = _SYMBOLS.get(unit, "" if unit in {"", "count"} else unit)
    if abs(top) < 10_000:
        return 1.0, symbol
    return next(((least, f"{prefix}{symbol}") for least, prefix in _DECIMAL if abs(top) >= least), (1.0, symbol))


def _shown(value: float, unit: str) -> str:
    if unit == "ratio":
        return f"{_plain(value * 100)} %"
    if unit == "seconds":
        return _scaled(value, _SECONDS, " s")
    if unit == "bytes":
        return _scaled(value, _BINARY, " B")
    symbol = _SYMBOLS.get(unit, "" if unit in {"", "count"} else unit)
    number = _scaled(value, _DECIMAL, "", glue="") if abs(value) >= 10_000 or unit == "hertz" else _plain(value)
    glue = "" if symbol.startswith("/") or not symbol else " "
    return f"{number}{glue}{symbol}"


def _scaled(value: float, steps: Sequence[tuple[float, str]], plain: str, glue: str = " ") -> str:
    size = abs(value)
    for least, symbol in steps:
        if size >= least * 0.9995:
            return f"{_plain(value / least)}{glue}{symbol}"
    if size and steps is _SECONDS:
        return f"{_plain(value / 1e-6)} µs"
    return f"{_plain(value)}{plain}"


def _plain(value: float) -> str:
    """Three digits that count, without a trailing nought or an exponent that nobody needs."""
    if value == 0:
        return "0"
    if 0.001 <= abs(value) < 1_000_000:
        digits = max(0, 2 - _magnitude(value))
        text = f"{value:.{digits}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.3g}"


def _magnitude(value: float) -> int:
    size, magnitude = abs(value), 0
    while size >= 10:
        size, magnitude = size / 10, magnitude + 1
    while size < 1:
        size, magnitude = size * 10, magnitude - 1
    return magnitude
