"""`opsdesk detectors`: what is watched for, one detector whole, and the trial of a site's own folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from tools.detectors.library import DetectorLibrary, FaultDetector

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Folder = Annotated[
    list[Path] | None, typer.Option("--folder", help="A folder of your own detectors, beside the built-in; repeatable.")
]
Lang = Annotated[Literal["zh", "en"], typer.Option(help="Of the words.")]


@app.command("list")
def list_(
    text: Annotated[str, typer.Argument(help="Only those whose id, title or explanation holds this.")] = "",
    layer: Annotated[list[str] | None, typer.Option(help="Only this layer, e.g. gpu; repeatable.")] = None,
    folder: Folder = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 1000,
    lang: Lang = "en",
    as_json: AsJson = False,
) -> None:
    """All faults and symptoms that are watched for."""
    from api.commands.output import print_json, print_table
    from knowledge.vocabulary import Layer

    if unknown := [one for one in layer or () if one not in list(Layer)]:
        raise typer.BadParameter(f"{unknown[0]!r} is not one of {', '.join(Layer)}", param_hint="--layer")
    found = [one for one in _library(folder).by_id.values() if _is_wanted(one, text, layer or [])]
    shown = sorted(found, key=lambda one: (one.layer.value, one.id))[:limit]
    if as_json:
        print_json([_row(one) for one in shown])
        return
    print_table(
        f"{len(shown)} of {len(found)} detectors",
        ("layer", "id", "severity", "kind", "title"),
        [
            (
                one.layer.value,
                one.id,
                one.severity.value,
                "symptom" if one.is_symptom else "cause",
                _plain(getattr(one.title, lang)),
            )
            for one in shown
        ],
        empty="no detector holds this: `opsdesk detectors list` shows all",
        folding=("title",),
        dropping=("kind", "severity"),
    )


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="The fault's id.")],
    folder: Folder = None,
    lang: Lang = "en",
    as_json: AsJson = False,
) -> None:
    """One detector whole: what it looks at, what it explains, and its remedy."""
    from api.commands.output import console, print_json

    library = _library(folder)
    one = library.get(id)
    explained_by = sorted(other.id for other in library.by_id.values() if id in other.explains)
    if as_json:
        print_json({**_row(one), "form": one.form, "explained_by": explained_by, "file": str(one.path)})
        return
    out = console()
    form = one.form
    out.print(
        f"{one.id}  ({one.layer.value}, {one.severity.value}, {'symptom' if one.is_symptom else 'cause'})",
        style="bold",
        markup=False,
    )
    out.print(_plain(getattr(one.title, lang)), markup=False)
    out.print(_plain(getattr(one.explanation, lang)), markup=False)
    out.print("\nlooks at", style="bold")
    for signal in form.signals.leaves():
        told = {
            key: value for key, value in signal.model_dump(mode="json", exclude_defaults=True).items() if key != "facts"
        }
        out.print("  " + "  ".join(f"{key}={value}" for key, value in told.items()), markup=False)
    for heading, names in (
        ("explains", [f"{', '.join(edge.faults)} (over {', '.join(edge.over)})" for edge in form.explains]),
        ("explained by", explained_by),
        ("yields to", list(form.yields_to)),
        ("sources", list(form.sources)),
    ):
        if names:
            out.print(f"\n{heading}", style="bold")
            for name in names:
                out.print(f"  {name}", markup=False)
    out.print("\nremedy", style="bold")
    for choice in form.remedy.scripts:
        out.print(f"  {choice.script}", markup=False)
    for step in form.remedy.manual:
        out.print(f"  by hand: {getattr(step, lang)}", markup=False)
    if form.remedy.none_reason is not None:
        out.print(f"  none: {getattr(form.remedy.none_reason, lang)}", markup=False)


@app.command("test")
def try_(
    folder: Annotated[
        Path | None,
        typer.Argument(help="A folder of your own detectors; default: the configured ones and the built-in."),
    ] = None,
    id: Annotated[str, typer.Option(help="Only this one.")] = "",
    as_json: AsJson = False,
) -> None:
    """Try every detector on the specimens in its own file. Exit code 1 when one is not judged as it says."""
    from api.commands.output import console, print_json
    from tools.detectors.library import DetectorLibrary
    from tools.detectors.trial import failing_specimens

    library = _library([folder] if folder else None)
    chosen = [library.get(id)] if id else list(library.by_id.values())
    if folder is not None and not id:
        chosen = [one for one in chosen if one.path.is_relative_to(folder)]
    failures = failing_specimens(DetectorLibrary(chosen))
    specimens = sum(len(one.form.specimens.yes) + len(one.form.specimens.no) for one in chosen)
    if as_json:
        print_json({"detectors": len(chosen), "specimens": specimens, "failures": failures})
    else:
        out = console()
        for failure in failures:
            out.print(failure, style="red", markup=False)
        out.print(f"{len(chosen)} detectors, {specimens} specimens, {len(failures)} not judged as they say")
        if not chosen:
            out.print(
                f"{folder} holds no detector: write one as in tools/detectors/README.md", style="yellow", markup=False
            )
    raise typer.Exit(1 if failures or not chosen else 0)


def _library(folders: list[Path] | None) -> DetectorLibrary:
    from api.settings import Settings
    from tools.detectors.library import load_detectors

    settings = Settings.load()
    own = [folder for folder in folders or () if folder not in settings.knowledge.detector_folders]
    return load_detectors((*settings.knowledge.detector_folders, *own), cache_folder=settings.cache_path)


def _is_wanted(one: FaultDetector, text: str, layers: list[str]) -> bool:
    if layers and one.layer.value not in layers:
        return False
    said = f"{one.id} {one.title.en} {one.title.zh} {one.explanation.en} {one.explanation.zh}".lower()
    return all(word in said for word in text.lower().split())


def _plain(text: str) -> str:
    """Facts that only a finding fills in, shown as what they are."""
    return re.sub(r"\{(\w+)\}", r"<\1>", text)


def _row(one: FaultDetector) -> dict[str, object]:
    return {
        "id": one.id,
        "layer": one.layer.value,
        "severity": one.severity.value,
        "is_symptom": one.is_symptom,
        "title": one.title,
        "explanation": one.explanation,
        "explains": list(one.explains),
    }
