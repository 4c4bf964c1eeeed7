"""All detectors together: what the rest of the desk sees of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from knowledge.errors import MalformedDetector, NotFound
from knowledge.vocabulary import Finding, Layer, Remedy, Severity, Text
from tools.contracts import Snapshot
from tools.detectors.engine import Engine
from tools.detectors.format import ChangeSignal, DetectorForm, Explains, checked_form
from tools.detectors.parsed import parsed_folder
from tools.detectors.remedies import filled_remedy

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class FaultDetector:
    """One fault of the library, as :class:`tools.contracts.Detector`."""

    form: DetectorForm
    path: Path

    @property
    def id(self) -> str:
        return self.form.id

    @property
    def layer(self) -> Layer:
        return self.form.layer

    @property
    def severity(self) -> Severity:
        return self.form.severity

    @property
    def title(self) -> Text:
        return self.form.title

    @property
    def explanation(self) -> Text:
        return self.form.explanation

    @property
    def is_symptom(self) -> bool:
        return self.form.is_symptom

    @property
    def is_general(self) -> bool:
        """A sign that any narrower fault would say more than: an exit code, a restart count."""
        return "causes" in self.form.yields_to

    @property
    def is_change(self) -> bool:
        """Tells only that something was changed, by nearness in time: nothing but a person explains it."""
        return all(isinstance(signal, ChangeSignal) for signal in self.form.signals.leaves())

    @property
    def explains(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(fault for edge in self.form.explains for fault in edge.faults))

    @property
    def edges(self) -> tuple[Explains, ...]:
        return self.form.explains

    @property
    def remedy(self) -> Remedy:
        """Unfilled: with its ``<placeholders>``."""
        script = self.form.remedy.scripts[0].script if self.form.remedy.scripts else ""
        return Remedy(script=script, manual=self.form.remedy.manual, none_reason=self.form.remedy.none_reason)

    def detect(self, snapshot: Snapshot) -> list[Finding]:
        """With this detector alone."""
        return self._engine.detect(snapshot)

    @cached_property
    def _engine(self) -> Engine:
        return Engine([self.form])


class DetectorLibrary:
    """``by_id`` in the order of the ids. Detecting with all of them is one pass over the snapshot."""

    def __init__(self, detectors: Sequence[FaultDetector], cache_folder: Path | None = None) -> None:
        self.by_id: Mapping[str, FaultDetector] = {one.id: one for one in sorted(detectors, key=lambda one: one.id)}
        self._engine = Engine([one.form for one in self.by_id.values()], cache_folder=cache_folder)

    def detect(self, snapshot: Snapshot) -> list[Finding]:
        """Faults and symptoms of now, most severe first. Everything they cite is in ``snapshot.cited()`` afterwards."""
        return self._engine.detect(snapshot)

    def get(self, fault_id: str) -> FaultDetector:
        """Raises NotFound."""
        found = self.by_id.get(fault_id)
        if found is None:
            raise NotFound(f"no detector {fault_id!r}", next_step="`opsdesk detectors list` shows the known ones")
        return found

    def remedy(self, fault_id: str, finding: Finding) -> Remedy:
        """The fault's remedy with its placeholders filled from the finding. Raises NotFound."""
        return filled_remedy(self.get(fault_id).form.remedy, finding.facts)


def load_detectors(extra_folders: Sequence[Path] = (), *, cache_folder: Path | None = None) -> DetectorLibrary:
    """The desk's own detectors and a site's. ``cache_folder`` keeps what was read for the next start. Raises
    MalformedDetector for a file that cannot be read or a doubled id."""
    found: dict[str, FaultDetector] = {}
    for folder in (FOLDER, *extra_folders):
        if not folder.is_dir():
            raise MalformedDetector(
                f"detector folder {folder} is not there", source=str(folder), next_step="correct the setting"
            )
        for path, bodies in parsed_folder(folder, cache_folder):
            for form in (checked_form(body, path) for body in bodies):
                if form.id in found:
                    raise MalformedDetector(
                        f"{path.name}: the id {form.id!r} is already taken by {found[form.id].path}",
                        source=str(path),
                        next_step="give the site's detector another id",
                    )
                found[form.id] = FaultDetector(form=form, path=path)
    return DetectorLibrary(list(found.values()), cache_folder=cache_folder)
