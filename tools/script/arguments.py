"""What follows a verb besides its flags: objects, names, assignments, manifests."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from knowledge.errors import ScriptRefused
from tools.ports import ResourceKind
from tools.script.command import Manifest, Target
from tools.script.flags import Given
from tools.script.kinds import KindTable
from tools.script.lexer import Line, Word, refuse
from tools.script.manifests import DIRECTIVE, DIRECTIVES, PLAIN_PATCH, directive_of, read_manifests, read_patch
from tools.script.questions import read_question
from tools.script.verbs import REFUSED_VERBS, TAKES_SCALE, Shape, Verb

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_RBAC_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9.:_]*[A-Za-z0-9])?")
_IMAGE = re.compile(r"(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)=[A-Za-z0-9][A-Za-z0-9._:/@-]*")
_ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*(=.*|-)", re.DOTALL)
_LABEL_KEY = r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LABEL = re.compile(rf"{_LABEL_KEY}(=([A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?)?|-)")
_SELECTOR = re.compile(
    rf"{_LABEL_KEY}=[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?(,{_LABEL_KEY}=[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?)*"
)
_ANNOTATION = re.compile(rf"{_LABEL_KEY}(=.*|-)", re.DOTALL)
_TAINT = re.compile(rf"{_LABEL_KEY}((=[A-Za-z0-9._-]*)?:(NoSchedule|PreferNoSchedule|NoExecute)-?|-)")
_ARGUMENTS: dict[str, tuple[re.Pattern[str], str]] = {
    "set image": (_IMAGE, "CONTAINER=IMAGE"),
    "set env": (_ENV, "KEY=VALUE or KEY-"),
    "set selector": (_SELECTOR, "KEY=VALUE"),
    "label": (_LABEL, "KEY=VALUE or KEY-"),
    "annotate": (_ANNOTATION, "KEY=VALUE or KEY-"),
    "taint": (_TAINT, "KEY=VALUE:EFFECT or KEY:EFFECT-"),
}


@dataclass(frozen=True, slots=True)
class Operands:
    targets: tuple[Target, ...] = ()
    namespace: str = ""
    arguments: tuple[str, ...] = ()
    manifests: tuple[Manifest, ...] = ()
    flags: tuple[Given, ...] = ()
    """flags that the words say in an older form"""


def read_operands(verb: Verb, words: list[Word], given: list[Given], line: Line, kinds: KindTable) -> Operands:
    """Everything that is no flag, typed. Raises ScriptRefused at the first word that does not fit."""
    flags = {item.flag.name: item.value for item in given}
    first = line.words[0]
    namespace = flags.get("namespace", "")
    if verb.shape is Shape.MANIFESTS:
        return _manifests(verb, words, line, namespace, kinds)
    if line.heredoc is not None or "filename" in flags:
        return _named_in_heredoc(verb, words, flags, line, kinds)
    if verb.shape is Shape.NEW:
        return _new(verb, words, first, flags, kinds)
    if verb.shape is Shape.FIELD:
        return _field(words, first, kinds)
    if verb.shape is Shape.QUESTION:
        return _asked(words, first, flags, kinds)
    if "raw" in flags:
        if words or len(flags) > 1:
            refuse("--raw with something else", words[0] if words else first, "--raw=/path alone")
        return Operands()
    has_arguments = verb.shape in {Shape.OBJECTS_THEN_ARGUMENTS, Shape.NODES_THEN_ARGUMENTS}
    at = next((i for i, w in enumerate(words) if _is_argument(verb, w)), len(words)) if has_arguments else len(words)
    arguments = _arguments(verb, words[at:], first, flags) if has_arguments else ()
    inline: tuple[Given, ...] = ()
    if verb.shape is Shape.POD and at == 2 and "selector" not in flags:
        inline, at = (_container(verb, words[1], flags),), 1
    targets = _targets(verb, words[:at], first, flags, kinds)
    _check_targets(verb, targets, first, flags)
    if verb.name == "patch":
        _check_patch(given)
    if verb.name == "set resources" and not flags.keys() & {"limits", "requests"}:
        refuse("kubectl set resources needs --limits or --requests", first, "--limits=memory=4Gi")
    if all(not target.kind.is_namespaced for target in targets) and targets:
        return Operands(targets, "", arguments, (), inline)
    is_open = flags.get("all-namespaces", "false") == "true"
    is_cluster_wide = "namespace" not in verb.flags
    settled = "" if is_open or is_cluster_wide else namespace or "default"
    return Operands(targets, settled, arguments, (), inline)


def _asked(words: list[Word], first: Word, flags: dict[str, str], kinds: KindTable) -> Operands:
    """One right, or with ``--list`` every one in a namespace."""
    if flags.get("list") != "true":
        asked, what, place = read_question(words, first, flags, kinds)
        return Operands((), place, (asked, what))
    if words:
        refuse("--list with a question", words[0], "--list alone, or VERB KIND")
    if flags.get("all-namespaces") == "true" or "subresource" in flags:
        refuse("--list is of one namespace", first, "--list -n NAMESPACE")
    return Operands((), flags.get("namespace") or "default")


def _container(verb: Verb, word: Word, flags: dict[str, str]) -> Given:
    """``logs POD CONTAINER``: the container in its older form."""
    if "container" in flags:
        refuse("the container is given twice", word, "-c CONTAINER alone")
    if flags.get("all-containers") == "true":
        refuse("a container's name and --all-containers together", word, "one of them")
    return Given(verb.flags["container"], _name(word, _NAME), word)


def _is_argument(verb: Verb, word: Word) -> bool:
    if verb.name == "taint":
        return ":" in word.text or "=" in word.text or word.text.endswith("-")
    return "=" in word.text or word.text.endswith("-")


def _arguments(verb: Verb, words: list[Word], first: Word, flags: dict[str, str]) -> tuple[str, ...]:
    pattern, expected = _ARGUMENTS[verb.name]
    keys: set[str] = set()
    for word in words:
        if not pattern.fullmatch(word.text):
            refuse(f"{word.text!r} is not readable here", word, expected)
        key = word.text.partition("=")[0].removesuffix("-")
        if key in keys and verb.name != "taint":
            refuse(f"{key} is given twice", word, "each key once")
        keys.add(key)
    if not words and not flags.keys() & {"from", "env"} and flags.get("list", "false") != "true":
        refuse(f"kubectl {verb.name} needs at least one {expected}", first, expected)
    return tuple(word.text for word in words)


def _targets(verb: Verb, words: list[Word], first: Word, flags: dict[str, str], kinds: KindTable) -> tuple[Target, ...]:
    reader: dict[Shape, Callable[[], list[Target]]] = {
        Shape.NOTHING: lambda: [_refuse_name(verb, words[0])] if words else [],
        Shape.NODES: lambda: [Target(_known(kinds, "nodes"), _name(_node_word(w), _NAME)) for w in words],
        Shape.NODES_THEN_ARGUMENTS: lambda: _nodes_of_taint(words, kinds),
        Shape.NAMES: lambda: [Target(_known(kinds, verb.kind), _name(w, _NAME)) for w in words],
        Shape.POD: lambda: _pod(words, kinds),
    }
    targets = reader.get(verb.shape, lambda: _objects(words, kinds))()
    is_picked = flags.get("all", "false") == "true" or "selector" in flags or "field-selector" in flags
    if verb.shape is Shape.NODES and not targets and is_picked:
        targets = [Target(_known(kinds, "nodes"))]
    if len({(t.kind.resource, t.name) for t in targets}) != len(targets):
        refuse("an object is named twice", words[-1] if words else first, "each object once")
    return tuple(targets)


def _refuse_name(verb: Verb, word: Word) -> NoReturn:
    why, accepted = REFUSED_VERBS.get(f"{verb.name} {word.text}", ("takes no names", "flags only"))
    refuse(f"kubectl {verb.name}: {why}", word, accepted)


def _known(kinds: KindTable, spelling: str) -> ResourceKind:
    found = kinds.find(spelling)
    assert found is not None
    return found


def _node_word(word: Word) -> Word:
    for prefix in ("node/", "nodes/", "no/"):
        if word.text.startswith(prefix):
            return Word(word.text.removeprefix(prefix), word.line, word.column + len(prefix), word.quoted_from)
    return word


def _nodes_of_taint(words: list[Word], kinds: KindTable) -> list[Target]:
    if words and "/" in words[0].text:
        refuse(f"{words[0].text!r}: kubectl taint takes the kind and the names apart", words[0], "node NAME")
    found = _objects(words, kinds)
    if any(target.kind.resource != "nodes" for target in found):
        refuse("only nodes are tainted", words[0], "node NAME")
    return found


def _pod(words: list[Word], kinds: KindTable) -> list[Target]:
    if not words:
        return []
    if len(words) > 1:
        refuse("more than one object", words[-1], "POD or TYPE/NAME; the container as -c NAME")
    if "/" in words[0].text:
        return _objects(words, kinds)
    return [Target(_known(kinds, "pods"), _name(words[0], _NAME))]


def _objects(words: list[Word], kinds: KindTable) -> list[Target]:
    """``TYPE/NAME ...`` or ``TYPE[,TYPE...] [NAME ...]``."""
    if not words:
        return []
    if any("/" in word.text for word in words):
        return [_slashed(word, kinds) for word in words]
    listed = [_kind_at(words[0], part, kinds) for part in words[0].text.split(",")]
    if len({kind.resource for kind in listed}) != len(listed):
        refuse("a kind is named twice", words[0], "each kind once")
    if len(words) == 1:
        return [Target(kind) for kind in listed]
    return [Target(kind, _name(word, _name_pattern(kind))) for kind in listed for word in words[1:]]


def _slashed(word: Word, kinds: KindTable) -> Target:
    spelled, slash, name = word.text.partition("/")
    if not slash or not name:
        refuse(f"{word.text!r}: TYPE/NAME and TYPE NAME do not mix", word, "TYPE/NAME for every object")
    kind = _kind_at(word, spelled, kinds)
    at = len(spelled) + 1
    return Target(kind, _name(Word(name, word.line, word.column + at, word.quoted_from), _name_pattern(kind)))


def _kind_at(word: Word, spelled: str, kinds: KindTable) -> ResourceKind:
    if not spelled.isascii() or (found := kinds.find(spelled)) is None:
        refuse(f"unknown kind {spelled!r}", word, "a kind that the cluster serves, such as deployment, pod or service")
    return found


def _name_pattern(kind: ResourceKind) -> re.Pattern[str]:
    return _RBAC_NAME if kind.group == "rbac.authorization.k8s.io" or kind.plural.endswith("requests") else _NAME


def _name(word: Word, pattern: re.Pattern[str]) -> str:
    if len(word.text) > 253 or not pattern.fullmatch(word.text):
        refuse(f"{word.text!r} is not an object's name", word, "lower-case letters, digits, '-' and '.'")
    return word.text


def _check_targets(verb: Verb, targets: tuple[Target, ...], first: Word, flags: dict[str, str]) -> None:
    if verb.shape in {Shape.NOTHING, Shape.NAMES}:
        return
    has_selector = "selector" in flags or "field-selector" in flags
    is_all = flags.get("all", "false") == "true"
    is_named = any(target.name for target in targets)
    if verb.kinds:
        for target in targets:
            if not _is_taken(verb, target.kind):
                refuse(f"kubectl {verb.name} does not take {target.kind.resource}", first, ", ".join(verb.kinds))
    if not targets and not (verb.shape is Shape.POD and has_selector):
        refuse(f"kubectl {verb.name} names no object", first, "TYPE/NAME")
    if is_named and (has_selector or is_all) and not verb.is_read:
        refuse("a name and a selector together", first, "one of them")
    if not is_named and not verb.is_read and not has_selector and not is_all:
        refuse(f"kubectl {verb.name} names no object", first, "TYPE/NAME, or a selector")
    if verb.shape is Shape.ONE_OBJECT and not is_named and not has_selector:
        refuse(f"kubectl {verb.name} names no object", first, "TYPE/NAME")
    if is_named and flags.get("all-namespaces", "false") == "true":
        refuse("a name in all namespaces", first, "-n NAMESPACE for a named object")


def _is_taken(verb: Verb, kind: ResourceKind) -> bool:
    has_scale = TAKES_SCALE in verb.kinds and "scale" in kind.subresources
    return has_scale or kind.resource in verb.kinds or kind.plural == "all"


def _field(words: list[Word], first: Word, kinds: KindTable) -> Operands:
    if len(words) != 1 or not re.fullmatch(r"[A-Za-z0-9]+(\.[A-Za-z0-9]+)*", words[0].text):
        refuse(
            "kubectl explain takes one KIND or KIND.field",
            words[1] if len(words) > 1 else first,
            "pods.spec.containers",
        )
    kind = kinds.find(words[0].text) or _kind_at(words[0], words[0].text.partition(".")[0], kinds)
    return Operands((Target(kind),), "", (words[0].text,))


_PATCH_OPERATIONS = frozenset({"add", "replace", "remove", "test"})


def _check_patch(given: list[Given]) -> None:
    """The patch must be readable, of the shape of its type, and free of directives whose effect only a server knows."""
    flags = {item.flag.name: item for item in given}
    item = flags["patch"]
    patch = read_patch(item.value, item.word.line, item.word.column)
    if ("type" in flags and flags["type"].value == "json") != isinstance(patch, list):
        refuse(
            "the patch does not fit its type", item.word, "a list for --type=json, an object for merge and strategic"
        )
    if isinstance(patch, list):
        for operation in patch:
            if not isinstance(operation, dict) or operation.get("op") not in _PATCH_OPERATIONS:
                refuse(
                    "an operation that is not add, replace, remove or test", item.word, "add, replace, remove or test"
                )
            path = operation.get("path")
            if (
                not isinstance(path, str)
                or not path.startswith("/")
                or ("value" in operation) == (operation["op"] == "remove")
            ):
                refuse(
                    "an operation without a path, or with a wrong value",
                    item.word,
                    '{"op":"replace","path":"/...","value":...}',
                )
            if not path.isascii():
                refuse("a path that is not ASCII", item.word, "an ASCII path")
            if extra := operation.keys() - {"op", "path", "value"}:
                refuse(f"an operation with {', '.join(sorted(extra))}", item.word, "op, path and value")
    elif (found := directive_of(patch)) is not None:
        refuse(f"{found}: {DIRECTIVE}", item.word, PLAIN_PATCH)


def _manifests(verb: Verb, words: list[Word], line: Line, namespace: str, kinds: KindTable) -> Operands:
    if words:
        refuse(f"kubectl {verb.name} takes no names: {words[0].text!r}", words[0], "-f - and a heredoc")
    if line.heredoc is None:
        refuse(f"kubectl {verb.name} -f - without a heredoc", line.words[0], "<<'EOF' at the end of the line")
    manifests = read_manifests(line.heredoc, line.heredoc_line, namespace, kinds)
    for manifest in manifests:
        if (found := directive_of(manifest.body, DIRECTIVES)) is not None:
            raise ScriptRefused(f"{found}: {DIRECTIVE}", line=manifest.line, column=1, expected=PLAIN_PATCH)
    if len({(m.kind.resource, m.namespace, m.name) for m in manifests}) != len(manifests):
        refuse("an object stands twice in the heredoc", line.words[0], "each object once")
    return Operands((), "", (), manifests)


def _named_in_heredoc(verb: Verb, words: list[Word], flags: dict[str, str], line: Line, kinds: KindTable) -> Operands:
    """``delete -f -``: the objects of the heredoc, by kind, namespace and name alone, as if the line had named them."""
    if line.heredoc is None or "filename" not in flags:
        refuse(
            f"kubectl {verb.name} -f - and a heredoc stand together", line.words[0], "-f - and <<'EOF', or TYPE/NAME"
        )
    if words or flags.keys() & {"selector", "field-selector", "all", "all-namespaces"}:
        refuse("a heredoc names every object", words[0] if words else line.words[0], "-f - and <<'EOF' alone")
    found = _manifests(verb, [], line, flags.get("namespace", ""), kinds).manifests
    namespaces = {manifest.namespace for manifest in found if manifest.namespace}
    if len(namespaces) > 1:
        refuse(f"objects of {len(namespaces)} namespaces in one delete", line.words[0], "one line for each namespace")
    return Operands(tuple(Target(manifest.kind, manifest.name) for manifest in found), "".join(namespaces))


def _new(verb: Verb, words: list[Word], first: Word, flags: dict[str, str], kinds: KindTable) -> Operands:
    namespace = flags.get("namespace", "")
    if len(words) != 1:
        refuse(f"kubectl {verb.name} takes one name", words[1] if len(words) > 1 else first, "NAME")
    if verb.name == "create job" and len(flags.keys() & {"image", "from"}) != 1:
        refuse("kubectl create job needs one of --image and --from", first, "--image=IMAGE, or --from=cronjob/NAME")
    if verb.name == "create service clusterip" and "tcp" not in flags and flags.get("clusterip") != "None":
        refuse("kubectl create service clusterip needs a port", first, "--tcp=80:8080, or --clusterip=None")
    return Operands((Target(_known(kinds, verb.kind), _name(words[0], _NAME)),), namespace or "default")
