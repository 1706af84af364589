# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The diff of a step as people read it, and what nodes say once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.podnet.fabric.plugins.module_utils.reports import changes
from ansible_collections.podnet.fabric.plugins.module_utils.steps import shown
from ansible_collections.podnet.fabric.plugins.plugin_utils import diffs

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "1fe00493b2aa"
MAPS = "/sys/fs/bpf/podnet/maps"


def step(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {"before": before, "after": after, "before_header": "Do it", "after_header": "Do it"}


def sides(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, list[str], list[str]]]:
    """Return header, removed and added lines of each text."""
    return [
        (one["after_header"], one["before"].splitlines(), one["after"].splitlines())
        for one in shown.texts(step(before, after))
    ]


def test_an_object_is_a_line_and_a_change_is_what_differs():
    route = {"dst": "10.1.0.0/24", "table": 254, "type": "unicast", "tos": 0, "via": "10.0.0.9"}
    before = {"route 10.1.0.0/24": None, "sysctl a.b": {"value": "0"}, "veth x": {"mtu": 1500}}
    after = {"route 10.1.0.0/24": route, "sysctl a.b": {"value": "1"}, "veth x": None}
    assert sides(before, after) == [
        (
            "Do it",
            ["sysctl a.b: 0", "veth x: mtu 1500"],
            ["route 10.1.0.0/24: via 10.0.0.9", "sysctl a.b: 1"],
        )
    ]


def test_a_digest_is_as_long_as_people_compare_it_and_says_nothing_of_what_is_new():
    before = {"program p": {"program": DIGEST}, "program q": None}
    after = {"program p": {"program": DIGEST[::-1]}, "program q": {"program": DIGEST}}
    assert sides(before, after) == [
        (
            "Do it",
            [f"program p: program {DIGEST[:7]}"],
            [f"program p: program {DIGEST[::-1][:7]}", "program q"],
        )
    ]


def test_a_number_that_stands_for_a_word_is_that_word():
    after = {f"entries of map {MAPS}/non_masquerade": {"10.0.0.0/8": {"why": 3}}}
    assert sides({}, after) == [("Do it", [], ["non_masquerade 10.0.0.0/8: why listed"])]


def test_a_device_that_is_made_anew_says_why_in_a_sentence():
    reason = "id cannot change from 0 to 1 in place"
    before = {"vxlan v": {"id": 0}}
    after = {"vxlan v": {"id": 1, "recreated_because": reason}}
    removed, added = sides(before, after)[0][1:]
    assert removed == ["vxlan v: id 0"]
    assert added == ["vxlan v: id 1", f"vxlan v: made anew, since {reason}"]


def test_entries_of_a_map_stand_in_words_and_maps_by_their_names():
    nothing = {"tunnel_endpoint": "::", "vtep_mac": "00:00:00:00:00:00", "reserved": 0}
    entries = {
        "10.1.0.0/24": {"node": "10.0.0.9", "flags": 1, **nothing},
        "10.2.0.0/24": {"node": "10.0.0.8", "flags": 0, **nothing},
    }
    before = {f"map {MAPS}/ipcache": None, f"entries of map {MAPS}/ipcache": dict.fromkeys(entries)}
    before[f"map {MAPS}/config"] = None
    after = {f"map {MAPS}/ipcache": {"key_size": 4}, f"entries of map {MAPS}/ipcache": entries}
    after[f"map {MAPS}/config"] = {"key_size": 4}
    assert sides(before, after) == [
        ("Do it: maps", [], ["maps config, ipcache"]),
        (
            "Do it",
            [],
            [
                "ipcache 10.1.0.0/24: node 10.0.0.9, flags direct",
                "ipcache 10.2.0.0/24: node 10.0.0.8",
            ],
        ),
    ]
    before = {f"entries of map {MAPS}/ipcache": {"10.1.0.0/24": {"node": "10.0.0.9", "flags": 1}}}
    after = {f"entries of map {MAPS}/ipcache": {"10.1.0.0/24": {"node": "10.0.0.8", "flags": 0}}}
    assert sides(before, after) == [
        (
            "Do it",
            ["ipcache 10.1.0.0/24: node 10.0.0.9, flags direct"],
            ["ipcache 10.1.0.0/24: node 10.0.0.8, flags none"],
        )
    ]


