# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""AWX sends an empty text for each answer of a survey that was left out; no fact is a variable."""

from __future__ import annotations

import json

import yaml

from .cluster import ROOT, inventory


def optional_variables() -> set[str]:
    """Every documented variable of the roles of the network, less those that must be there."""
    names = set()
    for path in ROOT.glob("roles/*/meta/argument_specs.yml"):
        specs = yaml.safe_load(path.read_text())["argument_specs"].values()
        names |= {name for spec in specs for name in spec["options"] if name.startswith("podnet_")}
    needed = {"podnet_vpc_cidr", "podnet_subnets", "podnet_secondary_ranges"}
    return names - needed


def test_empty_answers_count_as_not_set_and_facts_need_not_be_variables(make_cluster):
    cluster = make_cluster(inventory(2))
    empty = json.dumps(dict.fromkeys(sorted(optional_variables()), ""))
    for playbook in ("site", "status", "health", "teardown"):
        settings = {"ANSIBLE_INJECT_FACT_VARS": "False"}
        run = cluster.play(playbook, "--extra-vars", empty, **settings).ok()
        assert "DEPRECATION" not in run.output
        assert "INJECT_FACTS" not in run.output
