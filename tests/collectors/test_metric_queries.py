"""The questions to Prometheus: scoped where they speak of services, joined into families, balanced and complete."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from knowledge.vocabulary import Layer
from tests.shared_library import shared_library
from tools.collectors import model_quality_queries
from tools.collectors.metric_queries import QUERIES, rendered
from tools.collectors.metric_query import MetricQuery, family_query, with_companions
from tools.collectors.model_quality_queries import MODEL_QUALITY_QUERIES
from tools.detectors.format import MetricSignal

SCOPED = 'namespace=~"prod"'


def test_family_is_one_query_in_which_a_label_says_the_part() -> None:
    query = family_query("family", "sign", {"one": "a_metric", "two": "sum(b_metric)"})
    assert query.promql == (
        'label_replace(a_metric, "sign", "one", "", "") or label_replace(sum(b_metric), "sign", "two", "", "")'
    )
    assert not query.is_range


def test_scope_stands_before_a_query_s_own_matchers() -> None:
    query = MetricQuery("mine", 'up{scope;track="canary"} / up{scope}')
    assert rendered(query, SCOPED) == 'up{namespace=~"prod",track="canary"} / up{namespace=~"prod"}'
    assert rendered(query, "") == 'up{track="canary"} / up'


@pytest.mark.parametrize("query", MODEL_QUALITY_QUERIES, ids=lambda query: query.key)
def test_model_quality_is_asked_of_the_focus_s_namespaces_only(query: MetricQuery) -> None:
    text = rendered(query, SCOPED)
    selectors = re.findall(r"(?:opsdesk_mq_\w+|_bucket)(\{[^}]*\}|\[)", text) or re.findall(r"\{[^}]*\}", text)
    assert selectors
    assert all(SCOPED in selector for selector in selectors)


def test_keys_are_unique_and_brackets_close() -> None:
    keys = [query.key for query in QUERIES]
    assert len(keys) == len(set(keys))
    for query in QUERIES:
        text = re.sub(r'"[^"]*"', '""', rendered(query, SCOPED))
        for opening, closing in ("()", "{}", "[]"):
            assert text.count(opening) == text.count(closing), query.key
        assert "scope" not in text, query.key


def test_detectors_of_model_quality_ask_only_for_what_the_contract_names() -> None:
    asked = {query.key for query in QUERIES}
    contract = set(re.findall(r"\w+", model_quality_queries.__doc__ or ""))
    forms = [one.form for one in shared_library().by_id.values() if one.layer is Layer.MODEL_QUALITY]
    signals = [signal for form in forms for signal in form.signals.leaves() if isinstance(signal, MetricSignal)]
    assert signals
    for signal in signals:
        for key in signal.key:
            assert key in asked or key.removeprefix("opsdesk_mq_") in contract, key


def test_companion_asks_the_same_of_every_day_in_one_question() -> None:
    plain, companion = with_companions([MetricQuery("rate", "sum(rate(a{scope}[5m])) / sum(rate(b[5m]))", days=(1, 7))])
    assert plain.key == "rate"
    assert (companion.key, companion.parts, companion.is_range) == ("rate_usual", 2, False)
    assert "rate(a{scope}[30m] offset 1d)" in companion.promql
    assert "rate(b[30m] offset 7d)" in companion.promql
    assert companion.promql.count('"ago"') == 2
    assert "[5m]" not in companion.promql


def test_question_without_a_range_has_no_earlier_days() -> None:
    with pytest.raises(ValueError, match="no range"):
        list(with_companions([MetricQuery("gauge", "up", days=(1,))]))


def test_seasonal_signal_is_asked_of_earlier_days() -> None:
    asked = {query.key for query in QUERIES}
    signals = [signal for one in shared_library().by_id.values() for signal in one.form.signals.leaves()]
    seasonal = [one for one in signals if isinstance(one, MetricSignal) and one.take == "seasonal"]
    assert seasonal
    assert all(f"{key}_usual" in asked for one in seasonal for key in one.key)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize("matcher", [SCOPED, ""], ids=["scoped", "unscoped"])
def test_prometheus_can_parse_every_question(matcher: str, tmp_path: Path) -> None:
    rules = [{"name": query.key, "rules": [{"record": "a:b", "expr": rendered(query, matcher)}]} for query in QUERIES]
    file = tmp_path / "rules.yaml"
    file.write_text(json.dumps({"groups": rules}), encoding="utf-8")
    checked = subprocess.run(["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
