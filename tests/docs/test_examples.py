# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every example of the plugins' documentation runs as written, from nothing."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.cluster.cluster import BIN, GATEWAY, host, inventory, node
from tests.cluster.conftest import labs

from .examples import (
    AGAIN,
    examples,
    is_plays,
    is_tasks,
    makes_something,
    module_of,
    tasks_of,
    write_plays,
    write_tasks,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.cluster import Cluster, Event

EXAMPLES = examples()
#: A connection, on the demo; an inventory, below; an AWX of the tests' own, in tests/awx.
ELSEWHERE = ["connection-netns", "filter-nth-address", "modules-awx"]
TASKS = {name: one for name, one in EXAMPLES.items() if is_tasks(one) and name not in ELSEWHERE}
PLAYS = {name: one for name, one in EXAMPLES.items() if is_plays(one)}

#: What the plays are run over: the inventory of the README with services and a policy.
CLUSTER: dict[str, Any] = {
    "podnet_deployments": [{"name": "web", "replicas": 4, "labels": {"app": "web"}}],
    "podnet_service_cidr": "10.10.0.0/16",
    "podnet_services": [{"name": "web", "selector": {"app": "web"}, "ports": [{"port": 80}]}],
    "podnet_network_policies": [
        {
            "name": "web",
            "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [{}]},
        }
    ],
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A node, and a host for the examples of each plugin, which has eth0 and nothing else."""
    hosts = inventory({"node-1": node(8)}, **CLUSTER)
    for number, name in enumerate(TASKS):
        address = f"10.111.0.{number + 20}"
        hosts["all"]["hosts"][name] = host(
            ("subnet", f"{address}/24"), via=GATEWAY, ansible_host=address
        )
    with labs(tmp_path_factory) as make:
        yield make(hosts)


def assert_done(example: list[dict[str, Any]], events: list[Event]) -> None:
    """Fail unless each task ran, and what makes something did so once."""
    assert [(e.task, e.result.get("msg")) for e in events if e.status == "failed"] == []
    came_to = {event.task: event for event in events}
    for task in tasks_of(example):
        name = task["name"]
        if makes_something(task):
            first, again = came_to[name], came_to[f"{name}{AGAIN}"]
            assert first.status == "changed" or "lacks" in first.result, name
            assert again.status in ("ok", "skipped"), name
        elif module_of(task) != "ansible.builtin.include_role":
            assert came_to[name].status in ("ok", "skipped"), name


@pytest.fixture(scope="module")
def after_tasks(lab: Cluster) -> list[Event]:
    return lab.play(str(write_tasks(lab.folder, TASKS)), "--forks", "3").events


@pytest.fixture(scope="module")
def after_plays(lab: Cluster) -> list[Event]:
    # What removes the network comes last.
    order = sorted(PLAYS, key=lambda name: (name == "modules-teardown", name))
    return lab.play(str(write_plays(lab.folder, [PLAYS[name] for name in order]))).events


@pytest.mark.parametrize("name", TASKS)
def test_tasks_run_as_written_on_a_bare_host_and_change_nothing_again(after_tasks, name):
    assert_done(TASKS[name], [event for event in after_tasks if event.host == name])


@pytest.mark.parametrize("name", PLAYS)
def test_plays_run_as_written_over_a_cluster_and_change_nothing_again(after_plays, name):
    names = {task["name"] for task in tasks_of(PLAYS[name])}
    wanted = names | {f"{each}{AGAIN}" for each in names}
    assert_done(PLAYS[name], [event for event in after_plays if event.task in wanted])


def test_an_inventory_gives_each_node_its_address(tmp_path):
    file = tmp_path / "inventory.yml"
    file.write_text(yaml.safe_dump(EXAMPLES["filter-nth-address"]))
    command = ["-i", str(file), "node-50", "-m", "debug", "-a", "var=podnet_node_ip"]
    done = subprocess.run(
        [BIN / "ansible", *command], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert '"podnet_node_ip": "10.111.0.60"' in done.stdout


def test_every_example_is_run_here_or_elsewhere():
    assert sorted(set(EXAMPLES) - {*TASKS, *PLAYS}) == ELSEWHERE
