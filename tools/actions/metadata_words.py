"""``key=value`` and ``key-`` words over a map of labels or annotations, as kubectl reads them."""

from __future__ import annotations

from knowledge.errors import BadInput
from knowledge.vocabulary import Json
from tools.script.command import Command


def with_words(item: Json, field: str, command: Command) -> Json:
    """The object with the command's words in ``metadata.<field>``. Raises BadInput without --overwrite on a set key."""
    metadata = item["metadata"]
    found: dict[str, str] = dict(metadata.get(field) or {})
    for word in command.arguments:
        key, equals, value = word.partition("=")
        if not equals:
            found.pop(key.removesuffix("-"), None)
        elif key in found and found[key] != value and not command.has("overwrite"):
            raise BadInput(f"{key} is already {found[key]!r}", next_step="--overwrite when that is meant")
        else:
            found[key] = value
    if command.value("resource-version") not in {"", str(metadata.get("resourceVersion", ""))}:
        raise BadInput("the object is at another resourceVersion", next_step="leave --resource-version out")
    if found or field in metadata:
        metadata[field] = found
    return item


def selector_of(command: Command) -> dict[str, str]:
    """``app=web,tier=front`` words as a map."""
    return dict(pair.split("=", 1) for word in command.arguments for pair in word.split(","))
