"""The JSON files of deploy/monitoring have the fields that Grafana and CloudWatch read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.support.monitoring import FILES, labels_of, read_json

# All fields of the files: neither program is here to refuse others.
GRAFANA = """
uid title tags[] schemaVersion version editable timezone refresh time.from time.to
templating.list[].name templating.list[].label templating.list[].type templating.list[].query
templating.list[].datasource.type templating.list[].datasource.uid templating.list[].refresh
templating.list[].multi templating.list[].includeAll templating.list[].allValue
panels[].id panels[].title panels[].description panels[].type
panels[].datasource.type panels[].datasource.uid
panels[].gridPos.x panels[].gridPos.y panels[].gridPos.w panels[].gridPos.h
panels[].fieldConfig.defaults.unit panels[].fieldConfig.defaults.min
panels[].options.legend.displayMode panels[].options.legend.placement panels[].options.tooltip.mode
panels[].options.reduceOptions.calcs[]
panels[].targets[].refId panels[].targets[].expr panels[].targets[].legendFormat
panels[].targets[].datasource.type panels[].targets[].datasource.uid
"""
CLOUDWATCH = """
prometheus_config_path log_group_name emf_processor.metric_namespace
emf_processor.metric_declaration[].source_labels[]
emf_processor.metric_declaration[].label_matcher
emf_processor.metric_declaration[].dimensions[][]
emf_processor.metric_declaration[].metric_selectors[]
"""
UNDER = "logs.metrics_collected.prometheus."
PANEL = {"id", "title", "description", "type", "datasource", "gridPos", "fieldConfig"}


def fields(value: Any, path: str = "") -> Iterator[str]:
    """The path of each value in it; all elements of a list have one path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from fields(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            yield from fields(inner, f"{path}[]")
    else:
        yield path


def check_dashboard(dashboard: Any) -> None:
    """Fails if a field, a place or a variable is wrong."""
    assert set(fields(dashboard)) == set(GRAFANA.split())
    ids, places = set(), set()
    for panel in dashboard["panels"]:
        assert panel.keys() == {*PANEL, "options", "targets"}, panel["title"]
        assert panel["type"] in ("timeseries", "stat")
        ids.add(panel["id"])
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        places |= {(x, at["y"]) for x in range(at["x"], at["x"] + at["w"])}
        for target in panel["targets"]:
            assert target.keys() == {"refId", "datasource", "expr", "legendFormat"}
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert shown <= labels_after(target["expr"]), target
    assert len(ids) == len(dashboard["panels"])
    assert len(places) == sum(panel["gridPos"]["w"] for panel in dashboard["panels"])
    variables = {each["name"] for each in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$(\w+)", json.dumps(dashboard["panels"]))) - {"__rate_interval"}
    assert used == variables


def labels_after(expression: str) -> set[str]:
    """The labels of the result of an expression."""
    grouped = re.findall(r"by \(([^)]*)\)", expression)
    if grouped:
        return set(", ".join(grouped).split(", "))
    return labels_of(re.findall(r"\w+", expression)[0])


def check_agent(agent: Any) -> None:
    """Fails if a field, a job or a label is wrong."""
    assert set(fields(agent)) == {UNDER + each for each in CLOUDWATCH.split()}
    jobs = yaml.safe_load((FILES / "prometheus.yml").read_text())["scrape_configs"]
    processor = agent["logs"]["metrics_collected"]["prometheus"]["emf_processor"]
    for declared in processor["metric_declaration"]:
        assert declared["source_labels"] == ["job"]
        assert re.fullmatch(declared["label_matcher"], jobs[0]["job_name"])
        for name in declared["metric_selectors"]:
            for dimensions in declared["dimensions"]:
                assert set(dimensions) <= labels_of(name.strip("^$")), name


@pytest.mark.parametrize("name", ["dashboard.json", "cluster-dashboard.json"])
def test_the_dashboards_have_the_fields_of_grafana(name: str) -> None:
    check_dashboard(read_json(name))


def test_the_configuration_of_the_agent_has_the_fields_of_cloudwatch() -> None:
    check_agent(read_json("cloudwatch-agent.json"))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"expr"', '"query"'),
        ('"legendFormat": "{{reason}}"', '"legendFormat": "{{cause}}"'),
        ('"type": "stat"', '"type": "singlestat"'),
        ('"x": 12', '"x": 11'),
        ('"name": "job"', '"name": "jobs"'),
        ('"refresh": "30s"', '"refreshed": "30s"'),
    ],
)
def test_a_mistake_in_the_dashboard_is_found(right: str, wrong: str) -> None:
    text = (FILES / "dashboard.json").read_text(encoding="utf-8")
    assert right in text
    with pytest.raises(AssertionError):
        check_dashboard(json.loads(text.replace(right, wrong)))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"metric_selectors"', '"metric_selector"'),
        ('"^ocr-server$"', '"^ocr$"'),
        ('"instance", "state"', '"instance", "status"'),
        ('"log_group_name"', '"log_group"'),
    ],
)
def test_a_mistake_in_the_configuration_of_the_agent_is_found(right: str, wrong: str) -> None:
    text = (FILES / "cloudwatch-agent.json").read_text(encoding="utf-8")
    assert right in text
    with pytest.raises(AssertionError):
        check_agent(json.loads(text.replace(right, wrong)))
