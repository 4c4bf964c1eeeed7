"""What follows ``kubectl auth can-i``: a verb, and the kind or object that it would be done to."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tools.script.kinds import KindTable
from tools.script.lexer import Word, refuse

_VERBS = frozenset({
    "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "use", "bind", "escalate",
    "impersonate", "approve", "sign", "*",
})  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9.:_]*[A-Za-z0-9])?")


def read_question(words: list[Word], first: Word, flags: Mapping[str, str], kinds: KindTable) -> tuple[str, str, str]:
    """Verb, ``RESOURCE[.GROUP][/NAME]`` in its canonical spelling, and the namespace asked about (empty: all, or none)."""
    if len(words) != 2:
        refuse("kubectl auth can-i takes a verb and what it is done to", words[2] if len(words) > 2 else first,
               "get pods, or delete deployment/web")  # fmt: skip
    verb, what = words
    if verb.text not in _VERBS:
        refuse(f"{verb.text!r} is no verb of an API", verb, ", ".join(sorted(_VERBS)))
    if what.text.startswith("/"):
        refuse("a path is not asked about", what, "a kind; `kubectl get --raw /path` reads a path")
    spelled, slash, name = what.text.partition("/")
    if slash and not _NAME.fullmatch(name):
        refuse(f"{name!r} is not an object's name", what, "TYPE/NAME")
    is_everywhere = flags.get("all-namespaces", "false") == "true"
    if spelled == "*":
        return verb.text, what.text, "" if is_everywhere else flags.get("namespace", "default")
    kind = kinds.find(spelled)
    if kind is None:
        refuse(f"unknown kind {spelled!r}", what, "a kind that the cluster serves, such as deployment, pod or service")
    namespace = "" if is_everywhere or not kind.is_namespaced else flags.get("namespace", "default")
    return verb.text, f"{kind.resource}{slash}{name}", namespace
