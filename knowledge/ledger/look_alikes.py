"""Names that a reader takes for another's: who could approve under two such names would be two people on paper."""

from __future__ import annotations

_READ_AS = {
    "a": "аαɑ", "b": "ьƅ", "c": "сϲ", "d": "ԁ", "e": "еҽ", "g": "ɡց", "h": "һհ", "i": "іιıɩ", "j": "јϳ", "k": "кκ", "l": "ӏ",
    "m": "м", "n": "пոη", "o": "оοօ", "p": "рρ", "q": "ԛզ", "r": "г", "s": "ѕ", "t": "тτ", "u": "υսц", "v": "ѵν", "w": "ԝѡω",
    "x": "хχ", "y": "уγү", "z": "ᴢ",
}  # fmt: skip
"""Letters of other scripts, after folding, by the Latin letter that they are read as."""
_TABLE = str.maketrans({letter: latin for latin, letters in _READ_AS.items() for letter in letters})


def skeleton(folded_name: str) -> str:
    """What a reader sees: two names of one skeleton cannot be told apart, though they are spelled in other scripts. Names in
    one script that merely resemble each other (mei and mel) are two names."""
    return folded_name.translate(_TABLE)
