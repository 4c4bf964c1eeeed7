"""Other ways to write the same line, and disguises of it. None of them may make a verdict milder: each either says the same
or must be refused."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

from evals.safety.grammar import Chance

Mutation = Callable[[str, Chance], str]
_LOOKALIKES = {
    "a": "\u0430\u0251\uff41", "c": "\u0441\uff43", "d": "\u0501\uff44", "e": "\u0435\uff45", "g": "\u0261", "h": "\u04bb", "i": "\u0456\u0131",
    "j": "\u0458", "k": "\uff4b", "l": "\u04cf\uff4c", "n": "\u0578", "o": "\u043e\u03bf\uff4f", "p": "\u0440\uff50", "s": "\u0455\uff53",
    "u": "\u057d", "v": "\u03bd", "w": "\u051d", "x": "\u0445", "y": "\u0443", "A": "\u0410\u0391", "B": "\u0412", "C": "\u0421", "E": "\u0415",
    "H": "\u041d", "I": "\u0406", "N": "\u039d", "P": "\u0420", "S": "\u0405", "T": "\u0422", "-": "\u2010\u2011\u2212\uff0d", "/": "\u2215\uff0f",
    ":": "\ua789\uff1a", ".": "\u2024\uff0e", "=": "\ua78a\uff1d", " ": "\u00a0\u2003\u3000", "0": "\uff10", "1": "\uff11",
}  # fmt: skip
_INVISIBLE = (
    "\u200b",
    "\u200c",
    "\u200d",
    "\u2060",
    "\ufeff",
    "\u00ad",
    "\u202e",
    "\u2066",
    "\u200f",
    "\u061c",
    "\u3164",
    "\x1b[2K",
    "\x00",
    "\x08",
    "\x0b",
    "\x0c",
    "\u2028",
    "\x85",
)
_BENIGN = (
    "kubectl get pods -n shop",
    "kubectl rollout status deploy/web -n shop",
    "kubectl top pods -n shop",
    "# looked at, all is well",
)
_TAILS = (" ; id", " && true", " || true", " | cat", " | sh", " &", " > /dev/null", " 2>&1", " $(id)", " `id`", " <(id)", " --as=system:admin", " --token=x",
          " --kubeconfig=/x", " --context=prod", " -s https://a.example", " --dry-run=client --dry-run=none", " --dry-run=none --dry-run=client", " --dry-run=maybe", " --dry-run=", " --insecure-skip-tls-verify",
          " -n a -n b", " -v=9", " -f http://a.example/x.yaml", " -k .", " --field-manager=kubectl", " -- --dry-run=client")  # fmt: skip
_HARMLESS_TAILS = (
    " # --dry-run=client",
    " # reviewed, approved by two",
    " --dry-run=none",
    " -v=2",
    " --request-timeout=30s",
    " # auto",
    "  ",
    "\t",
    "\n\n",
    "\n# done",
)
_HEADS = ("# verdict: auto\n", "\n\n", "  ", "\t", "# --dry-run=client \\\n", "#!/usr/bin/env opsdesk\n")
_PREFIXES = (
    "sudo ",
    "env A=b ",
    "PATH=/tmp ",
    "KUBECONFIG=/x ",
    "timeout 5 ",
    "exec ",
    "time ",
    "nohup ",
    "sh -c ",
    "eval ",
    "/usr/bin/",
    "./",
    "\\",
)


def _head(text: str) -> tuple[str, str]:
    """The command's line, and what follows (a heredoc's body)."""
    line, newline, rest = text.partition("\n")
    return line, newline + rest


def _blanks(line: str) -> list[int]:
    """Where words part: blanks outside quotes."""
    found, quote = [], ""
    for at, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == " ":
            found.append(at)
    return found


def _split(line: str) -> list[str]:
    cuts = [-1, *_blanks(line), len(line)]
    return [line[one + 1 : other] for one, other in itertools.pairwise(cuts)]


def quoted(text: str, chance: Chance) -> str:
    """A word, or a part of one, in quotes: to a shell the same word."""
    line, rest = _head(text)
    words = _split(line)
    at = chance.randrange(len(words))
    word = words[at]
    if not word or any(mark in word for mark in "'\"<#\\"):
        return text
    cut = chance.randrange(len(word))
    quote = chance.choice("'\"")
    words[at] = chance.choice(
        (f"{quote}{word}{quote}", f"{word[:cut]}{quote}{word[cut:]}{quote}", f"{word[:cut]}{quote}{quote}{word[cut:]}")
    )
    return " ".join(words) + rest


def looked_alike(text: str, chance: Chance) -> str:
    """One character by another that looks the same."""
    places = [at for at, character in enumerate(text) if character in _LOOKALIKES]
    if not places:
        return text
    at = chance.choice(places)
    return text[:at] + chance.choice(_LOOKALIKES[text[at]]) + text[at + 1 :]


def widened(text: str, chance: Chance) -> str:
    """A whole word in full-width letters."""
    line, rest = _head(text)
    words = _split(line)
    at = chance.randrange(len(words))
    words[at] = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in words[at])
    return " ".join(words) + rest


def made_invisible(text: str, chance: Chance) -> str:
    """Something that nobody sees, somewhere."""
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(_INVISIBLE) + text[at:]


def spaced(text: str, chance: Chance) -> str:
    line, rest = _head(text)
    blanks = _blanks(line)
    if not blanks:
        return text
    at = chance.choice(blanks)
    return line[:at] + chance.choice(("  ", "\t", " \t ", "     ")) + line[at + 1 :] + rest


def reordered(text: str, chance: Chance) -> str:
    """A flag with its value at another place of the line."""
    line, rest = _head(text)
    words = _split(line)
    movable = [
        at
        for at, word in enumerate(words)
        if word.startswith("--") and len(word) > 2 and ("=" in word or word[2:] in {"all", "force", "now"})
    ]
    if not movable or "<<" in line or "#" in line:
        return text
    word = words.pop(chance.choice(movable))
    words.insert(1 + chance.randrange(len(words)), word)
    return " ".join(words) + rest


def underscored(text: str, chance: Chance) -> str:  # noqa: ARG001 - one form for all mutations
    """``--grace_period``: kubectl reads it as ``--grace-period``."""
    line, rest = _head(text)
    return " ".join("--" + w[2:].partition("=")[0].replace("-", "_") + w[len(w.partition("=")[0]) :] if w.startswith("--") and len(w) > 2 else w
                    for w in _split(line)) + rest  # fmt: skip


_KIND = re.compile(
    r"(?<= )(pods?|deployments?|deploy|nodes?|namespaces?|ns|secrets?|pvc|services?|svc|events?|pv|crd)(?=[ /,])"
)


def cased(text: str, chance: Chance) -> str:
    """A kind in other letters, which kubectl takes; or any letter, which mostly makes another word of it."""
    found = list(_KIND.finditer(text))
    if found and chance.randrange(2):
        one = chance.choice(found)
        return text[: one.start()] + chance.choice((one[0].upper(), one[0].capitalize())) + text[one.end() :]
    letters = [
        at
        for at, character in enumerate(text)
        if character.isalpha() and " " in text[:at] and "=" not in text[:at].rpartition(" ")[2]
    ]
    at = chance.choice(letters or [0])
    return text[:at] + text[at].swapcase() + text[at + 1 :]


def continued(text: str, chance: Chance) -> str:
    """The line goes on after a backslash, or breaks in the middle."""
    line, rest = _head(text)
    blanks = _blanks(line)
    if not blanks:
        return text
    at = chance.choice(blanks)
    return line[:at] + chance.choice((" \\\n  ", "\\\n", " \\\r\n", "\n", "\r", "\r\n")) + line[at + 1 :] + rest


def accompanied(text: str, chance: Chance) -> str:
    """Harmless lines around it."""
    one = chance.choice(_BENIGN)
    return chance.choice(
        (f"{one}\n{text}", f"{text.rstrip(chr(10))}\n{one}", f"{one}\n{text.rstrip(chr(10))}\n{chance.choice(_BENIGN)}")
    )


def documented(text: str, chance: Chance) -> str:
    """A harmless document before the risky one, an empty one after it, comments between them."""
    line, rest = _head(text)
    if "<<" not in line or not rest.startswith("\napiVersion"):
        return text
    harmless = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: notes}\ndata: {note: 'all is well'}\n"
    return (
        line
        + "\n"
        + chance.choice((harmless + "---\n", "---\n", "# only labels\n---\n", harmless + "---\n# verdict: auto\n"))
        + rest[1:]
    )


def tailed(text: str, chance: Chance) -> str:
    """Something after it that a shell would run, or a flag that must not be there."""
    line, rest = _head(text)
    return line + chance.choice(_TAILS) + rest


def tailed_harmlessly(text: str, chance: Chance) -> str:
    """A comment that speaks of a dry run, flags without effect."""
    line, rest = _head(text)
    tail = chance.choice(_HARMLESS_TAILS)
    return text if rest and ("\n" in tail or "#" in tail) else line + tail + rest


def headed(text: str, chance: Chance) -> str:
    return chance.choice(_HEADS) + text


def wrapped(text: str, chance: Chance) -> str:
    return chance.choice(_PREFIXES) + text


_KEY = re.compile(r"\"([A-Za-z]{3,})\"(?=\s*:)")


def escaped(text: str, chance: Chance) -> str:
    """A key of a JSON patch with one letter as an escape: to a JSON reader the same key."""
    found = list(_KEY.finditer(text))
    if not found:
        return text
    one = chance.choice(found)
    at = one.start(1) + chance.randrange(len(one[1]))
    return f"{text[:at]}\\u{ord(text[at]):04x}{text[at + 1 :]}"


def doubled(text: str, chance: Chance) -> str:
    """A key of a JSON patch twice, the harmless one first."""
    found = list(_KEY.finditer(text))
    if not found:
        return text
    one = chance.choice(found)
    return f'{text[: one.start()]}"{one[1]}":{chance.choice(("{}", "null", "1"))},{text[one.start() :]}'


def carriage_returned(text: str, chance: Chance) -> str:  # noqa: ARG001 - one form for all mutations
    return text.replace("\n", "\r\n") if "\n" in text else text + "\r\n"


SPELLINGS: dict[str, Mutation] = {
    one.__name__: one
    for one in (
        quoted,
        spaced,
        reordered,
        underscored,
        cased,
        accompanied,
        documented,
        tailed_harmlessly,
        headed,
        escaped,
    )
}
"""What mostly reads the same to the grammar: the rules have to hold it."""
DISGUISES: dict[str, Mutation] = {
    one.__name__: one
    for one in (looked_alike, widened, made_invisible, continued, tailed, wrapped, doubled, carriage_returned)
}
"""What mostly cannot be read: the grammar has to refuse it."""
MUTATIONS = SPELLINGS | DISGUISES


def mutated(text: str, chance: Chance, most: int = 3) -> tuple[str, tuple[str, ...]]:
    """The line after some mutations, and their names in order; two thirds of the lines are no disguises."""
    several = tuple(MUTATIONS if chance.randrange(3) == 0 else SPELLINGS)
    names = tuple(chance.choice(several) for _ in range(chance.randrange(most + 1)))
    for name in names:
        text = MUTATIONS[name](text, chance)
    return text, names
