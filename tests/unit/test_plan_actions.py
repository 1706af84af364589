"""The two actions, through ansible-playbook: variables in, slices out, nothing left behind."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import plan
from planning import CLUSTER, NODES, fresh, inventory

from tests.cluster import warm

ROOT = Path(__file__).parent.parent.parent

PLAY = {
    "name": "Plan and take the slices",
    "hosts": "podnet_nodes",
    "gather_facts": False,
    "tasks": [
        {
            "name": "Observe",
            "ansible.builtin.set_fact": {"podnet_observed": "{{ seen[inventory_hostname] }}"},
            "when": "inventory_hostname in seen",
        },
        {
            "name": "Plan",
            "podnet.fabric.plan": {},
            "run_once": True,
            "register": "podnet_plan",
        },
        {
            "name": "Take",
            "podnet.fabric.node_plan": {"path": "{{ podnet_plan.path }}"},
            "register": "podnet_node",
            "ignore_errors": True,
        },
        {
            "name": "Say",
            "ansible.builtin.debug": {"msg": "{{ {'node': slice or none, 'plan': podnet_plan} }}"},
            "vars": {
                "slice": "{{ lookup('podnet.fabric.node_plan', podnet_plan.path) "
                "if podnet_node is succeeded else none }}"
            },
        },
    ],
}

POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: {}}}
spec: {{containers: [{{name: a}}]}}
"""

#: The device that a node was observed to have, and what its slice says of it then.
DEVICE = {"name": "eth0", "ifindex": 2, "mtu": 1450, "ethernet": True}
EGRESS = {**DEVICE, "ip": "10.111.0.8"}
OF_DEVICE = {"device": "eth0", "device_ifindex": 2, "device_mtu": 1450, "mtu": 1450}
OF_DEVICE |= {"balances": False, "holds_policies": False, "planned_before": False}


