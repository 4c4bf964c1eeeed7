"""Protects where code comes from: approved registries only, and an image that is the same tomorrow."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import Path, SafetyRule, Said, Subject, Writes, said
from tools.safety.policy import Policy, matches

_REFERENCE = re.compile(
    r"(?P<repository>([a-z0-9]+([.-][a-z0-9]+)*(:[0-9]{1,5})?/)?[a-z0-9]+((\.|_{1,2}|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_{1,2}|-+)[a-z0-9]+)*)*)"
    r"(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)


def repository_of(reference: str) -> str:
    """``nginx`` -> ``docker.io/library/nginx``: the repository with its host and path written out."""
    first, slash, rest = reference.partition("/")
    if not slash:
        return f"docker.io/library/{first}"
    if "." in first or ":" in first or first == "localhost":
        host = "docker.io" if first in {"index.docker.io", "registry-1.docker.io"} else first
        return f"{host}/{rest if host != 'docker.io' or '/' in rest else 'library/' + rest}"
    return f"docker.io/{reference}"


def is_approved(repository: str, approved: tuple[str, ...]) -> bool:
    """Whole path parts count: ``nvcr.io/nvidia`` approves ``nvcr.io/nvidia/x``, not ``nvcr.io/nvidia-evil/x``."""
    return any(repository == entry or repository.startswith(entry.rstrip("/") + "/") for entry in approved)


_DELIVERY = ("argoproj.io", "kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io", "source.toolkit.fluxcd.io")
_MODELS = frozenset({"storageUri", "modelUri", "storageUris", "modelId", "modelUrl"})


_IMAGES = frozenset({"image", "imageName", "imageUri", "imageURI", "dockerImage"})
_PARTS = frozenset({"repository", "registry", "imageRegistry", "imageRepository"})


def _is_in_parts(writes: Writes, path: Path) -> bool:
    """Whether a sibling says the repository (``repository: nvcr.io/nvidia``, ``image: driver``): that one is judged."""
    return any(other[:-1] == path[:-1] and other[-1] in _PARTS for other, _ in writes.walk())


def _part(value: str, policy: Policy) -> Iterable[Said]:
    host = value.removeprefix("https://").removeprefix("oci://").rstrip("/")
    first = host.partition("/")[0]
    whole = host if "." in first or ":" in first else repository_of(host)
    if is_approved(whole, policy.approved_registries):
        yield said(
            Ruling.TWO, f"changes from which repository images come: {host[:100]}", f"修改镜像来源仓库：{host[:100]}"
        )
    else:
        yield said(Ruling.FORBIDDEN, f"{host[:100]} is in no approved registry", f"{host[:100]} 不在获准的镜像仓库中")


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:
    for writes in subject.writes:
        if writes.kind.group in _DELIVERY and (writes.removed or set(writes.body) - {"apiVersion", "kind", "metadata"}):
            yield said(
                Ruling.FORBIDDEN, f"changes what {writes.kind.kind} delivers", f"修改 {writes.kind.kind} 交付的内容"
            )
        for path, value in writes.walk():
            if path[-1] == "image" and isinstance(value, dict) and "reference" not in value:
                yield said(
                    Ruling.TWO, "an image in parts: where it comes from is not told", "镜像以分段方式给出：来源不明"
                )
            elif path[-1] in _IMAGES or path[-1].endswith("Image") or path[-2:] == ("image", "reference"):
                for image in value if isinstance(value, list) else [value]:
                    if not (path[-1] == "image" and _is_in_parts(writes, path)) and not isinstance(image, dict | bool):
                        yield from _image(image, policy)
            elif path[-1] in _PARTS and isinstance(value, str) and writes.kind.group not in _DELIVERY:
                yield from _part(value, policy)
            elif path[-1] in _MODELS:
                yield said(
                    Ruling.TWO, "changes where a model comes from: weights can be code", "修改模型来源：权重可能含代码"
                )
    if subject.command.verb == "set image" and any(argument.startswith("*=") for argument in subject.command.arguments):
        yield said(Ruling.TWO, "the same image for every container", "为所有容器设置同一镜像")
    if subject.command.verb == "create job" and subject.command.has("from") and subject.is_offline:
        yield said(Ruling.ONE, "what the cron job runs is not known yet", "该定时任务运行的内容尚未可知", is_open=True)


def _image(image: Any, policy: Policy) -> Iterable[Said]:
    found = _REFERENCE.fullmatch(image) if isinstance(image, str) else None
    if found is None:
        yield said(
            Ruling.FORBIDDEN, f"{str(image)[:100]!r} is not an image reference", f"{str(image)[:100]!r} 不是镜像引用"
        )
        return
    repository = repository_of(found["repository"])
    if not is_approved(repository, policy.approved_registries):
        yield said(Ruling.FORBIDDEN, f"{repository} is in no approved registry", f"{repository} 不在获准的镜像仓库中")
    elif found["digest"] is None and (found["tag"] is None or matches(found["tag"].lower(), policy.mutable_tags)):
        tag = found["tag"] or "latest"
        yield said(Ruling.TWO, f"the tag {tag} can be another image tomorrow", f"标签 {tag} 可能随时指向别的镜像")


RULE = SafetyRule(
    "image_source", Text(en="where code comes from", zh="代码来源"), _judge,
    (
        "kubectl set image deploy/web app=registry.example.com/shop/web:1.4.2",
        "kubectl set image deploy/web app=nginx:1.27.3",
        "kubectl set image ds/gpu app=nvcr.io/nvidia/tritonserver:24.05-py3",
        "kubectl set image deploy/web app=registry.k8s.io/pause@sha256:" + "a" * 64,
    ),
    (
        ("kubectl set image deploy/web app=evil.example.org/web:1", Ruling.FORBIDDEN),
        ("kubectl set image deploy/web app=registry.example.com.evil.org/web:1", Ruling.FORBIDDEN),
        ("kubectl set image deploy/web app=nvcr.io/nvidia-evil/web:1", Ruling.FORBIDDEN),
        ("kubectl set image deploy/web app=registry.k8s.io:8080/web:1", Ruling.FORBIDDEN),
        ("kubectl set image deploy/web app=docker.io/stranger/web:1", Ruling.FORBIDDEN),
        ("kubectl set image deploy/web app=stranger/web:1", Ruling.FORBIDDEN),
        ("kubectl patch clusterpolicies.nvidia.com gpu --type=merge -p '{\"spec\":{\"driver\":{\"repository\":\"evil.example.org\",\"image\":\"driver\"}}}'", Ruling.FORBIDDEN),
        ("kubectl patch clusterpolicies.nvidia.com gpu --type=merge -p '{\"spec\":{\"driver\":{\"repository\":\"nvcr.io/nvidia\",\"image\":\"driver\"}}}'", Ruling.TWO),
        ("kubectl patch deploy web -p '{\"spec\":{\"template\":{\"spec\":{\"volumes\":[{\"name\":\"a\",\"image\":{\"reference\":\"evil.org/a:1\"}}]}}}}'", Ruling.FORBIDDEN),
        ("kubectl patch prom main --type=merge -p '{\"spec\":{\"baseImage\":\"evil.org/a\"}}'", Ruling.FORBIDDEN),
        ("kubectl set image deploy/web app=nginx", Ruling.TWO),
        ("kubectl patch app shop --type=merge -p '{\"spec\":{\"source\":{\"repoURL\":\"https://evil.org\"}}}'", Ruling.FORBIDDEN),
        ("kubectl patch app shop --type=merge -p '{\"operation\":{\"sync\":{}}}'", Ruling.FORBIDDEN),
        ("kubectl patch hr shop --type=merge -p '{\"spec\":{\"chart\":{}}}'", Ruling.FORBIDDEN),
        ("kubectl patch isvc llm --type=merge -p '{\"spec\":{\"predictor\":{\"model\":{\"storageUri\":\"s3://x\"}}}}'", Ruling.TWO),
        ("kubectl set image deploy/web app=nginx:latest", Ruling.TWO),
        ("kubectl set image deploy/web '*=nginx:1.27.3'", Ruling.TWO),
        ("kubectl patch deploy web --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/template/spec/containers/0/image\",\"value\":\"evil.org/a:1\"}]'", Ruling.FORBIDDEN),
        ("kubectl patch deploy web -p '{\"spec\":{\"template\":{\"spec\":{\"initContainers\":[{\"name\":\"a\",\"image\":\"evil.org/a:1\"}]}}}}'", Ruling.FORBIDDEN),
    ),
)  # fmt: skip
