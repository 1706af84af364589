# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Names of variables, and texts that stand for lists, as the plan takes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.podnet.fabric.plugins.filter import listed
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan import inventory, spelling
from ansible_collections.podnet.fabric.plugins.module_utils.plan.values import truth
from ansible_collections.podnet.fabric.plugins.plugin_utils import known_names, survey

ROOT = Path(__file__).parent.parent.parent


def strange(*names: str, nodes: tuple[str, ...] = ("a", "b")) -> spelling.Strange:
    return spelling.strange(dict.fromkeys(nodes, names), known_names.options(), known_names.made())


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("podnet_masquarade", "podnet_masquerade"),
        ("podnet_datapth", "podnet_datapath"),
        ("podnet_mut", "podnet_mtu"),
        ("podnet_vcp_cidr", "podnet_vpc_cidr"),
        ("podnet_subnet", "podnet_subnets"),
        ("podnet_secondary_range", "podnet_secondary_ranges"),
        ("podnet_node_sysctl", "podnet_node_sysctls"),
        ("podnet_health_prot", "podnet_health_port"),
        ("podnet_compilers", "podnet_compiler"),
        ("podnet_reportfile", "podnet_report_file"),
        ("podnet_nodegroup", "podnet_node_group"),
        ("PODNET_MTU", "podnet_mtu"),
        ("podnet-mtu", "podnet_mtu"),
        ("podnetmtu", "podnet_mtu"),
        ("podnet_labs", "podnet_lab"),
        ("podnet_node_cidr_mask", "podnet_node_cidr_mask_size"),
    ],
)
def test_a_misspelt_variable_is_refused_with_the_right_one(name, meant):
    found = strange(name)
    assert found.problems == [
        f"{name} of all nodes is no variable of podnet.fabric; valid is {meant}."
    ]
    assert found.warnings == []


def test_the_nodes_that_have_a_misspelt_variable_are_named():
    names = {"a": [], "b": ["podnet_mut"], "c": ["podnet_mut"]}
    assert spelling.strange(names, ["podnet_mtu"], []).problems == [
        "podnet_mut of b, c is no variable of podnet.fabric; valid is podnet_mtu."
    ]


def test_names_that_are_like_none_of_ours_are_said_once():
    assert strange("podnet_owner", "podnet_zone_of_us", "podcast", "pod_mtu") == (
        [],
        [
            "podnet_owner, podnet_zone_of_us are no variables of podnet.fabric, and without effect "
            "on it."
        ],
    )
    assert strange("podnet_plan", "podnet_load", "podnet_zone").problems == []
    assert strange("podnet_owner").warnings == [
        "podnet_owner is no variable of podnet.fabric, and without effect on it."
    ]


def test_every_name_of_ours_is_known():
    ours = {*known_names.options(), *known_names.made(), *inventory.VARIABLES}
    assert {"podnet_observed", "podnet_node", "podnet_status", "podnet_lab"} < ours
    assert strange(*ours) == ([], [])
    assert set(inventory.VARIABLES) - {"ansible_host"} <= known_names.options()


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("10.0.0.0/8,10.1.0.0/16", ["10.0.0.0/8", "10.1.0.0/16"]),
        (" eth0 , eth1,", ["eth0", "eth1"]),
        ("eth0\neth1\n", ["eth0", "eth1"]),
        ("eth0\r\neth1", ["eth0", "eth1"]),
        ("eth0", ["eth0"]),
        ("a file.yaml", ["a file.yaml"]),
        ("[eth0, eth1]", ["eth0", "eth1"]),
        ('["eth0"]', ["eth0"]),
        ("- eth0\n- eth1", ["eth0", "eth1"]),
        ("---\n- eth0", ["eth0"]),
        ("[]", []),
        ("fd00::/8", ["fd00::/8"]),
        ("- {name: web, replicas: 2}", [{"name": "web", "replicas": 2}]),
        ('[{"name": "web"}]', [{"name": "web"}]),
        ("name: web\nreplicas: 2", [{"name": "web", "replicas": 2}]),
        ("{name: web}", [{"name": "web"}]),
        ("name: a\n---\nname: b\n", [{"name": "a"}, {"name": "b"}]),
        ("", ""),
        (" \n", ""),
        (["eth0"], ["eth0"]),
        (None, None),
        (7, 7),
    ],
)
def test_a_text_stands_for_a_list(text, items):
    assert survey.listed(text, "podnet_x") == items
    assert listed.FilterModule().filters()["listed"](text, "podnet_x") == items


@pytest.mark.parametrize("text", ["[eth0", "- a\n b: c\n- d", "{name: web"])
def test_a_text_that_begins_as_yaml_and_is_none(text):
    with pytest.raises(Failure) as raised:
        survey.listed(text, "podnet_subnets")
    assert raised.value.message.startswith("podnet_subnets: line ")
    assert "\n" not in raised.value.message
    with pytest.raises(AnsibleFilterError, match="podnet_subnets: line "):
        listed.listed(text, "podnet_subnets")


def test_lists_are_known_by_their_readers():
    assert {"podnet_subnets", "podnet_pods", "podnet_manifests"} < inventory.LISTS
    assert inventory.LISTS.isdisjoint({"podnet_mtu", "podnet_ip_masq_agent", "podnet_vpc_cidr"})


@pytest.mark.parametrize("word", ["true", "True", "yes", "on"])
def test_truth_as_text(word):
    assert truth(word) is True


@pytest.mark.parametrize("word", ["false", "No", "off"])
def test_untruth_as_text(word):
    assert truth(word) is False
