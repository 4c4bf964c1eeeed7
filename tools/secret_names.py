"""Which names belong to secrets. ``HF_TOKEN`` and ``db.password`` do; ``max_tokens``, ``secretName`` and ``TOKEN_FILE`` do not."""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")

_PASSWORDS = frozenset({"password", "passwd", "pwd", "passphrase", "passcode", "pass", "userpassword", "rootpassword"})
_SECRETS = _PASSWORDS | {
    "secret", "token", "credential", "credentials", "apikey", "accesskey", "secretkey", "privatekey", "authtoken",
    "accesstoken", "clientsecret", "cookie", "dsn", "signature", "sig", "jwt", "authorization", "accountkey", "requirepass",
}  # fmt: skip
_KEYS_OF = frozenset(
    {"api", "access", "private", "secret", "account", "encryption", "signing", "master", "shared", "license", "client",
     "service", "app", "ssh", "session", "webhook", "auth", "storage", "hmac", "admin"}
)  # fmt: skip

# A name that ends so speaks about a secret and is not one.
_ABOUT = frozenset(
    {"name", "names", "namespace", "path", "file", "files", "dir", "directory", "url", "uri", "ref", "refs", "type", "length",
     "len", "count", "limit", "ttl", "expiry", "expiration", "expires", "seconds", "minutes", "hours", "enabled", "disabled",
     "policy", "endpoint", "host", "port", "mode", "size", "version", "algorithm", "provider", "rotation", "required", "audience",
     "class", "kind", "mount", "volume", "error", "errors", "status", "issuer", "budget", "rate", "per", "id", "ids", "index",
     "position", "env", "from", "source", "review", "reviews", "created", "updated", "method", "format", "regex", "pattern",
     "encoding", "string" , "in", "out", "usage", "store", "manager", "hash"}
)  # fmt: skip
_SPECIAL_TOKENS = frozenset(
    {"eos", "bos", "pad", "unk", "sep", "cls", "mask", "stop", "end", "start", "special", "per", "next"}
)
_DOCUMENTED = frozenset(
    {"automountserviceaccounttoken", "serviceaccounttoken", "imagepullsecret", "existingsecret", "tokenizer"}
)


@lru_cache(maxsize=8192)
def is_secret_name(name: str) -> bool:
    """Whether a value under this name (of a variable, flag, field or header) must not be shown."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or "".join(words) in _DOCUMENTED:
        return False
    if words[-2:] == ["connection", "string"] or words[-2:] == ["key", "data"] or words[-2:] == ["key", "base"]:
        return True
    if words[-1] in _ABOUT:
        return False
    while len(words) > 1 and words[-1].isdigit():
        words.pop()
    if words[-1] == "token" and len(words) > 1 and words[-2] in _SPECIAL_TOKENS:
        return False
    if words == ["auth"] or words[-1] in _SECRETS or set(words) & _PASSWORDS - {"pass"}:
        return True
    if words[-1] == "key":
        return len(words) > 1 and words[-2] in _KEYS_OF
    return words[-1] in {"old", "new", "base", "value", "data", "default", "prod", "dev", "test", "b64", "base64"} and (
        is_secret_name("_".join(words[:-1]))
    )


@lru_cache(maxsize=8192)
def is_password_name(name: str) -> bool:
    """Whether the name is a password's, so that even a plain word after it is one."""
    return bool({word.lower() for word in _WORD.findall(name)} & (_PASSWORDS - {"pass"})) and is_secret_name(name)
