"""Settings come from the environment over a file over defaults, and a mistake is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.health import described_settings
from api.settings import Settings
from knowledge.errors import MalformedSettings
from knowledge.vocabulary import Mode


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OPSDESK_CONFIG", "OPSDESK_TOKEN", "OPSDESK_URL", "OPSDESK_LEDGER_URL", "OPSDESK_WEB__PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPSDESK_HOME", str(tmp_path))


def write(home: Path, text: str) -> None:
    (home / "opsdesk.yaml").write_text(text, encoding="utf-8")


def test_defaults_are_safe(tmp_path: Path) -> None:
    settings = Settings.load()
    assert settings.web.host == "127.0.0.1"
    assert settings.model == ""
    assert settings.ledger == f"sqlite:///{tmp_path}/ledger.db"


def test_a_cluster_proposes_until_someone_trusts_it(tmp_path: Path) -> None:
    write(tmp_path, "clusters:\n  - name: lab\n    kubeconfig: /k\n")
    (cluster,) = Settings.load().clusters
    assert cluster.mode is Mode.PROPOSE
    assert cluster.executor_kubeconfig is None


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "web:\n  port: 9000\n  host: 0.0.0.0\n")
    monkeypatch.setenv("OPSDESK_WEB__PORT", "9100")
    web = Settings.load().web
    assert (web.port, web.host) == (9100, "0.0.0.0")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("web:\n  prot: 1\n", "web.prot"),
        ("web:\n  port: many\n", "web.port"),
        ("clusters:\n  - name: A B\n", "clusters.0.name"),
        ("clusters:\n  - name: lab\n  - name: lab\n", "name given twice: lab"),
        ("model: gpt\n", "no profile named 'gpt'"),
        ("- 1\n", "holds no mapping"),
        ("web: [\n", "cannot read"),
        ("token: changeme\n", "default secret"),
    ],
    ids=[
        "unknown-key",
        "wrong-type",
        "bad-name",
        "doubled",
        "unknown-model",
        "no-mapping",
        "broken-yaml",
        "weak-token",
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, says: str) -> None:
    write(tmp_path, text)
    with pytest.raises(MalformedSettings, match=says) as caught:
        Settings.load()
    assert caught.value.source.endswith("opsdesk.yaml")


def test_a_config_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPSDESK_CONFIG", str(tmp_path / "none.yaml"))
    with pytest.raises(MalformedSettings, match=r"none\.yaml"):
        Settings.load()


def test_every_setting_says_what_it_means_and_what_it_is_by_default() -> None:
    described = list(described_settings(Settings))
    assert [one.name for one in described if not one.meaning] == []
    to_be_given = {one.name for one in described if not one.default}
    assert {"clusters[].name", "oidc[].issuer"} <= to_be_given
    assert [name for name in to_be_given if "[]." not in name] == []  # a desk starts with no settings at all
    assert {"web.host", "desk.soak_seconds", "clusters[].prometheus_url", "models[].api_key"} <= {
        one.name for one in described
    }


def test_secrets_are_masked_when_the_settings_in_force_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPSDESK_TOKEN", "a-token-of-someone")
    monkeypatch.setenv("OPSDESK_LEDGER_URL", "postgresql://ops:hush-hush@db/opsdesk")
    write(tmp_path, "clusters:\n  - name: lab\n    prometheus_token: very-secret\nweb:\n  port: 9000\n")
    now = {one.name: one.value for one in described_settings(Settings, now=Settings.load())}
    assert now["token"] == "******"
    assert now["ledger_url"] == "postgresql://ops:******@db/opsdesk"
    assert now["web.port"] == "9000"
    assert now["clusters"] == "[lab]"
    assert now["web.host"] == ""
    assert not any(secret in str(now) for secret in ("a-token-of-someone", "hush-hush", "very-secret"))
