"""The forms that names, labels and keys must have, with the server's words for what does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from evals.practice.errors import Cause

Object = dict[str, Any]
_LABEL_FORM = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN_FORM = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_SERVICE_FORM = "[a-z]([-a-z0-9]*[a-z0-9])?"
_NAME_FORM = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE_FORM = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_KEY_FORM = "[-._a-zA-Z0-9]+"
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
    f"alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL_FORM}')"
)
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end "
    f"with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN_FORM}')"
)
_SERVICE_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end "
    f"with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '{_SERVICE_FORM}')"
)
_NAME_TEXT = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    f"character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME_FORM}')"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'{_VALUE_FORM}')"
)
_KEY_TEXT = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
    f"'key-name', regex used for validation is '{_KEY_FORM}')"
)
_TWO_PARTS = (
    "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    f"character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME_FORM}') with an optional "
    "DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
)
_PATH_KINDS = frozenset({"roles", "rolebindings", "clusterroles", "clusterrolebindings"})
_STANDARD_FINALIZERS = frozenset({"orphan", "foregroundDeletion", "kubernetes"})
_MAX_ANNOTATIONS = 256 * 1024


def label_problems(name: str) -> Iterator[str]:
    """RFC 1123 label, at most 63."""
    if len(name) > 63:
        yield "must be no more than 63 bytes"
    if not re.fullmatch(_LABEL_FORM, name):
        yield _LABEL_TEXT


def name_problems(resource: str, name: str) -> Iterator[str]:
    """What is wrong with the name of an object of this resource."""
    plural = resource.split(".", maxsplit=1)[0]
    if plural in _PATH_KINDS:
        if name in (".", ".."):
            yield f"may not be '{name}'"
        yield from (f"may not contain '{letter}'" for letter in "/%" if letter in name)
    elif resource == "namespaces":
        yield from label_problems(name)
    elif resource == "services":
        if len(name) > 63:
            yield "must be no more than 63 bytes"
        if not re.fullmatch(_SERVICE_FORM, name):
            yield _SERVICE_TEXT
    else:
        if len(name) > 253:
            yield "must be no more than 253 bytes"
        if not re.fullmatch(_SUBDOMAIN_FORM, name):
            yield _SUBDOMAIN_TEXT


def qualified_problems(name: str) -> Iterator[str]:
    """A label's or annotation's key: a name with an optional domain."""
    parts = name.split("/")
    if len(parts) > 2:
        yield _TWO_PARTS
        return
    if len(parts) == 2:
        if not parts[0]:
            yield "prefix part must be non-empty"
        elif not re.fullmatch(_SUBDOMAIN_FORM, parts[0]):
            yield f"prefix part {_SUBDOMAIN_TEXT}"
    last = parts[-1]
    if not last:
        yield "name part must be non-empty"
    elif len(last) > 63:
        yield "name part must be no more than 63 bytes"
    if not re.fullmatch(_NAME_FORM, last):
        yield _NAME_TEXT


def label_causes(labels: Object | None, field: str) -> Iterator[Cause]:
    for key, value in (labels or {}).items():
        for text in qualified_problems(key):
            yield Cause.invalid(field, key, text)
        if len(value) > 63:
            yield Cause.invalid(field, value, "must be no more than 63 bytes")
        if not re.fullmatch(_VALUE_FORM, value):
            yield Cause.invalid(field, value, _VALUE_TEXT)


def key_causes(values: Object | None, field: str) -> Iterator[Cause]:
    """The keys of a ConfigMap or Secret."""
    for key in values or {}:
        if len(key) > 253:
            yield Cause.invalid(f"{field}[{key}]", key, "must be no more than 253 bytes")
        if not re.fullmatch(_KEY_FORM, key):
            yield Cause.invalid(f"{field}[{key}]", key, _KEY_TEXT)


def metadata_causes(resource: str, new: Object, old: Object | None) -> Iterator[Cause]:
    """Name, labels, annotations and finalizers."""
    meta = new["metadata"]
    if old is None:
        for text in name_problems(resource, str(meta.get("name") or "")):
            yield Cause.invalid("metadata.name", meta.get("name"), text)
    yield from label_causes(meta.get("labels"), "metadata.labels")
    notes: Object = meta.get("annotations") or {}
    for key in notes:
        for text in qualified_problems(key.lower()):
            yield Cause.invalid("metadata.annotations", key, text)
    if sum(len(key) + len(str(value)) for key, value in notes.items()) > _MAX_ANNOTATIONS:
        yield Cause.too_long("metadata.annotations", f"may not be more than {_MAX_ANNOTATIONS} bytes")
    for index, name in enumerate(meta.get("finalizers") or ()):
        if "/" not in name and name not in _STANDARD_FINALIZERS:
            text = "name is neither a standard finalizer name nor is it fully qualified"
            yield Cause.invalid(f"metadata.finalizers[{index}]", name, text)
    if old is not None and old["metadata"].get("deletionTimestamp"):
        yield from _finalizers_added(meta, old["metadata"])


def _finalizers_added(meta: Object, was: Object) -> Iterator[Cause]:
    added = [one for one in meta.get("finalizers") or () if one not in (was.get("finalizers") or ())]
    if added:
        shown = ", ".join(f'"{one}"' for one in added)
        text = (
            f"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{shown}}}"
        )
        cause = Cause.forbidden("metadata.finalizers", text)
        yield cause
        yield cause  # the server checks an update's metadata twice
