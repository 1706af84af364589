"""The way of services from the controller: manifests read, planned, sent, and remembered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import tasks
from node_support import bare_node, plan
from running import ROOT, run

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = """\
apiVersion: v1
kind: Service
metadata: {name: svc}
spec:
  type: LoadBalancer
  ports:
    - {name: svc-webport, port: 80}
    - {port: 53, protocol: UDP}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: svc-1
  labels: {kubernetes.io/service-name: svc}
addressType: IPv4
ports: [{name: svc-webport, port: 8080}]
endpoints:
  - {addresses: [10.111.160.9]}
  - {addresses: [10.111.160.130]}
"""
VARIABLES: dict[str, Any] = {
    "podnet_node_ip": "10.111.0.8",
    "podnet_vpc_cidr": "10.111.0.0/16",
    "podnet_subnets": [{"cidr": "10.111.0.0/24"}],
    "podnet_secondary_ranges": [{"cidr": "10.111.160.0/20"}],
    "podnet_forget_nodes": ["10.111.0.9"],  # of the plan that the node's maps were made of
    "podnet_service_cidr": "10.10.0.0/16",
    "podnet_load_balancer_cidrs": ["203.0.113.0/28"],
    "ansible_connection": "local",
    "ansible_python_interpreter": sys.executable,
    "ansible_remote_tmp": "/tmp/podnet-services",
}
PLANNED = [
    {"podnet.fabric.node_info": {"node_ip": "{{ podnet_node_ip }}"}, "register": "podnet_observed"},
    {"podnet.fabric.plan": {}, "register": "planned"},
    {
        "podnet.fabric.services": {"path": "{{ planned.path }}", "purge": True},
        "register": "filled",
    },
]
SAY = {
    "ansible.builtin.copy": {
        "content": "{{ {'planned': planned | default(none), 'filled': filled,"
        " 'observed': podnet_observed | default(none)} }}",
        "dest": "{{ playbook_dir }}/said.json",
        "mode": "0600",
    }
}


@pytest.fixture(scope="module", autouse=True)
def _node():
    with bare_node():
        run("bpf_map", maps=tasks.build(plan())["maps"])
        yield


@pytest.fixture(autouse=True)
def _empty():
    yield
    run("services", services=[], purge=True)


def play(folder: Path, tasks: list[dict[str, Any]], **variables: Any) -> Any:
    """Run tasks on the one node; return what was registered, or what Ansible said of a failure."""
    hosts = {"node-a": {**VARIABLES, **variables}}
    (folder / "inventory").mkdir(exist_ok=True)
    inventory = json.dumps({"podnet_nodes": {"hosts": hosts}})
    (folder / "inventory/hosts.json").write_text(inventory)
    whole = [{"hosts": "podnet_nodes", "gather_facts": False, "tasks": [*tasks, SAY]}]
    (folder / "play.json").write_text(json.dumps(whole))
    done = subprocess.run(
        [sys.executable, "-m", "ansible.cli.playbook", "-i", "inventory/hosts.json", "play.json"],
        cwd=folder,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build/collections"),
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_VERBOSITY": "3",  # results say then with what a module was called
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return done.stdout
    return {**json.loads((folder / "said.json").read_text()), "stdout": done.stdout}


@pytest.mark.parametrize("where", [".", "files", "inventory"])
def test_a_manifest_beside_the_playbook_or_the_inventory_reaches_the_node(tmp_path, where):
    (tmp_path / where).mkdir(exist_ok=True)
    (tmp_path / where / "svc.yml").write_text(MANIFEST)
    said = play(tmp_path, PLANNED, podnet_service_manifests=["svc.yml"])
    assert said["filled"]["changed"] is True
    assert '"purge": true' in said["stdout"]
    assert "_services" not in said["stdout"]
    assert len([line for line in said["filled"]["changes"] if "default/svc:" in line]) == 6
    assert said["planned"]["cluster"]["services"] == 1
    assert said["planned"]["cluster"]["warnings"] == [
        "svc.yml: Service default/svc has no backends for 53/UDP."
    ]


def test_what_was_chosen_is_observed_and_stays(tmp_path):
    (tmp_path / "svc.yml").write_text(MANIFEST)
    given = {"podnet_service_manifests": ["svc.yml"]}
    first = play(tmp_path, PLANNED, **given)
    assert "services" not in first["observed"]
    again = play(tmp_path, PLANNED, **given)
    assert again["filled"]["changed"] is False
    held = again["observed"]["services"]
    assert list(held["cluster_ips"]) == list(held["load_balancer_ips"]) == ["default/svc"]
    assert held["node_ports"].keys() == {"default/svc:svc-webport/TCP", "default/svc:53/UDP"}
    # Another service would get its places by its name: it has to give way.
    moved = MANIFEST.replace("name: svc}", "name: svc2}") + "---\n" + MANIFEST
    (tmp_path / "svc.yml").write_text(moved)
    third = play(tmp_path, PLANNED, **given)
    assert not [line for line in third["filled"]["changes"] if "default/svc:" in line]
    assert play(tmp_path, PLANNED, **given)["observed"]["services"]["cluster_ips"].keys() == {
        "default/svc",
        "default/svc2",
    }


def test_items_are_templated(tmp_path):
    item = {
        "name": "web",
        "ports": [{"port": "{{ 40 + 2 }}"}],
        "backends": [{"ip": "10.111.160.9"}],
    }
    said = play(tmp_path, PLANNED, podnet_services=[item])
    assert [line for line in said["filled"]["changes"] if "default/web:42/TCP" in line]


def test_a_file_without_a_plan(tmp_path):
    fixed = MANIFEST.replace("type: LoadBalancer", "clusterIP: 10.10.252.131")
    (tmp_path / "svc.yml").write_text(fixed)
    tasks = [{"podnet.fabric.services": {"src": "svc.yml"}, "register": "filled"}]
    said = play(tmp_path, tasks)
    assert said["filled"]["warnings"] == [
        "svc.yml: Service default/svc has no backends for 53/UDP."
    ]
    assert len(said["filled"]["changes"]) == 2
    tasks[0]["podnet.fabric.services"]["src"] = [fixed]
    assert play(tmp_path, tasks)["filled"]["changed"] is False


def test_a_list_in_the_task(tmp_path):
    service = {
        "name": "default/svc",
        "cluster_ip": "10.10.252.131",
        "ports": [{"port": 80, "backends": [{"ip": "10.111.160.9", "port": 80}]}],
    }
    tasks = [{"podnet.fabric.services": {"services": [service]}, "register": "filled"}]
    assert play(tmp_path, tasks)["filled"]["changed"] is True


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"src": "gone.yml"}, "src is 'gone.yml', which is not found"),
        ({}, "Of path, src and services none of them is given; valid is exactly one."),
        (
            {"src": "a", "services": []},
            "Of path, src and services src and services is given; valid is exactly one.",
        ),
        ({"path": "/nowhere"}, "path is '/nowhere', which holds no plan for node-a"),
        ({"src": "bad.yml"}, "src (bad.yml): line 2, column 3: mapping values are not allowed"),
        ({"src": "one.yml"}, "one.yml default/web has no cluster IP; valid is an IPv4 address, or"),
    ],
)
def test_what_the_action_refuses(tmp_path, arguments, sentence):
    (tmp_path / "bad.yml").write_text("a: b\n c: d\n")
    (tmp_path / "one.yml").write_text("[{name: web, ports: [{port: 80}]}]")
    said = play(tmp_path, [{"podnet.fabric.services": arguments, "register": "filled"}])
    assert sentence in said


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        ("gone.yml", "podnet_service_manifests[0] is 'gone.yml', which is not found"),
        ("kind: Service\nspec: [\n", "podnet_service_manifests[0]: line 3, column 1: did not find"),
    ],
)
def test_what_the_plan_cannot_read(tmp_path, manifest, sentence):
    assert sentence in play(tmp_path, PLANNED, podnet_service_manifests=[manifest])
