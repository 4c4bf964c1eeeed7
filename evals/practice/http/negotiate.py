"""Which form of answer the client accepts: JSON, YAML, a Table, or metadata only."""

from __future__ import annotations

from dataclasses import dataclass

from evals.practice.errors import ApiError

_OFFERS = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
_STREAM_OFFERS = _OFFERS + ", application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"


@dataclass(frozen=True, slots=True)
class Form:
    """`view` is "", "Table", "PartialObjectMetadata", "PartialObjectMetadataList" or "APIGroupDiscoveryList"."""

    media: str = "application/json"
    view: str = ""


def not_acceptable(*, streams: bool = False) -> ApiError:
    message = f"406: Not Acceptable\n\nAvailable representations: {_STREAM_OFFERS if streams else _OFFERS}"
    return ApiError(406, "NotAcceptable", message, details={})


def unknown_view() -> ApiError:
    return ApiError(406, "NotAcceptable", f"only the following media types are accepted: {_OFFERS}")


def accepted_form(header: str, *, streams: bool = False) -> Form:
    """The first form of the Accept header that is served; `ApiError` 406 when none is."""
    known_media = False
    for clause in (header or "*/*").split(","):
        parts = [part.strip() for part in clause.split(";")]
        media = parts[0].lower()
        parameters = dict(part.split("=", 1) for part in parts[1:] if "=" in part)
        if media in ("*/*", "application/*", ""):
            media = "application/json"
        if media not in ("application/json", "application/yaml"):
            continue
        known_media = True
        form = _with_view(media, parameters)
        if form is not None:
            return form
    raise unknown_view() if known_media else not_acceptable(streams=streams)


def _with_view(media: str, parameters: dict[str, str]) -> Form | None:
    view = parameters.get("as", "")
    if not view:
        return Form(media)
    group, version = parameters.get("g", ""), parameters.get("v", "")
    if group == "meta.k8s.io" and version in ("v1", "v1beta1"):
        if view == "Table":
            return Form(media, "Table")
        if view in ("PartialObjectMetadata", "PartialObjectMetadataList"):
            return Form(media, view)
    if view == "APIGroupDiscoveryList" and group == "apidiscovery.k8s.io" and version == "v2":
        return Form(media, view)
    return None
