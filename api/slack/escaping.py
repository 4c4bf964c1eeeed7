"""Text that cannot become anything else in Slack: no mention, no link, no markup, no trick of control characters.

Most of what the desk posts is rich text, whose elements hold no markup at all. What remains are text objects and a message's
own text, in which Slack reads ``& < >``.
"""

from __future__ import annotations

import re

from api.web.console.rendering import visible

_BROADCAST = re.compile(r"@(?=channel\b|here\b|everyone\b|group\b)", re.IGNORECASE)
_MARKS = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ"})
_ELLIPSIS = "…"


def literal(text: str) -> str:
    """For rich text, where no markup is read: the characters as they are, tricks spelled out."""
    return visible(text)


def escaped(text: str) -> str:
    """For plain text objects and a message's text field, where Slack reads ``& < >`` as its own and might read ``@channel``."""
    text = _BROADCAST.sub("@\u2060", visible(text))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, most: int) -> str:
    """At most ``most`` characters, an ellipsis for what is left out."""
    return text if len(text) <= most else text[: most - 1] + _ELLIPSIS


def unmarked(text: str) -> str:
    """For a message's text field, where marks are read and none can be escaped: they become look-alikes."""
    return text.translate(_MARKS)


def fitted(text: str, most: int) -> str:
    """``escaped``, cut so that no entity is torn."""
    whole = escaped(text)
    if len(whole) <= most:
        return whole
    kept = whole[: most - 1]
    torn = kept.rfind("&", max(0, len(kept) - 5))
    if torn >= 0 and ";" not in kept[torn:]:
        kept = kept[:torn]
    return kept + _ELLIPSIS
