"""Plug-ins are found by being there, and a broken one says what it lacks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from knowledge.errors import BadInput
from tools.contracts import AlertSource, Collector
from tools.discovery import load_values


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "found_plugins"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "shared.py").write_text("LIMIT = 3")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.startswith("found_plugins")]:
        monkeypatch.delitem(sys.modules, name)
    return folder


def write(folder: Path, stem: str, id: str, *, has_parse: bool = True) -> None:
    parse = "    def parse(self, payload, *, default_cluster): return []\n" if has_parse else ""
    (folder / f"{stem}.py").write_text(f"class Source:\n    id = {id!r}\n{parse}\n\nSOURCE = Source()\n")


def test_values_are_found_by_id_when_their_files_are_there(package: Path) -> None:
    write(package, "zabbix", "zabbix")
    write(package, "nagios", "nagios")
    assert list(load_values("found_plugins", AlertSource)) == ["nagios", "zabbix"]
    assert list(load_values("found_plugins", "SOURCE")) == ["nagios", "zabbix"]


def test_error_names_the_member_when_a_plug_in_lacks_one(package: Path) -> None:
    write(package, "zabbix", "zabbix", has_parse=False)
    with pytest.raises(BadInput, match=r"found_plugins\.zabbix\.SOURCE lacks parse"):
        load_values("found_plugins", AlertSource)


def test_error_names_both_when_id_and_file_differ(package: Path) -> None:
    write(package, "zabbix", "nagios")
    with pytest.raises(BadInput, match="its id is 'nagios', its file is 'zabbix'"):
        load_values("found_plugins", AlertSource)


def test_built_in_collectors_fill_their_contract_when_loaded() -> None:
    found = load_values("tools.collectors", Collector)
    assert {"pods", "workloads", "events", "logs", "nodes", "services", "volumes", "configuration", "quotas",
            "autoscalers", "metrics"} <= set(found)  # fmt: skip
    assert all(set(collector.needs) <= set(found) for collector in found.values())
