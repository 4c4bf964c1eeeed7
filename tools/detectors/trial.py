"""Runs the specimens inside detectors: what has to be found, and what must not be. For sites that write their own."""

from __future__ import annotations

from collections.abc import Iterator

from tools.detectors.library import DetectorLibrary, FaultDetector
from tools.detectors.specimen import snapshot_of


def failing_specimens(library: DetectorLibrary) -> list[str]:
    """One sentence for each specimen that is not judged as it says; empty when all are."""
    return [told for detector in library.by_id.values() for told in _failures(detector)]


def _failures(detector: FaultDetector) -> Iterator[str]:
    specimens = detector.form.specimens
    for wanted, listed in ((True, specimens.yes), (False, specimens.no)):
        for number, specimen in enumerate(listed, 1):
            found = any(one.fault == detector.id for one in detector.detect(snapshot_of(specimen)))
            if found is not wanted:
                word = "is not found" if wanted else "is found, and must not be"
                yield f"{detector.id}: {'yes' if wanted else 'no'} specimen {number} {word} ({detector.path.name})"
