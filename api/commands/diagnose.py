"""`opsdesk diagnose`: look at a cluster now, offline, with this machine's own read access. Needs no server and no ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from agent.look import Look
    from api.settings import ClusterSettings, Settings

MINUTES = 60


def register(app: typer.Typer) -> None:
    app.command()(diagnose)


def diagnose(
    question: Annotated[str, typer.Argument(help="What troubles you, in Chinese or English; may be left out.")] = "",
    cluster: Annotated[str, typer.Option(help="A configured cluster; default: the first.")] = "",
    kubeconfig: Annotated[Path | None, typer.Option(help="Instead of a configured cluster.", exists=False)] = None,
    context: Annotated[str, typer.Option(help="A context of that kubeconfig.")] = "",
    prometheus: Annotated[str, typer.Option(help="Prometheus base URL to read beside --kubeconfig.")] = "",
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Where to look first.")] = "",
    service: Annotated[str, typer.Option(help="The service it is about.")] = "",
    minutes: Annotated[int, typer.Option(help="How far back the trouble may have begun.", min=1, max=1440)] = MINUTES,
    transcript: Annotated[
        Path | None,
        typer.Option(
            help="Diagnose what was pasted instead of a cluster: a transcript, log, bundle folder or tar; - for standard input."
        ),
    ] = None,
    transcripts: Annotated[Path | None, typer.Option(help="A folder of them: one JSON line for each entry.")] = None,
    candidates: Annotated[
        Path | None, typer.Option(help='A closed list of causes to choose from: JSON [["taxonomy", "name"], ...].')
    ] = None,
    question_option: Annotated[str, typer.Option("--question", help="The same as QUESTION.")] = "",
    lang: Annotated[Literal["zh", "en"] | None, typer.Option(help="Of the words; default: the question's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Diagnose a cluster now, or what was pasted (--transcript), without a model and without a server.

    Exit code 0: no fault now; 1: a fault; 2: not enough evidence, or no look was possible; 75: the cluster is away.
    """
    from api.commands.output import EXIT_TEMPORARY, tell_error
    from knowledge.errors import BadInput, OpsdeskError

    question = question or question_option
    try:
        if transcript is not None or transcripts is not None:
            from api.commands import pasted

            options = pasted.Options(transcript, transcripts, candidates, question, namespace, lang, as_json=as_json)
            raise typer.Exit(pasted.diagnose(options))
        if candidates is not None:
            raise BadInput("--candidates goes with --transcript or --transcripts")
        code = _diagnose(question, cluster, kubeconfig, context, prometheus, namespace, service, minutes, lang, as_json)
    except OpsdeskError as error:  # 1 would say that a fault was found
        code = EXIT_TEMPORARY if tell_error(error) == EXIT_TEMPORARY else 2
    raise typer.Exit(code)


def _diagnose(
    question: str,
    cluster: str,
    kubeconfig: Path | None,
    context: str,
    prometheus: str,
    namespace: str,
    service: str,
    minutes: int,
    lang: str | None,
    as_json: bool,
) -> int:
    import asyncio

    from agent.reasoning.triage import language_of
    from api.commands.output import console, print_json
    from api.commands.render import render_diagnosis
    from api.settings import Settings
    from knowledge.vocabulary import Language

    settings = Settings.load()
    target = _target(settings, cluster, kubeconfig, context, prometheus)
    if not as_json:
        console(to_stderr=True).print(f"looking at cluster {target.name} ...", style="dim", markup=False)
    found = asyncio.run(_look(settings, target, question, namespace, service, minutes))
    language = Language(lang or (language_of(question) if question else settings.desk.language))
    if as_json:
        print_json(
            {
                "cluster": target.name,
                "diagnosis": found.diagnosis,
                "findings": found.findings,
                "evidence": found.evidence,
            }
        )
    else:
        render_diagnosis(found.diagnosis, language)
    return {"no_fault": 0, "fault": 1, "unknown": 2}[found.diagnosis.verdict.value]


def _target(
    settings: Settings, cluster: str, kubeconfig: Path | None, context: str, prometheus: str
) -> ClusterSettings:
    from api.bootstrap import cluster_settings
    from api.settings import ClusterSettings
    from knowledge.errors import BadInput

    if kubeconfig is not None:
        return ClusterSettings(name="adhoc", kubeconfig=kubeconfig, context=context, prometheus_url=prometheus)
    if cluster:
        return cluster_settings(settings, cluster)
    if not settings.clusters:
        raise BadInput(
            "no cluster is configured",
            next_step="give --kubeconfig FILE, or list clusters in the settings file (see `opsdesk doctor`)",
        )
    return settings.clusters[0]


async def _look(
    settings: Settings, target: ClusterSettings, question: str, namespace: str, service: str, minutes: int
) -> Look:
    from datetime import timedelta

    from agent.look import look
    from agent.reasoning.triage import names_in, namespaces_in
    from api.bootstrap import open_clock, open_cluster, open_collectors
    from knowledge.vocabulary import Focus
    from tools.detectors.library import load_detectors

    clock = open_clock()
    now = clock.now()
    focus = Focus(
        cluster=target.name,
        namespaces=(namespace,) if namespace else namespaces_in(question),
        services=(service,) if service else names_in(question),
        since=now - timedelta(minutes=minutes),
        until=now,
    )
    detectors = load_detectors(settings.knowledge.detector_folders, cache_folder=settings.cache_path)
    cluster = open_cluster(target)
    await cluster.reader.version()  # a cluster that lets nobody in is an error here: there is nothing to diagnose
    return await look(cluster, focus, open_collectors(), detectors, clock)
