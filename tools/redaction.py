"""Takes secrets out of everything that is stored, shown or sent. There is no way back.

Three things give a secret away: its own form (``hf_...``, a JWT, a private key), the name beside it (``password=``,
``--api-key``, ``密码：``), or the place where it stands (the data of a Secret, an environment variable called ``DB_PASSWORD``).
Forms and names are one combined expression; a linear-time pre-filter finds the few lines worth running it on, because most
of a log holds no secret. Where a name is ambiguous (``max_tokens``, ``secretName``) the text of operations wins: a redaction
that eats pod names and image digests makes evidence useless.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import re2

from knowledge.vocabulary import Json
from tools.relaxed_regex import relaxed, relaxed_options
from tools.secret_names import is_password_name, is_secret_name

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

# What has a form of its own. The group's name is the mark's word.
_FORMS = r"""
(?P<private_key>-----BEGIN[A-Z ]*PRIVATE\ KEY-----.*?(?:-----END[A-Z ]*PRIVATE\ KEY-----|\Z))
|(?P<jwt>(?<![\w-])eyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?)
|(?P<aws_key>\b(?:AKIA|ASIA|AROA|AIDA|AGPA)[A-Z0-9]{16}\b)
|(?P<gcp_key>\bAIza[\w-]{30,}|\bya29\.[\w-]{20,})
|(?P<hf_token>\b(?:hf|api_org)_[A-Za-z0-9]{20,})
|(?P<api_key>\bsk-(?:(?:proj|ant|svcacct|admin|or|lf|cp)-[\w-]{16,}|[A-Za-z0-9]{20,})
  |\bnvapi-[\w-]{20,}|\b[srp]k_(?:live|test)_\w{16,}|\bdapi[0-9a-f]{32}\b|\bSG\.[\w-]{16,}\.[\w-]{16,})
|(?P<access_token>\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bxox[abeoprs]-[\w-]{10,}
  |\bxapp-[\w-]{10,}|\bnpm_[A-Za-z0-9]{30,}|\bpypi-[\w-]{40,}|\bhv[sbr]\.[\w-]{20,}|\bops_[\w-]{20,})
