"""Sets and removes labels of one object."""

from __future__ import annotations

from knowledge.vocabulary import Json
from tools.actions.contract import Look
from tools.actions.edit import ObjectEdit
from tools.actions.grant import EDITABLE, LABELS, patching
from tools.actions.metadata_words import with_words
from tools.script.command import Command


async def _words(command: Command, item: Json, look: Look) -> Json:  # noqa: ARG001 - the contract's signature
    return with_words(item, "labels", command)


ACTION = ObjectEdit("label", ("label",), _words, (patching((*EDITABLE, "pods", "nodes"), *LABELS, is_general=True),))