class Run:
    """A run of the play in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        variables: dict[str, Any],
        seen: Any,
        *options: str,
        play: dict[str, Any] | None = None,
    ) -> None:
        hosts = {name: {"podnet_node_ip": ip} for name, ip in NODES.items()}
        of_devices = {"device": DEVICE, "underlay": DEVICE, "vtep_device": "eth0", "foreign": []}
        of_devices["egress_devices"] = [EGRESS]
        seen = {name: of_devices | what for name, what in seen.items()}
        shared = {
            **variables,
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "seen": seen,
        }
        folder.mkdir(exist_ok=True)
        (folder / "inventory.json").write_text(
            json.dumps({"podnet_nodes": {"hosts": hosts, "vars": shared}})
        )
        (folder / "play.json").write_text(json.dumps([play or PLAY]))
        self.tmp, journal = folder / "tmp", folder / "journal"
        files = (str(folder / "inventory.json"), str(folder / "play.json"))
        self.status, self.output = warm.run(
            [str(Path(sys.executable).parent / "ansible-playbook"), "-i", *files, *options],
            {
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections"),
                "ANSIBLE_LOCAL_TEMP": str(self.tmp),
                "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",  # a message stays on one line
                "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests/cluster/callback_plugins"),
                "ANSIBLE_CALLBACKS_ENABLED": "journal",
                "JOURNAL_PATH": str(journal),
                "ANSIBLE_NOCOLOR": "1",
            },
            folder,
        )
        lines = journal.read_text().splitlines() if journal.exists() else []
        events = [json.loads(line) for line in lines]
        self.said = {
            event["host"]: event["result"]["msg"] for event in events if event["task"] == "Say"
        }


@pytest.mark.parametrize("options", [[], ["--check"]], ids=["run", "check"])
def test_every_host_gets_its_slice_and_nothing_stays_on_disk(tmp_path, options):
    templated = {
        **CLUSTER,
        "podnet_node_cidr_mask_size": "{{ wanted_mask }}",
        "wanted_mask": 25,
        "podnet_max_pods": "",
    }
    run = Run(tmp_path, templated, fresh(NODES), *options)
    assert run.status == 0, run.output
    wanted = plan(inventory(), fresh(NODES))
    assert {name: said["node"] for name, said in run.said.items()} == {
        name: wanted.node(name) | OF_DEVICE for name in NODES
    }
    for said in run.said.values():
        assert said["plan"]["cluster"] == wanted.cluster
        assert said["plan"]["changed"] is False
        assert not Path(said["plan"]["path"]).exists()
    assert list(run.tmp.iterdir()) == []


def test_a_host_that_was_not_observed_gets_no_slice(tmp_path):
    first, second, third = NODES
    held = plan(inventory(), fresh(NODES)).node(first)
    seen = {
        first: {
            "pod_cidr": held["pod_cidr"],
            "peers": {peer["pod_cidr"]: peer["node_ip"] for peer in held["peers"]},
            "endpoints": {each["name"]: each["ip"] for each in held["endpoints"]},
            "changed": False,
        }
    }
    run = Run(tmp_path, CLUSTER, seen, "--limit", f"{first},{second}")
    found = {"planned_before": True, "fresh_cluster": False}
    assert run.said[first]["node"] == held | OF_DEVICE | found
    assert run.said[second]["node"] is None
    assert f"{second} was not observed in this run" in run.output
    assert run.said[first]["plan"]["warnings"] == [
        "13 pods pending (nginx-app-2, nginx-app-3, nginx-app-5 and 10 more): presumed on one of "
        f"{second}, {third}, which did not answer or were not asked."
    ]


def test_what_the_devices_of_a_host_do_not_allow_is_said_before_it_has_a_slice(tmp_path):
    first, second, _third = NODES
    seen = fresh(NODES)
    seen[second]["underlay"] = None
    variables = {"podnet_network_type": "overlay", "podnet_vxlan_device": "eth9"}
    run = Run(tmp_path, {**CLUSTER, **variables}, seen)
    assert run.said[first]["node"]["vxlan"]["mtu"] == run.said[first]["node"]["mtu"] == 1400
    assert run.said[second]["node"] is None
    assert f"podnet_vxlan_device of {second}: there is no eth9" in run.output


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (
            {"podnet_node_cidr_mask_size": 19},
            "podnet_node_cidr_mask_size of node group default is 19, outside the secondary range "
            "default 10.111.160.0/20; valid is 20 to 28.",
        ),
        ({"podnet_vpc_cidr": "{{ absent }}"}, "podnet_vpc_cidr of node-e6e4d cannot be templated"),
    ],
)
def test_a_bad_variable_fails_the_run_before_any_slice(tmp_path, variables, sentence):
    run = Run(tmp_path, {**CLUSTER, **variables}, fresh(NODES))
    assert run.status != 0
    assert sentence in run.output
    assert run.said == {}


AGENT = "nonMasqueradeCIDRs: [10.0.0.0/8, fd00::/8]\nmasqLinkLocal: true\nresyncInterval: 60s\n"
MASQUERADED = {"name": "eth0", "ifindex": 2, "ip": "10.111.0.8"}


#: As it is shipped: with what runs the agent, and its configuration as a text.
SHIPPED = f"""\
apiVersion: v1
kind: ServiceAccount
metadata: {{name: ip-masq-agent, namespace: kube-system}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: ip-masq-agent, namespace: kube-system}}
data:
  config: |-
{textwrap.indent(AGENT, "    ")}    cidrLimit: 64
"""


@pytest.mark.parametrize(
    "given",
    [
        *("files/agent", "files/shipped.yaml", AGENT, SHIPPED),
        list(yaml.safe_load_all(SHIPPED))[1],
    ],
    ids=["file", "manifest", "text", "ConfigMap as text", "ConfigMap"],
)
def test_a_configuration_of_the_agent_is_read_where_ansible_runs(tmp_path, given):
    (tmp_path / "files").mkdir()
    (tmp_path / "files/agent").write_text(AGENT)
    (tmp_path / "files/shipped.yaml").write_text(SHIPPED)
    if isinstance(given, str):
        given = given.removeprefix("files/")
    variables = {"podnet_masquerade": True, "podnet_ip_masq_agent": given}
    run = Run(tmp_path, {**CLUSTER, **variables}, fresh(NODES))
    assert run.status == 0, run.output
    for said in run.said.values():
        assert said["node"]["masquerade"] == {
            "nodes": False,
            "devices": [MASQUERADED],
            "prefixes": [
                {"cidr": "10.0.0.0/8", "why": "listed"},
                {"cidr": "10.111.0.0/16", "why": "native"},
                {"cidr": "10.111.160.0/20", "why": "pods"},
            ],
        }
        assert said["plan"]["cluster"]["masquerade"]["devices"] == ["eth0"]
        (warning,) = said["plan"]["warnings"]
        assert warning.startswith("podnet_ip_masq_agent has prefixes of IPv6 (fd00::/8), ")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("absent.yml", "podnet_ip_masq_agent is 'absent.yml', which is not found; valid is "),
        ("/proc/self/mem", "podnet_ip_masq_agent is '/proc/self/mem', which cannot be read: "),
        ("bad.yml", "podnet_ip_masq_agent (bad.yml): line 1, column 22: "),
        ("{masqLinkLocal: [}", "podnet_ip_masq_agent: line 1, column 18: "),
        (
            "{kind: Service, metadata: {name: a}}",
            "podnet_ip_masq_agent has Service a; valid is one ConfigMap, that of ip-masq-agent.",
        ),
        (
            "- {kind: ConfigMap, metadata: {name: a}}\n- {kind: ConfigMap, metadata: {name: b}}\n",
            "podnet_ip_masq_agent has ConfigMap a, ConfigMap b; valid is one ConfigMap, ",
        ),
        (
            {"kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"conf": "x"}},
            "podnet_ip_masq_agent has the ConfigMap a, where data.config is None; valid is a text ",
        ),
        (
            {"kind": "ConfigMap", "data": {"config": "{x: 1, y: [}"}},
            "podnet_ip_masq_agent: data.config: line 1, column 12: ",
        ),
        (
            {"kind": "ConfigMap", "data": {"config": "masqLinklocal: true"}},
            "podnet_ip_masq_agent (data.config) has a key that is 'masqLinklocal'; valid is ",
        ),
    ],
)
def test_a_configuration_of_the_agent_that_is_none(tmp_path, given, sentence):
    (tmp_path / "bad.yml").write_text("nonMasqueradeCIDRs: [}\n")
    run = Run(tmp_path, {**CLUSTER, "podnet_ip_masq_agent": given}, fresh(NODES))
    assert run.status != 0
    assert sentence in run.output
    assert run.said == {}


def test_a_misspelt_variable_stops_the_run_and_one_of_a_user_is_said(tmp_path):
    run = Run(tmp_path / "own", {**CLUSTER, "podnet_own_of_a_user": 1}, fresh(NODES))
    assert run.status == 0, run.output
    assert run.said["node-e6e4d"]["plan"]["warnings"] == [
        "podnet_own_of_a_user is no variable of podnet.fabric, and without effect on it."
    ]
    misspelt = "podnet_{} of all nodes is no variable of podnet.fabric; valid is podnet_{}."
    variables = {**CLUSTER, "podnet_masquarade": True}
    extra = '{"podnet_node_sysctl": {}}'
    run = Run(tmp_path / "misspelt", variables, fresh(NODES), "-e", extra)
    assert run.status != 0
    assert misspelt.format("masquarade", "masquerade") in run.output
    assert misspelt.format("node_sysctl", "node_sysctls") in run.output
    assert run.said == {}


#: Where Ansible lets people put variables, from the weakest to the strongest.
PLACES = {
    "roles/mine/defaults/main.yml": {"podnet_masquerade_nodes": True},
    "roles/mine/vars/main.yml": {"podnet_network_type": "overlay"},
    "roles/mine/tasks/main.yml": [
        {
            "name": "Plan in a block",
            "vars": {"podnet_mtu": "{{ wanted_mtu[inventory_hostname] }}"},
            "block": [
                {
                    "name": "Plan in an included role",
                    "ansible.builtin.include_role": {"name": "plans"},
                    "vars": {"podnet_vxlan_vni": 7},
                }
            ],
        }
    ],
    "roles/plans/tasks/main.yml": PLAY["tasks"],
    "settings.yml": {"podnet_masquerade": True},
}


def test_variables_count_wherever_ansible_lets_people_put_them(tmp_path):
    for name, content in PLACES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    play = {
        **{key: PLAY[key] for key in ("name", "hosts", "gather_facts")},
        "vars": {"podnet_max_pods": 11, "podnet_vxlan_port": 1},
        "vars_files": ["settings.yml"],
        "roles": [{"role": "mine", "vars": {"podnet_datapath": "bridge"}}],
    }
    mtus = dict(zip(NODES, (1300, 1310, 1320)))
    variables = {**CLUSTER, "wanted_mtu": mtus, "podnet_max_pods": 12}
    first = next(iter(NODES))
    options = ("--limit", first, "-e", "podnet_vxlan_port=4789")
    seen = {
        first: fresh(NODES)[first]
        | {
            "peers": {
                f"10.111.161.{128 * i}/25": ip for i, ip in enumerate(list(NODES.values())[1:])
            }
        }
    }
    run = Run(tmp_path, variables, seen, *options, play=play)
    assert run.status == 0, run.output
    (said,) = run.said.values()
    node, cluster = said["node"], said["plan"]["cluster"]
    assert (node["datapath"], node["network_type"]) == ("bridge", "overlay")
    assert (node["vxlan"]["vni"], node["vxlan"]["port"]) == (7, 4789)
    assert node["masquerade"]["nodes"] is True
    assert node["mtu"] == 1300
    # Those of nodes that the run leaves out, too.
    assert {each["usable_pods"] for each in cluster["nodes"]} == {11}


@pytest.mark.parametrize(
    ("late", "options", "refused"),
    [
        ({"podnet_mtu": 1400}, (), "podnet_mtu of node-e6e4d is 1400 for the role converges, "),
        ({"podnet_mtu": 1300, "podnet_device": ""}, (), ""),
        ({"podnet_mtu": 1400}, ("-e", "podnet_mtu=1350"), ""),
    ],
    ids=["other", "same", "extra"],
)
def test_a_value_that_a_later_role_alone_has_is_refused(tmp_path, late, options, refused):
    converge = {"podnet.fabric.converge": {"path": "{{ podnet_plan.path }}", "part": "services"}}
    # Without services it has nothing to do, and asks no host.
    roles = {
        "plans": [*PLAY["tasks"], {**PLAY["tasks"][0], "when": False}],
        "converges": [{"name": "Converge", **converge, "check_mode": True}],
    }
    for name, tasks in roles.items():
        path = tmp_path / "roles" / name / "tasks"
        path.mkdir(parents=True)
        (path / "main.yml").write_text(json.dumps(tasks))
    play = {
        **{key: PLAY[key] for key in ("name", "hosts", "gather_facts")},
        "vars": {"podnet_device": ""},
        "roles": [
            {"role": "plans", "vars": {"podnet_mtu": 1300}},
            {"role": "converges", "vars": late},
        ],
    }
    run = Run(tmp_path, CLUSTER, fresh(NODES), *options, play=play)
    assert (run.status != 0) == bool(refused), run.output
    assert refused in run.output
    assert ("was 1300 when the network was planned; valid is" in run.output) == bool(refused)


def test_answers_of_a_survey_are_texts(tmp_path):
    (tmp_path / "pods.yaml").write_text(POD.format("one"))
    answers = {
        "podnet_subnets": json.dumps(CLUSTER["podnet_subnets"]),
        "podnet_secondary_ranges": yaml.safe_dump(CLUSTER["podnet_secondary_ranges"]),
        "podnet_node_cidr_mask_size": " 26\n",
        "podnet_non_masquerade_cidrs": "10.0.0.0/8, 10.200.0.0/16\n192.168.0.0/16",
        "podnet_masquerade": "Yes ",
        "podnet_masquerade_devices": "eth0,",
        "podnet_manifests": "pods.yaml",
        "podnet_service_manifests": "",
        "podnet_forget_nodes": " ",
        "podnet_deployments": "",
        "podnet_native_routing_cidr": "\n",
    }
    run = Run(tmp_path, CLUSTER, fresh(NODES), "-e", json.dumps(answers))
    assert run.status == 0, run.output
    first = next(iter(NODES))
    node = run.said[first]["node"]
    assert "one" in {each["name"] for each in node["endpoints"]}
    assert {each["cidr"] for each in node["masquerade"]["prefixes"] if each["why"] == "listed"} == {
        *("10.0.0.0/8", "10.200.0.0/16", "192.168.0.0/16")
    }
    assert node["pod_cidr"] == "10.111.160.0/26"
    answers = {"podnet_manifests": POD.format("two"), "podnet_deployments": ""}
    run = Run(tmp_path / "texts", CLUSTER, fresh(NODES), "-e", json.dumps(answers))
    assert "two" in {each["name"] for each in run.said[first]["node"]["endpoints"]}


def test_a_manifest_that_is_not_there_is_one_sentence(tmp_path):
    run = Run(tmp_path, {**CLUSTER, "podnet_service_manifests": ["gone.yml"]}, fresh(NODES))
    assert run.status != 0
    said = run.output
    assert (
        "podnet_service_manifests[0] is 'gone.yml', which is not found; valid is a file beside the "
        "playbook, in its files/, beside the inventory, or with its whole path."
    ) in said
    assert "Searched in" not in said
