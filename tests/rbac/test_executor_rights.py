"""The executor looks at its own rights: what is too much refuses in a pod, and elsewhere has to be accepted and is shown."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from api.hands import Hands, only_fit, with_site
from api.rights import fitness_of
from api.settings import ClusterSettings
from knowledge.errors import ClusterUnreachable
from knowledge.vocabulary import Mode, Ruling
from tests.fakes.memory_cluster import MemoryCluster, StillClock, deployment
from tools.adapters.kubernetes_credentials import is_legacy_token
from tools.ports import Identity, ResourceKind
from tools.rbac.excess import excess_of
from tools.rbac.manifests import Privileges
from tools.review import make_plan, review_plan
from tools.safety.offline import load_policy

POLICY = load_policy()
NOW = StillClock().now()
NARROW = ({"verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments"]},)
BROAD = (*NARROW, {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})
ACCOUNT = Identity("system:serviceaccount:opsdesk:opsdesk-executor")
Rules = Sequence[Mapping[str, Sequence[str]]]


class Held(MemoryCluster):
    """A cluster whose executor holds these rules. None: it does not answer."""

    def __init__(self, rules: Rules | None, identity: Identity = ACCOUNT, granted: tuple[str, str] = ("", "")) -> None:
        super().__init__(deployment())
        self._rules, self._identity, self._granted = rules, identity, granted

    async def rights(self, namespace: str) -> Rules:
        if self._rules is None:
            raise ClusterUnreachable("away")
        return self._rules if namespace == "shop" else ()

    async def identity(self) -> Identity:
        return self._identity

    async def may(
        self, verb: str, kind: ResourceKind, namespace: str = "", name: str = "", subresource: str = ""
    ) -> bool:
        asked = (verb, kind.plural + (f"/{subresource}" if subresource else ""))
        return asked == self._granted or await super().may(verb, kind, namespace, name, subresource)

    async def list(self, kind: ResourceKind, *args: Any, **options: Any) -> Any:
        listing = await super().list(kind, *args, **options)
        if kind.plural == "namespaces":
            listing.items = [{"metadata": {"name": "shop"}}]
        return listing


def lab(**settings: Any) -> ClusterSettings:
    return ClusterSettings(name="lab", mode=Mode.EXECUTE, **settings)


@pytest.mark.parametrize(
    ("rules", "accepts", "is_fit"),
    [(NARROW, False, True), (BROAD, False, False), (BROAD, True, True), (None, False, True)],
    ids=["narrow", "broad", "broad-accepted", "away"],
)
async def test_only_fitting_identities_execute(rules: Rules | None, accepts: bool, is_fit: bool) -> None:
    cluster = Held(rules)
    hands = {"lab": Hands(lab(accept_broad_rights=accepts), cluster, cluster)}
    assert list(await only_fit(hands, POLICY, NOW)) == (["lab"] if is_fit else [])


async def test_acceptance_is_not_heeded_when_the_executor_runs_in_a_pod() -> None:
    cluster = Held(BROAD, Identity(ACCOUNT.user, is_pods_own=True))
    fitness = await fitness_of(lab(accept_broad_rights=True), cluster, cluster, POLICY)
    assert "* *" in fitness.because
    assert fitness.next_step == "opsdesk rbac print --cluster lab | kubectl apply -f -"


async def test_executor_refuses_when_one_forbidden_right_is_given_by_whatever_authorizer() -> None:
    cluster = Held(NARROW, granted=("create", "pods/exec"))
    fitness = await fitness_of(lab(), cluster, cluster, POLICY)
    assert fitness.excess == ("create pods/exec",)
    assert "create pods/exec" in fitness.because


async def test_executor_refuses_when_its_token_never_ends_in_a_pod() -> None:
    cluster = Held(NARROW, Identity(ACCOUNT.user, is_legacy=True, is_pods_own=True))
    fitness = await fitness_of(lab(), cluster, cluster, POLICY)
    assert "long-lived token" in fitness.because


async def test_rights_are_asked_again_when_the_server_did_not_answer() -> None:
    cluster = Held(None)
    hands = Hands(lab(), cluster, cluster)
    assert not (await hands.fit(POLICY, NOW)).is_known
    cluster._rules = BROAD
    assert (await hands.fit(POLICY, NOW)).because


async def test_review_shows_rights_that_were_accepted_although_too_many() -> None:
    cluster = Held(BROAD)
    hands = Hands(lab(accept_broad_rights=True), cluster, cluster)
    await hands.fit(POLICY, NOW)
    review = with_site(await _review(cluster), hands)
    assert any("may do more than the enabled actions need" in warning.en for warning in review.warnings)
    assert any("已接受" in warning.zh for warning in review.warnings)


async def test_review_forbids_when_the_action_is_not_enabled_here() -> None:
    cluster = Held(NARROW)
    hands = Hands(lab(actions=("scale",)), cluster, cluster)
    review = with_site(await _review(cluster), hands)
    assert review.ruling is Ruling.FORBIDDEN
    assert [v.message.en for v in review.verdicts if v.rule == "enabled_actions"] == [
        "prod has not enabled the action rollout_restart: it is not in the setting `actions` of the cluster"
    ]


async def _review(cluster: MemoryCluster) -> Any:
    plan = make_plan(
        "kubectl rollout restart deployment/web -n shop", incident_id="i", cluster="prod", written_by="d", now=NOW
    )
    return await review_plan(plan, reader=cluster, writer=cluster, policy=POLICY, clock=StillClock())


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ({"verbs": ["delete"], "apiGroups": [""], "resources": ["namespaces"]}, ("delete namespaces",)),
        ({"verbs": ["get", "list"], "apiGroups": [""], "resources": ["secrets"]}, ("get secrets", "list secrets")),
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["pods/exec"]}, ("get pods/exec",)),
        ({"verbs": ["list"], "apiGroups": ["*"], "resources": ["*"]}, ("list *",)),
        ({"verbs": ["patch"], "apiGroups": ["apps"], "resources": ["*"]}, ("patch *.apps",)),
        ({"verbs": ["impersonate"], "apiGroups": [""], "resources": ["users"]}, ("impersonate users",)),
        ({"verbs": ["get", "watch"], "apiGroups": ["example.com"], "resources": ["widgets"]}, ()),
        ({"verbs": ["create"], "apiGroups": ["authorization.k8s.io"], "resources": ["selfsubjectaccessreviews"]}, ()),
        ({"verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments", "deployments/scale"]}, ()),
    ],
)
def test_excess_names_what_the_enabled_actions_do_not_need(rule: Any, found: tuple[str, ...]) -> None:
    assert excess_of([rule], Privileges(POLICY).allowed) == found


def test_excess_names_a_right_when_its_action_is_not_enabled() -> None:
    needed = Privileges(POLICY, actions=("rollout_restart",)).allowed
    assert excess_of([{"verbs": ["delete"], "apiGroups": [""], "resources": ["pods"]}], needed) == ("delete pods",)


def bearer(**claims: Any) -> str:
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "x"}, claims)
    ]
    return f"Bearer {parts[0]}.{parts[1]}.sig"


@pytest.mark.parametrize(
    ("header", "is_legacy"),
    [
        (bearer(sub=ACCOUNT.user, exp=4_000_000_000, aud=["api"]), False),
        (bearer(sub=ACCOUNT.user, iss="kubernetes/serviceaccount"), True),
        (
            bearer(
                sub=ACCOUNT.user, exp=4_000_000_000, aud=["api"], **{"kubernetes.io/serviceaccount/secret.name": "t"}
            ),
            True,
        ),
        (bearer(sub="alice", iss="https://login.example.com"), False),
        ("Bearer opaque", False),
        ("Bearer a.!!.c", False),
        ("", False),
    ],
    ids=["projected", "no end", "names its Secret", "a person's", "opaque", "broken", "none"],
)
def test_token_is_told_from_its_claims(header: str, is_legacy: bool) -> None:
    assert is_legacy_token(header) is is_legacy
