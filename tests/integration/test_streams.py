# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Streams between a node and its health endpoint: losses are told, and nothing of them stays."""

from __future__ import annotations

import stat
import time
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils import names
from ansible_collections.podnet.fabric.plugins.module_utils.connectivity import streams
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.tasks import build as items_of
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.plugin_utils import folded
from node_support import bare_node, items, make_datapath, plan
from running import do, run, run_module

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", autouse=True)
def _node() -> Iterator[None]:
    """Be on a node of its own with its health endpoint, and no other node."""
    with bare_node():
        node = plan("web-1")
        make_datapath(node)
        run("endpoints", endpoints=items(node), purge=True, **items_of(node)["endpoint_options"])
        alone = {**node, "peers": []}
        run("node_command", node=alone, _folded=folded.of_all_programs(texts=True))
        yield
        assert not list(streams.PID_FILE.parent.glob("podnet-streams*"))


@pytest.fixture
def flowing() -> Iterator[None]:
    run("connectivity_streams")
    assert run("connectivity_streams", state="begun")["streams"] == []
    yield
    run("connectivity_streams", state="absent")


def read() -> dict[str, dict[str, Any]]:
    return {one["protocol"]: one for one in run("connectivity_streams", state="read")["streams"]}


@pytest.mark.usefixtures("flowing")
def test_where_nothing_is_changed_nothing_is_lost():
    assert stat.S_IMODE(streams.CONTROL.stat().st_mode) == 0o600
    run("connectivity_streams")  # anew
    run("connectivity_streams", state="begun")
    found = read()
    assert {word: (one["lost"], one["broken"]) for word, one in found.items()} == {
        "tcp": (0, ""),
        "udp": (0, ""),
    }
    assert min(one["sent"] for one in found.values()) > 0
    # Nothing more is sent, and it answers on.
    assert read()["udp"]["sent"] == found["udp"]["sent"]


@pytest.mark.usefixtures("flowing")
def test_what_is_lost_is_counted_and_a_connection_lives_through_it():
    do("ip", "-n", names.HEALTH, "link", "set", "eth0", "down")
    time.sleep(30 * streams.PACE)  # so long it is down
    do("ip", "-n", names.HEALTH, "link", "set", "eth0", "up")
    do("ip", "-n", names.HEALTH, "route", "replace", "169.254.1.1", "dev", "eth0")
    found = read()
    assert found["udp"]["lost"] >= 20
    assert found["udp"]["silence"] >= 20 * streams.PACE
    assert found["tcp"]["broken"] == ""


def test_streams_without_an_answer_are_named_before_anything_is_changed():
    do("ip", "-n", names.HEALTH, "link", "set", "eth0", "down")
    run("connectivity_streams")
    done = run_module("connectivity_streams", state="begun")
    run("connectivity_streams", state="absent")
    assert done.failed
    assert "these streams have no answer" in done["msg"]
    assert "-> pod (udp)" in done["msg"]
    do("ip", "-n", names.HEALTH, "link", "set", "eth0", "up")


def test_a_process_that_has_ended_is_told():
    with pytest.raises(Failure, match="do not flow any more"):
        streams.ask(streams.RESULT)


def test_in_check_mode_nothing_begins():
    assert run("connectivity_streams", check=True)["changed"] is False
    assert not streams.PID_FILE.exists()


def test_teardown_ends_what_a_killed_run_has_left():
    run("connectivity_streams")
    gone = f"remove process of {streams.PID_FILE}"
    assert gone in run("teardown", check=True)["changes"]
    assert streams.PID_FILE.exists()
    assert gone in run("teardown")["changes"]
    assert not streams.PID_FILE.exists()
    assert not streams.CONTROL.exists()
    assert not [line for line in do("ss", "-Hlntu").splitlines() if f":{streams.PORT} " in line]
