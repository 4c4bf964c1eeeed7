"""The container registry of the practice cluster: which images exist, and what a pull of any other says."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

_VALID = re.compile(r"^(?:[a-zA-Z0-9.-]+(?::\d+)?/)?[a-z0-9._/-]+(?::[\w.-]{1,128})?(?:@sha256:[0-9a-f]{64})?$")


@dataclass(slots=True)
class Registry:
    """`sizes` maps every image that exists to its bytes; `on_nodes` are those that each node holds from the start."""

    sizes: dict[str, int] = field(default_factory=dict)
    on_nodes: frozenset[str] = frozenset()
    _present: dict[str, set[str]] = field(default_factory=dict)

    def add(self, images: dict[str, int]) -> None:
        self.sizes.update(images)

    def is_present(self, node: str, image: str) -> bool:
        return image in self.on_nodes or image in self._present.get(node, ())

    def pulled(self, node: str, image: str) -> None:
        self._present.setdefault(node, set()).add(image)

    def refusal(self, image: str) -> str:
        """Why a pull fails, in the words of containerd; "" when it works."""
        if image in self.sizes or image in self.on_nodes:
            return ""
        full = qualified(image)
        host, _, rest = full.partition("/")
        repository, _, tag = rest.rpartition(":")
        start = f'failed to pull and unpack image "{full}": failed to resolve reference "{full}": '
        if any(qualified(known).startswith(f"{host}/") for known in self.sizes if known not in self.on_nodes):
            return f"rpc error: code = NotFound desc = {start}{full}: not found"
        return (f'{start}failed to do request: Head "https://{host}/v2/{repository}/manifests/{tag}": '
                f"dial tcp: lookup {host}: Temporary failure in name resolution")  # fmt: skip

    def reported(self, image: str) -> str:
        """The name under which the runtime knows the image: the first of those with the same content."""
        return RIG_SAME.get(image, image)

    def size(self, image: str) -> int:
        return self.sizes.get(image, 3_185_491)


def invalid_name(image: str) -> str:
    """What the kubelet says of a name that cannot be an image; "" for a good one."""
    if _VALID.match(image):
        return ""
    return (f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": '
            f"invalid reference format: repository name (library/{image}) must be lowercase")  # fmt: skip


def qualified(image: str) -> str:
    """`nginx` -> `docker.io/library/nginx:latest`."""
    first, slash, _ = image.partition("/")
    if not slash:
        image = f"docker.io/library/{image}"
    elif "." not in first and ":" not in first and first != "localhost":
        image = f"docker.io/{image}"
    if ":" not in image.rpartition("/")[2]:
        image += ":latest"
    return image


def digest(image: str) -> str:
    return "sha256:" + hashlib.sha256(image.encode()).hexdigest()


RIG_IMAGES = {"rig.local/busybox:1": 3_185_491, "rig.local/busybox:2": 3_185_491, "rig.local/web:1": 3_185_491,
              "rig.local/coredns:1": 46_941_018, "rig.local/metrics-server:1": 65_342_305}  # fmt: skip
"""The images of the recorded cluster. They lie on every node and its registry cannot be reached."""
RIG_SAME = {"rig.local/busybox:2": "rig.local/busybox:1", "rig.local/web:1": "rig.local/busybox:1"}
"""Names of one and the same content."""
