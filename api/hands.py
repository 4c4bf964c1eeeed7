"""The executor's hands: one cluster's two identities in this process, and whether they are fit to execute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from agent.enabled import with_enabled
from api.bootstrap import open_reader, open_writer
from api.rights import Fitness, fitness_of
from api.settings import ClusterSettings, Settings
from knowledge.errors import OpsdeskError
from knowledge.vocabulary import Mode, Review, Text
from tools.ports import ClusterReader, ClusterWriter
from tools.safety.policy import Policy

CHECKED_FOR = timedelta(minutes=5)
"""Rights may be given to an identity while it works: they are looked at again before an execution after so long."""

log = structlog.get_logger("opsdesk.executor")


@dataclass
class Hands:
    """One cluster's identities in this process."""

    settings: ClusterSettings
    reader: ClusterReader
    writer: ClusterWriter
    lease: int | None = None
    fitness: Fitness | None = None
    checked_at: datetime | None = None

    async def fit(self, policy: Policy, now: datetime) -> Fitness:
        """What the rights amount to; asked again when that was long ago, or when the server did not answer."""
        is_fresh = self.checked_at is not None and now - self.checked_at < CHECKED_FOR
        if self.fitness is None or not self.fitness.is_known or not is_fresh:
            self.fitness = await fitness_of(self.settings, self.reader, self.writer, policy)
            self.checked_at = now
        return self.fitness


def with_site(review: Review, hands: Hands) -> Review:
    """The review with what this site has to say: an action that is not enabled here is forbidden, and rights that were
    accepted although they are too many are shown."""
    warning = _of_rights(hands.fitness)
    warnings = (*review.warnings, *((warning,) if warning is not None else ()))
    told = review.model_copy(update={"warnings": warnings, "rights_note": warning})
    return with_enabled(told, hands.settings.actions)


def _of_rights(fitness: Fitness | None) -> Text | None:
    """What an approver has to know of the executor's rights: accepted ones that are too many, or that it will refuse."""
    if fitness is None or fitness.warning is not None or not fitness.because:
        return fitness.warning if fitness is not None else None
    if not fitness.is_known:
        return Text(en="the executor's rights could not be looked at", zh="无法查看执行器的权限")
    return Text(
        en=f"the executor will refuse this: {fitness.because} ({fitness.next_step})",
        zh=f"执行器将拒绝执行：{fitness.because}（{fitness.next_step}）",
    )


def open_hands(settings: Settings) -> dict[str, Hands]:
    """Identities for the clusters whose mode is `execute`; a broken one is said and left out."""
    hands = {}
    for cluster in settings.clusters:
        if cluster.mode is not Mode.EXECUTE:
            continue
        try:
            hands[cluster.name] = Hands(cluster, open_reader(cluster), open_writer(cluster))
        except OpsdeskError as error:
            log.warning("cluster_left_out", cluster=cluster.name, reason=error.message, next_step=error.next_step)
    return hands


async def only_fit(hands: dict[str, Hands], policy: Policy, now: datetime) -> dict[str, Hands]:
    """Leaves out identities that may do more than they should. A cluster that is away now is asked again before anything is
    executed there."""
    kept = {}
    for name, one in hands.items():
        fitness = await one.fit(policy, now)
        if fitness.is_known and fitness.because:
            log.error("cluster_left_out", cluster=name, reason=fitness.because, next_step=fitness.next_step)
            continue
        kept[name] = one
    return kept
