"""The dashboard, the alerts and the page of metrics are about metrics that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.test_metrics import some_metrics

DOCS = Path(__file__).parent.parent / "docs"
_NAME = re.compile(r"antiphon_[a-z_]+")
_GROUPED = re.compile(r"by \(([a-z_, ]+)\)")
_MATCHED = re.compile(r"[{,]\s*([a-z]+)\s*=")
_BUCKET = re.compile(r"(antiphon_[a-z_]+)_bucket\{le=\"([0-9.]+)\"")
_OTHERS_LABELS = {"instance"}
"""What Prometheus adds."""


def families() -> dict[str, tuple[set[str], list[float]]]:
    """Each family of the registry as Prometheus names it: its labels, and its buckets."""
    collectors: list[Any] = list(some_metrics()._registry._collector_to_names)
    return {
        one._name + ("_total" if one._type == "counter" else ""): (
            set(one._labelnames),
            list(getattr(one, "_upper_bounds", [])),
        )
        for one in collectors
    }


FAMILIES = families()


def labels_of(name: str) -> set[str] | None:
    """The labels of what a query names; None if it names nothing that is there."""
    base = re.sub(r"_(bucket|count|sum)$", "", name)
    if base != name and base in FAMILIES:
        return FAMILIES[base][0] | ({"le"} if name.endswith("_bucket") else set())
    return FAMILIES[name][0] if name in FAMILIES else None


def queries() -> Iterator[tuple[str, str]]:
    """Every query of the two files, by what it is for."""
    board = json.loads((DOCS / "deploy/grafana.json").read_text(encoding="utf-8"))
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    rules = yaml.safe_load((DOCS / "deploy/alerts.yaml").read_text(encoding="utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            yield rule.get("alert") or rule["record"], rule["expr"]


QUERIES = list(queries())


@pytest.mark.parametrize(("title", "query"), QUERIES, ids=[title for title, _ in QUERIES])
def test_a_query_asks_for_what_there_is(title: str, query: str) -> None:
    """For metrics, labels and buckets of those names."""
    names = _NAME.findall(query)
    assert names or "antiphon:" in query
    known = set(_OTHERS_LABELS)
    for name in names:
        labels = labels_of(name)
        assert labels is not None, name
        known |= labels
    grouped = {one.strip() for group in _GROUPED.findall(query) for one in group.split(",")}
    assert grouped | set(_MATCHED.findall(query)) <= known
    for name, bucket in _BUCKET.findall(query):
        assert float(bucket) in FAMILIES[name][1]
    assert query.count("(") == query.count(")")


def test_recorded_figures_that_alerts_use_are_recorded() -> None:
    text = (DOCS / "deploy/alerts.yaml").read_text(encoding="utf-8")
    used = set(re.findall(r"antiphon:[a-z_:0-9]+", text))
    assert used == {title for title, _ in QUERIES if title.startswith("antiphon:")}


def test_the_page_has_every_metric_and_every_alert() -> None:
    """Each with its labels; and none that is not there."""
    page = (DOCS / "observability.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(antiphon_[a-z_]+)` \|(.*?)\| \S.* \|$", page, re.MULTILINE)
    told = {name: set(re.findall(r"`([a-z]+)`", labels)) for name, labels in rows}
    assert told == {name: labels for name, (labels, _) in FAMILIES.items()}
    told_alerts = set(re.findall(r"`([A-Z][A-Za-z]+)`", page.partition("## Alerts")[2]))
    rules = yaml.safe_load((DOCS / "deploy/alerts.yaml").read_text(encoding="utf-8"))
    given = {rule.get("alert", "") for group in rules["groups"] for rule in group["rules"]}
    assert given - {""} <= told_alerts


def test_every_metric_is_somewhere_on_the_dashboard() -> None:
    """What is counted is looked at."""
    text = (DOCS / "deploy/grafana.json").read_text(encoding="utf-8")
    shown = {re.sub(r"_(bucket|count|sum)$", "", name) for name in _NAME.findall(text)}
    assert {name for name in FAMILIES if name not in shown} == set()
