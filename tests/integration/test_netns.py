from __future__ import annotations

import uuid

import pytest
from running import do, fails, four_runs, ip, run_module


@pytest.fixture
def names():
    given = [f"pt-{uuid.uuid4().hex[:10]}" for number in range(3)]
    yield given
    listed = do("ip", "netns", "list")
    for name in given:
        if name in listed:
            do("ip", "netns", "del", name)


def test_made_and_removed(names):
    done = four_runs("netns", names=names)
    assert done["changes"] == [f"create netns {name}" for name in names]
    for name in names:
        assert "UP" in ip(name, "link", "show", "lo")[0]["flags"]
    found = {x["name"]: x for x in run_module("netns_info")["namespaces"]}
    assert found[names[0]]["devices"] == ["lo"]
    assert found[names[0]]["loopback"] is True

    do("ip", "-n", names[1], "link", "set", "lo", "down")
    again = four_runs("netns", names=names)
    assert again["changes"] == [f"change netns {names[1]}"]

    four_runs("netns", names=names[:2], state="absent")
    listed = do("ip", "netns", "list").split()
    assert [name for name in names if name in listed] == names[2:]


def test_a_name_left_behind_is_taken_again(names):
    do("ip", "netns", "add", names[0])
    do("umount", f"/run/netns/{names[0]}")
    four_runs("netns", names=names[:1])
    assert ip(names[0], "link", "show", "lo")


def test_bad_names_change_nothing(names):
    for bad in ("a/b", "..", ".", "", "-x"):
        fails("netns", "names[1]", repr(bad), names=[names[0], bad])
    fails("netns", "names[1]", "already", names=[names[0], names[0]])
    assert names[0] not in do("ip", "netns", "list").split()
