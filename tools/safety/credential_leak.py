"""Protects against credentials written where everybody reads: ConfigMaps, annotations, environment, arguments."""

from __future__ import annotations

import base64
import binascii
import itertools
import re
from collections.abc import Iterable
from typing import Any

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy

_VALUE = re.compile(
    r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}|-----BEGIN [A-Z ]*PRIVATE KEY|\b(AKIA|ASIA)[A-Z0-9]{12,}|\bgh[pousr]_[A-Za-z0-9]{16,}|"
    r"\bgithub_pat_[A-Za-z0-9_]{16,}|\bhf_[A-Za-z0-9]{16,}|\bsk-[A-Za-z0-9_-]{16,}|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bglpat-[A-Za-z0-9_-]{10,}|"
    r"\bAIza[A-Za-z0-9_-]{20,}|\bops_[A-Za-z0-9_-]{16,}|(?i:bearer)\s+[A-Za-z0-9._-]{12,}|://[^/\s:@]+:[^/\s:@]+@"
)
_SECRET_WORDS = frozenset(
    {
        "token",
        "password",
        "passwd",
        "passphrase",
        "secret",
        "credential",
        "credentials",
        "pwd",
        "apikey",
        "accesskey",
        "privatekey",
    }
)
_SECRET_PAIRS = frozenset(
    {("api", "key"), ("access", "key"), ("secret", "key"), ("private", "key"), ("auth", "key"), ("signing", "key")}
)


def names_secret(key: str) -> bool:
    """Whether a key's words say secret: ``HF_TOKEN`` and ``dbPassword`` do, ``MAX_TOKENS`` and ``tokenizer`` do not."""
    words = [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", key)]
    parted = re.split(r"[^a-z0-9]+", key.lower())
    return any(
        _SECRET_WORDS & set(some) or any(pair in _SECRET_PAIRS for pair in itertools.pairwise(some))
        for some in (words, parted)
    )


def _texts(tree: Any) -> Iterable[str]:
    if isinstance(tree, dict):
        for value in tree.values():
            yield from _texts(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from _texts(value)
    elif isinstance(tree, str):
        yield tree


def _named(tree: Any) -> Iterable[str]:
    """Keys of free text (data, annotations) and names of variables that are given a literal value."""
    if isinstance(tree, list):
        for item in tree:
            yield from _named(item)
        return
    if not isinstance(tree, dict):
        return
    if isinstance(tree.get("name"), str) and isinstance(tree.get("value"), str) and tree["value"]:
        yield tree["name"]
    for key, value in tree.items():
        if key in {"data", "stringData", "annotations", "binaryData"} and isinstance(value, dict):
            yield from (name for name, text in value.items() if isinstance(text, str) and text)
        else:
            yield from _named(value)


_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")


def _is_credential(text: str, layers: int = 2) -> bool:
    """Whether a text holds what looks like a credential, as it stands or wrapped in base64."""
    if _VALUE.search(text):
        return True
    return layers > 0 and any(_is_credential(inner, layers - 1) for inner in _unwrapped(text))


def _unwrapped(text: str) -> Iterable[str]:
    for found in _BASE64.findall("".join(text.split()) if len(text) < 20_000 else ""):
        try:
            yield base64.b64decode(found.translate(str.maketrans("-_", "+/")) + "==").decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            continue


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:  # noqa: ARG001 - the contract's signature
    for writes in subject.writes:
        if any(_is_credential(text) for text in _texts(writes.body)):
            yield said(Ruling.FORBIDDEN, "a value looks like a credential", "某个值看起来像凭据")
        named = sorted({name for name in _named(writes.body) if names_secret(name)})
        if named:
            yield said(
                Ruling.FORBIDDEN,
                f"a secret written in the open: {', '.join(named)}",
                f"以明文写入机密：{', '.join(named)}",
            )


RULE = SafetyRule(
    "credential_leak", Text(en="credentials from being written in the open", zh="凭据不被明文写入"), _judge,
    ("kubectl set env deploy/web MAX_TOKENS=512 TOKENIZERS_PARALLELISM=false", "kubectl create configmap a --from-literal=tokenizer.json=x", "kubectl annotate pod web-1 note=checked"),
    (
        ("kubectl set env deploy/web HF_TOKEN=abc", Ruling.FORBIDDEN),
        ("kubectl set env deploy/web DB_PASSWORD=abc", Ruling.FORBIDDEN),
        ("kubectl create cm a --from-literal=api-key=abc", Ruling.FORBIDDEN),
        ("kubectl annotate pod web-1 x=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", Ruling.FORBIDDEN),
        ("kubectl create cm a --from-literal=note=ZXlKaGJHY2lPaUpJVXpJMU5pSjkuZXlKemRXSWlPaUl4SW4wLmMybG4=", Ruling.FORBIDDEN),
        ("kubectl patch cm a --type=merge -p '{\"binaryData\":{\"k\":\"QUtJQUlPU0ZPRE5ON0VYQU1QTEU=\"}}'", Ruling.FORBIDDEN),
        ("kubectl patch cm a --type=merge -p '{\"data\":{\"note\":\"ghp_abcdefghijklmnopqrstuvwx\"}}'", Ruling.FORBIDDEN),
        ("kubectl patch cm a --type=json -p '[{\"op\":\"add\",\"path\":\"/data/token\",\"value\":\"abc\"}]'", Ruling.FORBIDDEN),
    ),
)  # fmt: skip