def test_what_all_of_a_kind_have_stands_once():
    pods = {
        f"endpoint p-{at}": {
            "netns": f"p-{at}",
            "gateway": "10.1.0.1",
            "device": {"mtu": at, "up": True},
        }
        for at in (1, 2, 3)
    }
    ((_step, removed, added),) = sides(dict.fromkeys(pods), pods)
    assert removed == []
    assert added == [
        "every endpoint: gateway 10.1.0.1, device.up true",
        *(f"endpoint p-{at}: device.mtu {at}" for at in (1, 2, 3)),
    ]


def test_names_that_say_it_all_stand_in_a_line():
    found = {"program p": {}, "program q": {}, "program r at x": {"mechanism": "tcx"}, "seal": {}}
    ((_step, _removed, added),) = sides(dict.fromkeys(found), found)
    assert added == ["program r at x: mechanism tcx", "program p, q", "seal"]


def test_sentences_stand_one_below_the_other():
    assert sides({}, {"newly denied": ["ingress from a", "ingress from b"]}) == [
        ("Do it", [], ["newly denied: ingress from a", "newly denied: ingress from b"])
    ]


def test_what_one_node_has_said_the_others_refer_to(tmp_path: Path):
    path = str(tmp_path)
    same, own = step({"a": None}, {"a": {"x": 1}}), step({"b": None}, {"b": {"x": 2}})
    first = diffs.once([same, own], path, "node-1")
    assert [one["after"] for one in first] == ["a: x 1\nb: x 2\n"]
    assert [one["after_header"] for one in first] == ["Do it"]
    other = step({"b": None}, {"b": {"x": 3}})
    second = diffs.once([same, other], path, "node-2")
    assert [one.get("after") or one["prepared"] for one in second] == [
        "b: x 3\n",
        "Do it: as on node-1\n",
    ]
    # A node says the same again, and without a plan nobody knows of the others.
    assert diffs.once([same, own], path, "node-1") == first
    assert [one["after"] for one in diffs.once([same], None, "")] == ["a: x 1\n"]
    assert diffs.once([], path, "node-1") == []


def made(*lines: str) -> list[dict[str, Any]]:
    return [{"name": "Set routes", "changes": list(lines), "count": len(lines)}] if lines else []


def report(made: dict[str, Any], problems=(), warnings=(), routes=(), *, check: bool = False):
    found = changes.summary(made, problems, warnings, check_mode=check)
    return found, changes.render(found, made, routes).splitlines()


def test_a_run_that_changed_little_says_what_and_where():
    found, lines = report({"a": made("create route x"), "b": made("create route x"), "c": []})
    assert lines[:2] == ["Changes:                2/3 nodes changed", "  a, b: create route x"]
    assert lines[2].startswith(
        "Next:                   ansible-playbook -i INVENTORY podnet.fabric.status"
    )
    assert found["nodes"] == {"a": 1, "b": 1, "c": 0}
    assert found["steps"] == [{"name": "Set routes", "changes": 2, "nodes": ["a", "b"]}]
    assert (found["changed"], found["check_mode"], found["problems"]) == (True, False, [])


def test_a_run_that_changed_much_counts_it_by_its_steps():
    many = made(*(f"create route {at}" for at in range(20)))
    routes = [{"dst": "10.1.0.0/24", "via": "10.0.0.9"}]
    _found, lines = report({"a": many, "b": many}, routes=routes)
    assert lines[1:4] == [
        "  Step        Changes  Nodes",
        "  Set routes  40       all 2",
        "Next:                   give the VPC's router a route to the pods of each node: "
        "10.1.0.0/24 via 10.0.0.9",
    ]
    assert report({"a": many}, check=True)[1] == [
        "Changes:                1/1 nodes would change",
        "  Step        Changes  Nodes",
        "  Set routes  20       a",
        "Next:                   run it without --check",
    ]


def test_a_run_that_changed_nothing_says_so_and_what_is_left():
    assert report({"a": [], "b": []})[1] == [
        "Changes:                nothing changed: the network is as planned"
    ]
    found, lines = report({"a": [], "b": []}, [("b", "web-1: no room")], ["6 pods pending."])
    assert lines[1:] == [
        "Problem:                b: web-1: no room",
        "Warning:                6 pods pending.",
        "Next:                   mend what stands above and run it again: a run completes what is "
        "there",
    ]
    assert found["problems"] == ["b: web-1: no room"]
