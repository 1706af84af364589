"""How long a change waits to be confirmed, from a variable to a node; and by which connection."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import plan
from ansible_collections.podnet.fabric.plugins.plugin_utils import guarding
from planning import fresh, inventory


def planned(value: object) -> int:
    nodes = inventory()
    nodes["node-63344"]["podnet_confirm_timeout"] = value
    found: int = plan(nodes, fresh(nodes)).node("node-63344")["confirm_timeout"]
    return found


@pytest.mark.parametrize(
    ("value", "seconds"), [("", 120), (0, 0), ("0", 0), (30, 30), ("3600", 3600)]
)
def test_what_is_valid(value, seconds):
    assert planned(value) == seconds


@pytest.mark.parametrize("value", [-1, 1, 29, 3601, "soon", "2m", 60.5, True, False, [60]])
def test_what_is_not_is_one_sentence(value):
    with pytest.raises(Failure) as caught:
        planned(value)
    assert caught.value.details["problems"] == [
        f"podnet_confirm_timeout of node-63344 is {value!r}; valid is 0, or a whole number from 30 "
        "to 3600."
    ]


@pytest.mark.parametrize(
    ("forks", "nodes", "given", "seconds"),
    [(5, 3, 120, 120), (5, 5, 120, 120), (5, 6, 120, 125), (50, 1000, 60, 155), (5, 1000, 0, 0)],
)
def test_who_waits_for_many_others_has_more_time(tmp_path, forks, nodes, given, seconds):
    batch = [f"node-{number}" for number in range(nodes)]
    seen = {"site_confirms": True, "ansible_forks": forks, "ansible_play_batch": batch}
    node = {"name": "node-1", "confirm_timeout": given}
    found = guarding.wanted(str(tmp_path), node, seen)
    assert found["seconds"] == seconds
    assert found["armed"] is False
    assert "@" in found["by"]


def test_a_play_that_confirms_nothing_arms_nothing(tmp_path):
    assert guarding.wanted(str(tmp_path), {"name": "a", "confirm_timeout": 120}, {}) == {}


class Connection:
    """What an action plugin sees of a connection."""

    def __init__(self, transport: str, **options: Any) -> None:
        self.transport, self.options, self.resets = transport, options, 0

    def get_option(self, name: str) -> Any:
        return self.options.get(name)

    def set_option(self, name: str, value: Any) -> None:
        self.options[name] = value

    def reset(self) -> None:
        self.resets += 1


def test_a_connection_over_ssh_shares_none_that_stands():
    given = "-C -o ControlMaster=auto -o ControlPersist=60s"
    connection = Connection("ssh", ssh_args=given)
    guarding.connect_anew(connection)
    assert connection.options["ssh_args"] == f"-o ControlMaster=no -o ControlPath=none {given}"


def test_another_one_is_made_anew():
    connection = Connection("paramiko")
    guarding.connect_anew(connection)
    assert connection.resets == 1