|(?P<webhook>(?<=hooks\.slack\.com/services/)[\w/]{16,}|(?<=/open-apis/bot/v2/hook/)[\w-]{16,})
|(?P<password_hash>\$(?:2[abxy]|apr1|1|5|6|argon2id?)\$[^\s:'"]{8,})
"""

# A secret between fixed surroundings: what stands in the groups `..._head` and `..._tail` stays.
_SURROUNDED = r"""
(?P<url_head>://(?!\[redacted)[^\s/:@'"<>]{0,128}:)(?P<url_password>(?!\[redacted)[^\s/?\#'"<>]{1,256})(?=@[\w.\[%-])
|(?P<urltoken_head>://)(?P<url_token>(?!\[redacted)(?=[^\s/:@]*\d)[^\s/:@'"<>]{16,256})(?=@[\w.\[%-])
|(?P<dsn_head>(?<![\w.\[-])[\w.-]{1,100}:)(?P<dsn_password>(?!\[redacted)[^\s@/'"]{1,256})(?=@(?:tcp|unix|udp)\()
|(?P<bearer_head>\b(?i:bearer|token)[\ \t]+)(?P<bearer>(?=[^\s"']*\d|[^\s"']{24})[\w.~+/=-]{16,})
|(?P<basic_head>\b(?i:basic|negotiate)[\ \t]+)(?P<basic>(?=[A-Za-z+/]*[A-Z0-9+/=])[A-Za-z0-9+/]{11,}={0,2})
|(?P<cookie_head>\b(?i:(?:set-)?cookie)["'\\]*\s*:\s*["'\\]*)(?P<cookie>(?!\[redacted)[^\s"'\\,][^\r\n"'\\]*)
|(?P<header_head>\b(?i:(?:proxy-)?authorization|x-(?:api|auth|access)-(?:key|token))["'\\]*\s*[:=]\s*["'\\]*
  (?:(?i:bearer|basic|digest|negotiate|token|aws4-hmac-sha256)\s+)?+)(?P<header>(?!\[redacted)(?=[^\s"'\\,]*\d|[^\s"'\\,]{16})[^\s"'\\,]+)
|(?P<command_head>\b(?:mysql|mysqldump|mysqladmin|mariadb|sshpass)\b[^\n|;]{0,200}?\s-p\s?
  |\b(?:curl|wget)\b[^\n|;]{0,300}?\s(?:-u|--user)[\s=]+['"]?[^\s:'"]+:
  |\b(?:requirepass|masterauth)[\ \t]+
  |\bredis-cli\b[^\n|;]{0,200}?\s-a\s+)(?P<command_password>(?!\[redacted)['"]?[^\s'"]+)
|(?P<chinese_head>(?:密码|口令|密钥|秘钥|令牌|凭证|凭据)\s*(?:为|是|[:：=＝])\s*["'“‘「`]?)
  (?P<chinese>(?!\[redacted)[!-~]{3,})
|(?P<prose_head>\b(?i:password|passphrase|passwd|secret|token|api\ key)[\ \t]+(?i:is|was|set\ to)[\ \t]*:?[\ \t]*["'`]?)
  (?P<prose>(?=[^\s"'`]*[\d!@\#$%^&*])(?!\[redacted)[^\s"'`]{6,})
"""

# A name, a separator, a value; whether the name is a secret's is decided by is_secret_name.
_WORDS = (
    r"pass(?:word|wd|phrase|code)?|pwd|secret|token|credential|cookie|auth|signature|sig|dsn"
    r"|(?:api|access|private|account|encryption|signing|master|shared|license|client|service|app|ssh|tls|host|webhook|session)"
    r"[-_.\ ]?key|connection[-_.]?string|key[-_.]?data|jaas"
)
_NAME = rf"[A-Za-z0-9_.\-]{{0,100}}(?i:{_WORDS})[A-Za-z0-9_.\-]{{0,100}}"
_PAIR = rf"""
(?<![\w.\-])--?(?P<flag>{_NAME})[\ \t]+(?!-)
|\b[Nn]ame\\*["']?\s*:\s*\\*["']?(?P<env>{_NAME})\\*["']?\s*,?\s*\\*["']?[Vv]alue\\*["']?\s*:\s*
|(?<![\w.\-])(?:--?)?(?P<name>{_NAME})\\*["']?\s*(?P<separator>=>|:=|[:=：＝])\s*(?:[|>][-+]?[\ \t]*\r?\n\s*)?
"""
# Matched only after a name that is a secret's: a value can be as long as the text.
_VALUE = re.compile(r"""\\+"(?:(?!\\+").)*|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?|[^\s"',;&]+""", re.DOTALL)
_QUERY_KEY = (
    r"(?P<query_head>[?&;](?i:key|sig|signature|code|x-amz-signature|x-goog-signature)=)(?P<query_key>[^\s&\"'\#]{8,})"
)

_SECRET = re.compile(f"{_FORMS}|{_SURROUNDED}|{_QUERY_KEY}|{_PAIR}", re.VERBOSE | re.DOTALL)

_ASCII_TRIGGER = (
    rf"(?i:{_WORDS.replace(chr(92) + ' ', ' ').replace('token', 'token(?:[^si]|$)')}|pass|bearer|basic|negotiate"
    r"|api key|[?&;]key=|[?&;]code=)"
    r"|PRIVATE KEY|eyJ|AKIA|ASIA|AROA|AIDA|AGPA|AIza|ya29\.|hf_|api_org_|sk-|nvapi-|[srp]k_(?:live|test)_|dapi|SG\."
    r"|gh[pousr]_|github_pat|glpat-|xox|xapp-|npm_|pypi-|hv[sbr]\.|ops_|hooks\.slack|/hook/|\$[256a1]|://[^\s/]*@|@(?:tcp|unix|udp)\("
    r"|mysql|mariadb|redis-cli|masterauth|curl|wget"
)
_TRIGGER = re2.compile(_ASCII_TRIGGER + "|密码|口令|密钥|秘钥|令牌|凭证|凭据")

_RELAXED = re2.compile(relaxed(f"{_FORMS}|{_SURROUNDED}|{_QUERY_KEY}|{_PAIR}").encode(), relaxed_options())
"""Matches wherever ``_SECRET`` does, a thousand times faster: only the places it names are looked at closely."""

_PLAIN_VALUE = re.compile(
    r"""(?ix)^(?:true|false|null|none|nil|yes|no|unset|empty|n/a|undefined|\*+|x{3,}|redacted|hidden|masked|
    \[redacted.*|<[^>]*>?|\$\{.*|\$\(.*|\{\{.*|\(.*|\{.*|\[.*|%s|%v|%q|-+|\|.*)$"""
)
# The kubelet logs which Secret it means as secret="namespace/name".
_OBJECT_NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,62}/[a-z0-9][a-z0-9.-]{0,100}$")
_PLAIN_WORD = re.compile(r"^[a-z][a-z.'’-]{0,15}$|^[A-Z][a-z]{0,15}$|^[A-Z_]{1,16}\W?$")


def redact_text(text: str) -> str:
    """The text with each secret replaced by a mark such as ``[redacted:token]``; everything else byte for byte."""
    if not _TRIGGER.search(text):
        return text
    if len(text) < 2_000:
        return _redact_span(text)
    pieces: list[str] = []
    done = 0
    for start, end in _suspicious_spans(text):
        pieces += [text[done:start], _redact_span(text[start:end])]
        done = end
    pieces.append(text[done:])
    return "".join(pieces)


def may_hold_secret(text: bytes) -> bool:
    """Cheap, and never wrong when it says no. Of a text beyond ASCII it is asked as text."""
    if text.isascii():
        return bool(_TRIGGER_SET.Match(text)) if text else False
    return _TRIGGER.search(text.decode("utf-8", "replace")) is not None


def may_be_secret(text: bytes) -> bool:
    """The same question asked closer, of a text in which some word said that it may."""
    return not text.isascii() or bool(_RELAXED_SET.Match(text))


def _quick_set(expression: bytes) -> Any:
    """One expression as a set: it says yes or no, without looking for where."""
    made = re2.Set.SearchSet(relaxed_options())
    made.Add(expression)
    made.Compile()
    return made


_TRIGGER_SET = _quick_set(_ASCII_TRIGGER.encode())
_RELAXED_SET = _quick_set(_RELAXED.pattern)


def secret_edits(text: str) -> Iterator[tuple[int, int, str]]:
    """Where secrets stand in a text and what replaces them: ``(start, end, replacement)`` in rising order, not overlapping.

    For those who show a part of a text that was judged with its surroundings: a name on one line, its secret on the next."""
    raw = text.encode() if text.isascii() else b""  # without ASCII, places in bytes are not places in the text
    position = 0
    while match := _next_match(text, raw, position):
        marked, position = _mark(match, text)
        if marked:
            yield match.start(), position, marked
        position = max(position, match.start() + 1)


def _next_match(text: str, raw: bytes, position: int) -> re.Match[str] | None:
    if not raw:
        return _SECRET.search(text, position)
    while maybe := _RELAXED.search(raw, position):
        position = maybe.start()
        match = _SECRET.match(text, position)
        if match is not None:
            return match
        position += 1
    return None


def redact_object(item: Json) -> Json:
    """A copy of a Kubernetes object (or of any JSON) without secrets: the values of a Secret, of environment variables and
    arguments with a secret's name, of ConfigMap entries that look like credentials, and the last-applied annotation."""
    redacted = _redact_mapping(item)
    if item.get("kind") == "Secret":
        for part in ("data", "stringData"):
            if isinstance(values := item.get(part), dict):
                redacted[part] = dict.fromkeys(values, "[redacted:secret data]")
    if item.get("kind") == "ConfigMap" and isinstance(values := item.get("binaryData"), dict):
        redacted["binaryData"] = dict.fromkeys(values, "[redacted:binary data]")
    return redacted


def redact_value(value: Any) -> Any:
    """Like :func:`redact_object` for any JSON value."""
    if isinstance(value, str):
        return _redact_string(value)
    if isinstance(value, dict):
        return redact_object(value)
    if isinstance(value, list):
        return list(_redact_items(value))
    return value


def _suspicious_spans(text: str) -> Iterator[tuple[int, int]]:
    """Runs of lines that hold a trigger, each with the line after it (a value may stand there)."""
    start = end = position = 0
    is_in_key = False
    is_after_hit = False
    for line in text.splitlines(keepends=True):
        is_hit = is_in_key or _TRIGGER.search(line) is not None
        if is_hit and "PRIVATE KEY-----" in line:
            is_in_key = "-----END" not in line[line.index("PRIVATE KEY-----") :]
        if is_hit or is_after_hit:
            start = start if end == position and end > start else position
            end = position + len(line)
        elif end > start:
            yield start, end
            start = end = 0
        is_after_hit = is_hit
        position += len(line)
    if end > start:
        yield start, end


def _redact_span(text: str) -> str:
    """One pass over the matches. After a name that turns out innocent the search goes on: its value may hide a secret."""
    pieces: list[str] = []
    done = 0
    for start, end, marked in secret_edits(text):
        pieces += [text[done:start], marked]
        done = end
    pieces.append(text[done:])
    return "".join(pieces)


def _mark(match: re.Match[str], text: str) -> tuple[str, int]:
    """What replaces the match (nothing: it stays) and where to search on."""
    kind = match.lastgroup or ""
    if kind in {"separator", "flag", "env"}:
        name = match.group("name") or match.group("flag") or match.group("env")
        return _mark_pair(name, match.group("separator") or "", match, text)
    if kind in _WORD_OF:
        kept = match.group(0)[: len(match.group(0)) - len(match.group(kind))]
        return f"{kept}[redacted:{_WORD_OF[kind]}]", match.end()
    return f"[redacted:{kind.replace('_', ' ')}]", match.end()


_QUOTE = re.compile(r"""\\*["']?""")
_WORD_OF = {
    "url_password": "password",
    "url_token": "token",
    "dsn_password": "password",
    "bearer": "token",
    "basic": "credential",
    "cookie": "cookie",
    "header": "credential",
    "command_password": "password",
    "chinese": "password",
    "prose": "secret",
    "query_key": "key",
}


def _mark_pair(name: str, separator: str, match: re.Match[str], text: str) -> tuple[str, int]:
    innocent = "", match.end()
    found = _VALUE.match(text, match.end()) if is_secret_name(name) else None
    if found is None:
        return innocent
    value = found.group()
    opening = _QUOTE.match(value)
    quote = opening.group() if opening else ""
    bare = value[len(quote) :].rstrip("\"'\\")
    if not bare or _PLAIN_VALUE.match(bare.rstrip(")]}'\".")) or (name == "secret" and _OBJECT_NAME.match(bare)):
        return innocent
    if separator and not is_password_name(name) and not _looks_secret(bare, separator):
        return innocent
    return f"{match.group(0)}{quote}[redacted:{_kind_of(name)}]{value[len(quote) + len(bare) :]}", found.end()


def _looks_secret(value: str, separator: str) -> bool:
    """After ``token:`` in prose a plain word ("expired") is no secret; after ``token=`` it may well be one."""
    if "=" in separator:
        return len(value) >= 4 and not (value.isdigit() and len(value) < 8)
    return len(value) >= 6 and not _PLAIN_WORD.match(value) and not (value.isdigit() and len(value) < 8)


def _kind_of(name: str) -> str:
    lowered = name.lower()
    for word in ("password", "token", "secret", "key"):
        if word[:4] in lowered:
            return word
    return "credential"


def _redact_mapping(item: Json) -> Json:
    redacted: Json = {}
    name = item.get("name")
    for key, value in item.items():
        if key == _LAST_APPLIED:
            redacted[key] = "[redacted:last applied]"
        elif isinstance(value, str):
            is_named = key in {"value", "defaultValue"} and isinstance(name, str) and _is_secret_entry(name, value)
            redacted[key] = _whole(name) if is_named and isinstance(name, str) else _redact_entry(key, value)
        else:
            redacted[key] = redact_value(value)
    return redacted


def _redact_entry(key: str, value: str) -> str:
    return _whole(key) if _is_secret_entry(key, value) else _redact_string(value)


def _is_secret_entry(name: str, value: str) -> bool:
    return bool(value) and is_secret_name(name) and not _PLAIN_VALUE.match(value)


def _whole(name: str) -> str:
    return f"[redacted:{_kind_of(name)}]"


def _redact_items(items: list[Any]) -> Iterator[Any]:
    """Elements of a list; an argument after ``--api-key`` is the key."""
    is_secret_next = False
    for item in items:
        if is_secret_next and isinstance(item, str) and not item.startswith("-"):
            yield "[redacted:argument]"
        else:
            yield redact_value(item)
        is_secret_next = isinstance(item, str) and _is_secret_flag(item)


@lru_cache(maxsize=4096)
def _is_secret_flag(item: str) -> bool:
    return item.startswith("-") and "=" not in item and " " not in item and is_secret_name(item.lstrip("-"))


def _redact_string(value: str) -> str:
    """A string that holds a JSON document is redacted as the document that it is."""
    if value[:1] in "{[" and value[-1:] in "}]" and len(value) > 2:
        try:
            document = json.loads(value)
        except (ValueError, RecursionError):
            return redact_text(value)
        return json.dumps(redact_value(document), ensure_ascii=False)
    return redact_text(value)
