# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The plan is in no variable, fact, fact cache or event."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import pytest

from .cluster import Cluster, inventory, node

if TYPE_CHECKING:
    from .cluster import Run

NODES = ("node-1", "node-2")
LIMIT = ("--limit", ",".join(NODES))

#: Nodes that are peers by their variables alone: no such machine has to be there.
ABSENT = {
    f"absent-{number}": node(
        100 + number,
        podnet_pod_cidr=f"10.111.{168 + number // 2}.{128 * (number % 2)}/25",
        podnet_observed={"pod_cidr": None, "peers": {}, "endpoints": {}, "device": None},
    )
    for number in range(10)
}

#: What nothing may say that grows with the cluster: something of every peer.
PEER_CIDR = "10.111.168.128/25"

WRITES = "Write down all variables"
DUMP = """
- import_playbook: podnet.fabric.site
- hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Write down all variables
      ansible.builtin.copy:
        content: "{{ hostvars[inventory_hostname] | dict2items
          | selectattr('key', 'match', 'podnet_|ansible_facts') | items2dict | to_json }}"
        dest: "{{ dump }}/{{ inventory_hostname }}.json"
        mode: "0600"
      delegate_to: localhost
      vars:
        ansible_connection: local
"""


class Told(NamedTuple):
    """A first run, and a rerun with a cache of facts that writes down all variables at its end."""

    cluster: Cluster
    first: Run
    again: Run


@pytest.fixture(scope="module")
def told(make_module_cluster) -> Told:
    cluster: Cluster = make_module_cluster(inventory(2))
    cluster.nodes.update(ABSENT)
    first = cluster.play("site", *LIMIT).ok()
    cache, dump = cluster.folder / "facts", cluster.folder / "dump"
    dump.mkdir()
    playbook = cluster.folder / "dump.yml"
    playbook.write_text(DUMP)
    again = cluster.play(
        str(playbook),
        *(*LIMIT, "--extra-vars", f"dump={dump}"),
        ANSIBLE_CACHE_PLUGIN="jsonfile",
        ANSIBLE_CACHE_PLUGIN_CONNECTION=str(cache),
    ).ok()
    return Told(cluster, first, again)


def said(run: Run, host: str) -> dict[str, str]:
    """By task, all that a run told of a host, less what is told once a run, and the test's own."""
    return {
        event.task: json.dumps(event.result)
        for event in run.events
        if event.host == host and not event.task.endswith(("Plan the network", WRITES))
    }


def test_no_event_of_a_node_holds_its_peers(told):
    for name in NODES:
        assert PEER_CIDR in told.cluster.exec(name, "ip", "route")
    by_task = said(told.again, "node-2")
    assert [task for task, text in by_task.items() if PEER_CIDR in text] == []
    assert sum(map(len, by_task.values())) < 20_000


def test_a_first_run_says_what_it_changed_and_not_the_plan(told):
    by_task = said(told.first, "node-2")
    lines = str(told.first.changed["node-2"])
    assert f"create route {PEER_CIDR}" in lines
    naming = sum(text.count(PEER_CIDR) for text in by_task.values())
    assert naming == 2 * lines.count(PEER_CIDR)  # a line of the task, and of its step


def test_no_fact_cache_and_no_variable_holds_the_plan(told):
    cache, dump = told.cluster.folder / "facts", told.cluster.folder / "dump"
    cached = {path.name: path.read_text() for path in cache.iterdir()} if cache.exists() else {}
    assert [name for name, text in cached.items() if "podnet" in text] == []
    for name in NODES:
        text = (dump / f"{name}.json").read_text()
        held = json.loads(text)
        assert held["podnet_node"]["name"] == name
        assert PEER_CIDR not in text.replace(json.dumps(held.get("podnet_secondary_ranges")), "")
        assert len(text) < 10_000
