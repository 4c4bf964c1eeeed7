"""What the questions about objectives, earlier days and capacity give on series whose answers are known: Prometheus' own
rule tester evaluates them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tools.collectors.metric_queries import QUERIES, rendered

pytestmark = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
PROMQL = {query.key: rendered(query, 'namespace="shop"') for query in QUERIES}
WEB = 'namespace="shop",service="web",job="web"'
STEADY = [
    (f'http_requests_total{{{WEB},code="200"}}', "0+54x20160"),
    (f'http_requests_total{{{WEB},code="500"}}', "0+6x20160"),
    (f'http_request_duration_seconds_bucket{{{WEB},le="1"}}', "0+45x20160"),
    (f'http_request_duration_seconds_bucket{{{WEB},le="+Inf"}}', "0+60x20160"),
    (f"http_request_duration_seconds_count{{{WEB}}}", "0+60x20160"),
]
"""A fortnight: sixty requests a minute, a tenth of them errors, a quarter slow."""


def evaluate(
    tmp_path: Path, series: list[tuple[str, str]], promql: str, samples: list[dict[str, Any]], at: str
) -> None:
    (tmp_path / "none.yaml").write_text("groups: []")
    case = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series],
        "promql_expr_test": [{"expr": promql, "eval_time": at, "exp_samples": samples}],
    }
    file = tmp_path / "case.yaml"
    file.write_text(json.dumps({"rule_files": ["none.yaml"], "evaluation_interval": "1m", "tests": [case]}))
    told = subprocess.run(["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


def test_share_of_bad_requests_is_told_for_every_window_and_both_objectives(tmp_path: Path) -> None:
    samples = [
        {"labels": f'{{namespace="shop",service="web",slo="{slo}",window="{window}"}}', "value": share}
        for slo, share in (("errors", 0.1), ("latency", 0.25))
        for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
    ]
    rounded = f"round({PROMQL['slo_ratio']}, 0.001)"
    evaluate(tmp_path, STEADY, rounded, samples, "10d")


def test_earlier_days_are_told_apart_and_days_without_data_are_absent(tmp_path: Path) -> None:
    samples = [
        {"labels": f'{{namespace="shop",service="web",job="web",ago="{day}d"}}', "value": 1} for day in range(1, 8)
    ]
    evaluate(tmp_path, STEADY, f"round({PROMQL['http_request_rate_usual']}, 0.01)", samples, "10d")


def test_recorded_objectives_bear_the_service_s_name(tmp_path: Path) -> None:
    sloth = 'namespace="shop",sloth_service="web",sloth_slo="availability"'
    series = [(f"slo:objective:ratio{{{sloth}}}", "0.999x10"), (f"slo:sli_error:ratio_rate5m{{{sloth}}}", "0.02x10")]
    named = 'namespace="shop",service="web",slo="availability"'
    evaluate(tmp_path, series, PROMQL["slo_objective"], [{"labels": f"{{{named}}}", "value": 0.999}], "5m")
    samples = [{"labels": f'{{{named},window="5m"}}', "value": 0.02}]
    evaluate(tmp_path, series, PROMQL["slo_recorded"], samples, "5m")


def test_pools_and_servers_are_told_as_shares_of_their_limits(tmp_path: Path) -> None:
    labels = 'namespace="shop",pod="web-1",job="web"'
    series = [
        (f'hikaricp_connections_active{{{labels},pool="main"}}', "9x10"),
        (f'hikaricp_connections_max{{{labels},pool="main"}}', "10x10"),
        (f'pg_stat_activity_count{{{labels},instance="a",state="idle"}}', "30x10"),
        (f'pg_stat_activity_count{{{labels},instance="a",state="active"}}', "50x10"),
        (f'pg_settings_max_connections{{{labels},instance="a"}}', "100x10"),
        (f"redis_memory_used_bytes{{{labels}}}", "5x10"),
        (f"redis_memory_max_bytes{{{labels}}}", "0x10"),
    ]
    samples = [
        {"labels": f'{{{labels},pool="main",of="hikari"}}', "value": 0.9},
        {"labels": f'{{{labels},of="postgres_connections"}}', "value": 0.8},
    ]
    evaluate(tmp_path, series, PROMQL["capacity"], samples, "5m")


def test_days_of_a_certificate_are_counted_from_now(tmp_path: Path) -> None:
    ends = 'certmanager_certificate_expiration_timestamp_seconds{namespace="shop",name="shop-tls"}'
    samples = [{"labels": '{namespace="shop",certificate="shop-tls",of="cert_manager"}', "value": 3}]
    evaluate(tmp_path, [(ends, "259500x10")], PROMQL["certificate_days_left"], samples, "5m")
