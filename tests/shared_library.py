"""The desk's own detectors, loaded and compiled once for a whole test process: a library holds no state of what it judged."""

from __future__ import annotations

from functools import cache

from tools.detectors.library import DetectorLibrary, load_detectors


@cache
def shared_library() -> DetectorLibrary:
    return load_detectors()
