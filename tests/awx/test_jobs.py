# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each job template runs as AWX runs it, on real nodes by SSH."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.nat_layout import MASQUERADE

from tests.cluster.cluster import GATEWAY, Cluster, host, inventory
from tests.scope import WHOLE

from . import jobs
from .playing import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEMPLATES = {
    template["name"].removeprefix("podnet "): template
    for template in yaml.safe_load((ROOT / "docs/awx/controller.yml").read_text())[
        "controller_templates"
    ]
}

#: As AWX sends them: of a multiplechoice and a textarea a text, of an integer a number.
ANSWERS: dict[str, Any] = {
    "podnet_network_type": "native_routing",
    "podnet_datapath": "ebpf",
    "podnet_masquerade": "true",
    "podnet_forget_nodes": "10.111.0.98\n10.111.0.99\n",
    "podnet_flows": "true",
    "podnet_cluster_size": 2,
    "podnet_confirm_timeout": 300,
}
#: What ``make test-awx`` alone runs as jobs.
BY_ITSELF = {"health", "why", "underlay", "connectivity"}
WHY = {"why_source": "web-1", "why_destination": "web-2", "why_protocol": "tcp", "why_port": 80}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, installed: Path) -> Iterator[Cluster]:
    wanted = inventory(2)
    wanted["all"]["hosts"][jobs.HOST] = host(("subnet", "10.111.0.5/24"), via=GATEWAY)
    made = Cluster(wanted, tmp_path_factory.mktemp("cluster"))
    try:
        made.up()
        project = jobs.project(tmp_path_factory.mktemp("project"))
        jobs.prepare(made, installed, project, tmp_path_factory.mktemp("keys"))
        yield made
    finally:
        made.down()


def test_each_template_runs_as_awx_runs_it(cluster):
    """In the order of a network's life, with what a job hands on given to those after it."""
    hosts = list(cluster.nodes)
    handed_on: dict[str, Any] = {}
    ran = set()

    def run(name: str, answers: dict[str, Any] | None = None, **how: Any) -> jobs.Job:
        template = TEMPLATES[name]
        asked = {one["variable"] for one in template.get("survey_spec", {}).get("spec", [])}
        assert set(answers or {}) <= asked or template["ask_variables_on_launch"]
        ran.add(name)
        given = {**handed_on, **(answers or {})}
        job = jobs.run(cluster, template, **{"hosts": hosts, **how}, answers=given)
        handed_on.update(job.artifacts)
        assert job.cached < 4096, "the fact cache grows with the network"
        return job

    def done(name: str, answers: dict[str, Any] | None = None, **how: Any) -> jobs.Job:
        job = run(name, answers, **how)
        assert job.status == "successful", job.output
        return job

    # A slice of a job has hosts of its own alone.
    part = ["node-2"]
    sliced = run("site", ANSWERS, hosts=part)
    assert sliced.status == "failed"
    assert "podnet_cluster_size" in sliced.output, sliced.output
    assert links(cluster) == {}

    assert done("check of site", ANSWERS).changed > 0
    assert links(cluster) == {}
    site = done("site", ANSWERS)
    assert site.changed > 0
    assert set(links(cluster)) == set(hosts)
    done("status", {"podnet_query": "length(@)"})
    if WHOLE:  # What they run is tested by its playbooks; what they are given, in test_controller.
        assert done("check of site", ANSWERS, limit="node-1").changed == 0
        done("health", {"podnet_health_timeout": 5})
        assert "web-2" in done("why", WHY).output
        assert done("underlay").changed == 0
        assert done("connectivity", {"podnet_scenarios": "pods"}).changed == 0
    # A slice finds that its nodes know others, whatever it was told.
    sliced = run("site", {**ANSWERS, "podnet_cluster_size": 1}, hosts=part)
    assert sliced.status == "failed"
    assert "podnet_forget_nodes" in sliced.output

    # What goes back is told nothing: what the project has counts, which masquerades nobody.
    assert masquerades(cluster)
    assert done("back").changed > 0
    assert not masquerades(cluster)
    done("health after back")
    assert done("teardown").changed > 0
    assert links(cluster) == {}
    assert ran == set(TEMPLATES) - (set() if WHOLE else BY_ITSELF)


def links(cluster: Cluster) -> dict[str, list[str]]:
    """Return by node the devices there that are ours; nothing where there are none."""
    found = {}
    for node in cluster.nodes:
        names = [one["ifname"] for one in cluster.json(node, "ip", "-j", "link")]
        ours = [name for name in names if name.startswith("pn_")]
        if ours:
            found[node] = ours
    return found


def masquerades(cluster: Cluster) -> bool:
    """Say whether a node has something in its map of devices that masquerade."""
    command = ["bpftool", "-j", "map", "dump", "pinned", MASQUERADE.pin]
    done = cluster.try_exec("node-1", *command)
    return done.returncode == 0 and bool(json.loads(done.stdout))
