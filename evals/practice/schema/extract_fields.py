"""Make `fields.json` anew: names and types of the fields of every served kind, read from the official client's models.

`python -m evals.practice.schema.extract_fields` rewrites the file beside it. Only needed when kinds are added; the server
itself reads the file and never imports the client. A type is written `string`, `integer`, `number`, `boolean`, `time`,
`bytes`, `quantity`, `intOrString`, `any`, `@Type`, `[]type` or `{}type`; a leading `!` marks a required field.
"""

from __future__ import annotations

import importlib
import json
import pathlib
import re
from typing import Any

from evals.practice.kinds import KINDS

FILE = pathlib.Path(__file__).with_name("fields.json")
_SIMPLE = {
    "str": "string", "int": "integer", "float": "number", "bool": "boolean", "datetime": "time", "object": "any",
    "bytearray": "bytes", "bytes": "bytes",
}  # fmt: skip
_QUANTITY_MAPS = {"limits", "requests", "hard", "used", "capacity", "allocatable", "default", "defaultRequest", "max",
                  "min", "maxLimitRequestRatio", "allocatedResources", "overhead", "usage"}  # fmt: skip
_QUANTITIES = {"sizeLimit", "divisor", "averageValue", "currentAverageValue", "targetAverageValue", "maximumVolumeSize"}
_INT_OR_STRING = {"maxSurge", "maxUnavailable", "minAvailable", "targetPort", "port"}


def type_name(written: str, field: str, models: Any) -> str:
    """The client's type expression in our notation."""
    if match := re.fullmatch(r"[Ll]ist\[(.*)\]", written):
        return "[]" + type_name(match[1], field, models)
    if match := re.fullmatch(r"[Dd]ict(?:\[|\()str, (.*)(?:\]|\))", written):
        inner = type_name(match[1], field, models)
        return "{}quantity" if inner == "string" and field in _QUANTITY_MAPS else "{}" + inner
    if written == "object" and field in _INT_OR_STRING:
        return "intOrString"
    if written == "str" and field in _QUANTITIES:
        return "quantity"
    return _SIMPLE.get(written) or "@" + written


def describe(model: Any, models: Any, found: dict[str, dict[str, str]]) -> None:
    """Add the model and everything that it refers to."""
    if model.__name__ in found:
        return
    fields: dict[str, str] = {}
    found[model.__name__] = fields
    for attribute, written in model.openapi_types.items():
        json_name = model.attribute_map[attribute]
        kind = type_name(written, json_name, models)
        info = model.model_fields.get(attribute)  # a few attributes ("exec", "from") are renamed in the client
        required = info is not None and info.is_required()
        fields[json_name] = ("!" if required else "") + kind
        reference = re.search(r"@(\w+)", kind)
        if reference:
            describe(getattr(models, reference[1]), models, found)


def model_name(group: str, version: str, kind: str) -> list[str]:
    """The names the client may have given a kind, the most specific first."""
    plain = version.capitalize() + kind
    prefix = (group.split(".", maxsplit=1)[0] or "core").capitalize()
    return [prefix + plain, plain]


def main() -> None:
    """Rewrite the file."""
    models = importlib.import_module("kubernetes.client")
    found: dict[str, dict[str, str]] = {}
    roots: dict[str, str] = {}
    extra = [("", "v1", "DeleteOptions"), ("autoscaling", "v1", "Scale"), ("policy", "v1", "Eviction"),
             ("authentication.k8s.io", "v1", "TokenRequest"), ("", "v1", "Binding")]  # fmt: skip
    served = [(kind.group, kind.version, kind.kind) for kind in KINDS] + extra
    for group, version, kind in served:
        model = next((getattr(models, n) for n in model_name(group, version, kind) if hasattr(models, n)), None)
        if model is None:
            continue
        describe(model, models, found)
        roots[f"{group}/{version}/{kind}".lstrip("/")] = model.__name__
    FILE.write_text(json.dumps({"kinds": roots, "types": found}, indent=0, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
