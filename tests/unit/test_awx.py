# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The table of AWX's templates: its surveys fit the roles and the plan, its files each other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.podnet.fabric.plugins.module_utils.awx import surveys, table
from ansible_collections.podnet.fabric.plugins.module_utils.awx.files import LISTS, VARIABLES
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan.inventory import (
    CLUSTER_VARIABLES,
    NODE_VARIABLES,
)
from ansible_collections.podnet.fabric.plugins.module_utils.plan.values import Invalid
from ansible_collections.podnet.fabric.plugins.plugin_utils.role_options import documented

ROOT = Path(__file__).parent.parent.parent
PROJECT = ROOT / "docs/awx"
OPTIONS = documented()
FIELDS = {**CLUSTER_VARIABLES, **NODE_VARIABLES}
SURVEYS = {one.name: surveys.survey(one, OPTIONS) for one in table.TEMPLATES if one.questions}
QUESTIONS = {
    question["variable"]: question for survey in SURVEYS.values() for question in survey["spec"]
}


def answers(question: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Return answers that AWX lets pass, and such that the plan refuses; lists as they are."""
    kind = question["type"]
    if kind == "multiplechoice":
        return question["choices"].splitlines(), ["another word"]
    if kind == "integer":
        least, most = question["min"], question["max"]
        return [least, most, str(least)], [least - 1, most + 1, "many"]
    return [["10.111.0.9", "10.111.0.0/24"]], [["no address"]]


PLANNED = sorted(set(QUESTIONS) & set(FIELDS))


@pytest.mark.parametrize("name", PLANNED)
def test_the_plan_takes_each_answer_that_awx_lets_pass_and_no_other(name):
    good, bad = answers(QUESTIONS[name])
    for answer in good:
        FIELDS[name].value(answer)
    for answer in bad:
        with pytest.raises(Invalid):
            FIELDS[name].value(answer)


def test_the_plan_is_asked_for_every_kind_of_answer():
    assert {QUESTIONS[name]["type"] for name in PLANNED} == {
        *("multiplechoice", "integer", "textarea"),
    }


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_a_question_says_what_the_role_says(name):
    question, option = QUESTIONS[name], OPTIONS[name]
    assert question["required"] == option.get("required", False)
    said = option["description"]
    words = " ".join([said] if isinstance(said, str) else said).split()
    plain = [word for word in words if "(" not in word]
    asked = question["question_description"].split()
    assert [word for word in plain if word not in asked] == []
    assert not re.search(r"\b[A-Z]\(", question["question_description"])


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_no_answer_leaves_the_variable_to_the_inventory(name):
    """AWX sends a default that it lets pass: an empty one must not be one of these."""
    question = QUESTIONS[name]
    if not name.startswith("podnet_"):
        return
    assert question["default"] == ""
    assert question["type"] in ("integer", "multiplechoice") or question["min"] == 1


@pytest.mark.parametrize(
    ("option", "question", "expected"),
    [
        ({"type": "str"}, {}, ("text", 1, 1024, "")),
        ({"type": "int"}, {}, ("integer", None, None, "")),
        ({"type": "float"}, {}, ("float", None, None, "")),
        ({"type": "bool"}, {}, ("multiplechoice", None, None, "true\nfalse")),
        ({"type": "list"}, {}, ("textarea", 1, 16384, "")),
        ({"type": "str", "choices": ["a", "b"]}, {}, ("multiplechoice", None, None, "a\nb")),
        ({"type": "raw"}, {"type": "int", "limits": (1, 9)}, ("integer", 1, 9, "")),
        ({"type": "raw"}, {"choices": ("x",)}, ("multiplechoice", None, None, "x")),
    ],
)
def test_a_type_becomes_a_kind_of_question(option, question, expected):
    options = {"x_y": {"description": "It.", "default": 5, "required": True, **option}}
    asked = table.Question("x_y", "What", **question)
    survey = surveys.survey(table.Template("t", "t", "", (asked,)), options)
    (made,) = survey["spec"]
    assert (made["type"], made["min"], made["max"], made["choices"]) == expected
    assert (made["required"], made["default"], made["question_description"]) == (True, 5, "It.")


def test_a_variable_that_no_role_has_is_refused():
    asked = table.Template("t", "t", "", (table.Question("podnet_none", "What"),))
    with pytest.raises(Failure, match="podnet_none is in no argument spec of a role"):
        surveys.survey(asked, OPTIONS)


def test_each_way_of_the_workflow_leads_to_a_node_and_each_node_is_reached():
    nodes = {node.identifier: node for node in table.NODES}
    assert len(nodes) == len(table.NODES)
    names = {template.name for template in table.TEMPLATES}
    assert {node.template for node in table.NODES} - {""} <= names
    reached = [table.NODES[0].identifier]
    for one in reached:
        reached += (*nodes[one].success, *nodes[one].failure)
        assert len(reached) < 50, "the workflow leads in a circle"
    assert set(reached) == set(nodes)


def test_what_goes_back_takes_no_answer_of_the_change():
    fixed = {one.name for one in table.TEMPLATES if one.fixed}
    todo = [way for node in table.NODES for way in node.failure]
    assert todo
    for identifier in todo:
        (node,) = (one for one in table.NODES if one.identifier == identifier)
        assert node.template in fixed
        todo += [*node.success]


def flat(asset: dict[str, Any]) -> dict[str, Any]:
    """Return an item of an export as infra.aap_configuration has it."""

    def named(value: Any) -> Any:
        return value["name"] if isinstance(value, dict) and "type" in value else value

    related = asset.get("related", {})
    item = {word: named(value) for word, value in asset.items()}
    del item["natural_key"]
    item.pop("related", None)
    owner = asset["natural_key"].get("organization") or asset.get("organization")
    item["organization"] = owner["name"]
    if "credentials" in related:
        item["credentials"] = [named(one) for one in related["credentials"]]
    if "survey_spec" in related:
        item["survey_spec"] = related["survey_spec"]
    if "workflow_nodes" in related:
        item["simplified_workflow_nodes"] = [flat_node(node) for node in related["workflow_nodes"]]
    return item


def flat_node(node: dict[str, Any]) -> dict[str, Any]:
    related = node["related"]
    item = {
        "identifier": node["identifier"],
        **{
            way: [other["identifier"] for other in related.get(way, [])]
            for way in ("success_nodes", "failure_nodes")
        },
    }
    if "create_approval_template" in related:
        return {**item, "approval_node": related["create_approval_template"]}
    template = node["unified_job_template"]
    return {
        **item,
        "unified_job_template": template["name"],
        "lookup_organization": template["organization"]["name"],
    }


def test_both_files_say_the_same():
    variables = yaml.safe_load((PROJECT / "controller.yml").read_text())
    assets = json.loads((PROJECT / "assets.json").read_text())
    assert set(variables) == set(VARIABLES.values())
    assert set(assets) == set(LISTS.values())
    for kind, name in VARIABLES.items():
        assert variables[name] == [flat(asset) for asset in assets[LISTS[kind]]]
        assert variables[name]
