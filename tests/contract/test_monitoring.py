"""Alerts and dashboard ask for metrics that exist, and each alert leads to what to do."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from steps.service import metrics
from tests.conftest import ROOT

MONITORING = ROOT / "examples" / "monitoring"
RULES = sorted(MONITORING.glob("prometheusrule*.yaml"))
DASHBOARD = json.loads((MONITORING / "grafana-dashboard.json").read_text())
OF_THE_CLUSTER = {
    "kube_cronjob_created",
    "kube_cronjob_next_schedule_time",
    "kube_cronjob_spec_suspend",
    "kube_cronjob_status_last_successful_time",
    "kube_job_failed",
    "kube_job_status_active",
    "kube_job_status_failed",
    "kube_job_status_start_time",
    "kubelet_volume_stats_available_bytes",
    "kubelet_volume_stats_capacity_bytes",
}
"""Of kube-state-metrics (docs/metrics/workload/cronjob-metrics.md, job-metrics.md) and of the kubelet."""
NOT_SHOWN = {"oc_mirror_ready", "oc_mirror_running", "oc_mirror_run_moved_timestamp_seconds"}
"""Metrics that ring and are in no panel: that of the images of a run shows whether it goes on."""
RUNBOOK = "https://github.com/auto-shift/oc-mirror-pipeline/blob/main/docs/"
DURATION = re.compile(r"\d+(s|m|h|d|w)")


def alerts() -> list[Any]:
    """Every alert, named."""
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["spec"]["groups"]]
    return [pytest.param(rule, id=rule["alert"]) for group in groups for rule in group["rules"]]


def known() -> set[str]:
    """The metrics of the service."""
    return {name.partition("{")[0] for name, _kind, _text in metrics.described()}


def asked_for(expression: str) -> set[str]:
    """The metrics in an expression of PromQL."""
    return set(re.findall(r"\b(?:oc_mirror|kube|kubelet)_\w+", expression))


def check_brackets(expression: str) -> None:
    """Fail for brackets or quotation marks that are not closed."""
    bare = re.sub(r'"[^"]*"', "", expression)
    assert '"' not in bare, expression
    while (shorter := re.sub(r"\([^()\[\]{}]*\)|\[[^()\[\]{}]*\]|\{[^()\[\]{}]*\}", "", bare)) != bare:
        bare = shorter
    assert not set(bare) & set("()[]{}"), expression


def anchors(page: str) -> set[str]:
    """The anchors that GitHub and the site give the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", (ROOT / "docs" / page).read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("rule", alerts())
def test_an_alert_is_whole_and_asks_for_metrics_that_exist(rule: dict[str, Any]) -> None:
    assert rule.keys() == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"OcMirror[A-Za-z]+", rule["alert"])
    assert DURATION.fullmatch(rule["for"])
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    found = asked_for(rule["expr"])
    assert found
    assert found <= known() | OF_THE_CLUSTER
    check_brackets(rule["expr"])


@pytest.mark.parametrize("rule", alerts())
def test_an_alert_leads_to_a_heading_that_is_there(rule: dict[str, Any]) -> None:
    url = rule["annotations"]["runbook_url"]
    assert url.startswith(RUNBOOK)
    page, _, anchor = url.removeprefix(RUNBOOK).partition("#")
    assert anchor in anchors(page)


def test_one_question_about_the_fleet_rings_nothing() -> None:
    """Its answer is too old to count before the alert has lasted. No next step, no alert."""
    [rule] = [one.values[0] for one in alerts() if "oc_mirror_cluster_ready" in one.values[0]["expr"]]
    age = re.search(r"oc_mirror_fleet_timestamp_seconds.* < (\d+) \* 86400", rule["expr"])
    lasting = re.fullmatch(r"(\d+)d", rule["for"])
    assert age
    assert lasting
    assert int(lasting[1]) > int(age[1]) > 7, "and a question a week does count"
    assert 'oc_mirror_cluster_ready{release!=""}' in rule["expr"]
    assert "release" in metrics.LABELS_OF_CLUSTER


def test_no_alert_stands_twice_and_both_ways_of_deploying_have_the_same_kinds() -> None:
    names = [rule.id for rule in alerts()]
    assert len(names) == len(set(names))
    led = [
        {
            rule["annotations"]["runbook_url"].partition("#")[2]
            for rule in yaml.safe_load(path.read_text())["spec"]["groups"][0]["rules"]
        }
        for path in RULES
    ]
    common = {
        "a-run-failed", "runs-fail-in-a-row", "no-success-for-long", "no-success-yet",
        "a-run-did-not-begin", "a-run-hangs", "the-volume-fills",
    }  # fmt: skip
    assert all(found >= common for found in led)


def targets() -> list[dict[str, Any]]:
    """The queries of the dashboard."""
    return [target for panel in DASHBOARD["panels"] for target in panel["targets"]]


def test_the_dashboard_asks_for_metrics_of_the_service() -> None:
    for target in targets():
        found = asked_for(target["expr"])
        assert found
        assert found <= known()
        check_brackets(target["expr"])
        assert '{namespace=~"$namespace"}' in target["expr"]


def test_the_dashboard_tells_what_the_alerts_of_the_service_tell() -> None:
    """Who looks at an alert looks at the dashboard next: each metric that rings is in a panel."""
    rules = yaml.safe_load((MONITORING / "prometheusrule.yaml").read_text())["spec"]["groups"][0]["rules"]
    ringing = {one for rule in rules for one in asked_for(rule["expr"])} & known()
    shown = {one for target in targets() for one in asked_for(target["expr"])}
    assert {"oc_mirror_cluster_ready", "oc_mirror_target_lost_images"} <= ringing
    assert ringing - shown <= NOT_SHOWN


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    """By Grafana's schema of dashboards: what its import needs, and panels that do not overlap."""
    assert DASHBOARD.keys() >= {"uid", "title", "schemaVersion", "panels", "templating", "time"}
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["datasource", "namespace"]
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        assert panel["type"] in {"stat", "gauge", "timeseries"}
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert [target["refId"] for target in panel["targets"]] == ["A", "B"][: len(panel["targets"])]
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        own = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not own & cells, panel["title"]
        cells |= own
