# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The page: what it shows of which data, that it is cut, and that nothing given becomes HTML."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from html.parser import HTMLParser
from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.action import report_page
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy import blocks
from ansible_collections.podnet.fabric.plugins.module_utils.plan.policy.verdict import Judge
from ansible_collections.podnet.fabric.plugins.module_utils.reports.page import (
    build,
    counts,
    topology,
)
from ansible_collections.podnet.fabric.plugins.plugin_utils import page, report_files

from tests.unit import page_world

#: What somebody may have written into a name, and hopes that a browser reads.
EVIL = """</title></style></script><script>hit()</script>"' onload=hit() {{ 7 * 7 }} &lt;b&gt;"""
SCENARIO = {
    "name": "pod-to-service",
    "state": "failed",
    "seconds": 1.25,
    "reason": "2 of 4 actions failed",
    "actions": [
        {"name": "curl", "ok": True, "command": "curl svc", "expected": "200", "seen": "200"},
        {"name": "ping", "ok": False, "command": "ping svc", "expected": "pong", "seen": "silence"},
    ],
}
FLOW: dict[str, Any] = {
    "client": "10.111.160.1",
    "client_name": "web-1",
    "server": "10.111.160.3",
    "server_name": "db-1",
    "port": 5432,
    "protocol": "TCP",
    "verdict": "to_endpoint",
    "packets": 9,
    "bytes": 2000,
    "back_packets": 3,
    "back_bytes": 48,
    "rtt": {"last": 0.061, "min": 0.048, "mean": 0.059},
}


class Tags(HTMLParser):
    """All tags of a page with their attributes, and all of its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def drawn(*clusters: dict[str, Any], **more: Any) -> str:
    return page.render(build.page(clusters, when="2026-11-27 15:00 UTC", **more))


def evil(value: Any) -> Any:
    """Return data in which every text that is nobody's key word says more than it should."""
    if isinstance(value, dict):
        kept = ("kind", "state", "route", "type", "network_type", "datapath", "direction")
        return {key: each if key in kept else evil(each) for key, each in value.items()}
    if isinstance(value, list):
        return [evil(each) for each in value]
    return f"{value}{EVIL}" if isinstance(value, str) else value


def test_a_cluster_that_is_as_planned():
    found = build.page([page_world.cluster()], when="now")
    (cluster,) = found["clusters"]
    assert (cluster["ok"], cluster["verdict"], cluster["problems"]["rows"]) == (True, "OK", [])
    assert {one["word"]: (one["value"], one["of"]) for one in cluster["figures"]} == {
        "nodes usable": (3, 3),
        "nodes reachable": (3, 3),
        "pods ready": (12, 12),
        "services": (1, None),
        "policies": (2, None),
        "packets dropped": (9, None),
    }
    (subnet,) = cluster["topology"]["subnets"]
    assert (subnet["name"], subnet["cidr"], subnet["gateway"]) == (
        *("default", "10.111.0.0/19", "10.111.0.1"),
    )
    assert [len(node["field"]["squares"]) for node in subnet["nodes"]] == [4, 4, 4]
    assert [len(row["cells"]) for row in cluster["health"]["rows"]] == [3, 3, 3]
    (service,) = cluster["services"]["rows"]
    assert {one["pod"] for one in service["backends"]["rows"]} == {f"web-{n}" for n in range(1, 5)}
    (sets,) = cluster["policies"]["sets"]["rows"]
    assert (sets["policies"], sets["dropped"], sets["pods"]) == ("default/api", 9, 3)
    (dropped,) = cluster["packets"]["dropped"]
    assert (dropped["name"], dropped["packets"], dropped["bytes"]) == ("ingress_denied", 9, "666 B")
    assert [(one["name"], one["share"], one["state"]) for one in cluster["maps"]["shown"]] == [
        ("drops", "100%", "ok"),  # forgets the oldest
        ("nat", "92%", "bad"),
    ]


def test_what_is_wrong_is_said_and_seen():
    given = page_world.cluster()
    first, second, third = given["reported"]
    pods = given["reported"][first]["status"]["endpoints"]
    pods[1]["state"] = "not ready"
    given["reported"][second] = {"usable": False, "reason": "it lost its address"}
    given["probed"][third][0] = page_world.probe(first, error="timed out")
    given["failures"] = {second: "it did not answer"}
    del given["probed"][second]
    (cluster,) = build.page([given], when="now")["clusters"]
    assert not cluster["ok"]
    assert any("it lost its address" in one for one in cluster["problems"]["rows"])
    assert any("timed out" in one for one in cluster["problems"]["rows"])
    nodes = {one["name"]: one for one in cluster["topology"]["subnets"][0]["nodes"]}
    assert (nodes[second]["state"], nodes[second]["reason"]) == ("bad", "it lost its address")
    assert {one["state"] for one in nodes[second]["field"]["squares"]} == {"unknown"}
    assert [one["state"] for one in nodes[first]["field"]["squares"]].count("bad") == 1
    assert cluster["topology"]["pods"]["rows"][0]["name"] == pods[1]["name"]
    rows = {row["name"]: row for row in cluster["health"]["rows"]}
    assert rows[second]["failed"] == "it did not answer"
    assert [cell["state"] for cell in rows[second]["cells"]] == ["none"] * 3
    assert (rows[third]["cells"][0]["state"], rows[third]["cells"][0]["text"]) == ("bad", "1/4")
    text = drawn(given)
    assert "it lost its address" in text
    assert "timed out" in text


def test_a_plan_alone_makes_a_page_and_so_does_a_test():
    given = page_world.cluster()
    alone = {"summary": given["summary"], "reported": {}, "places": {}}
    (cluster,) = build.page([alone], when="now")["clusters"]
    absent = ("health", "services", "policies", "packets")
    assert [cluster[word] for word in absent] == [None] * 4
    assert "No policy" in drawn(alone)
    text = drawn(tested=[SCENARIO, {"name": "dns", "state": "passed"}], flows=[FLOW])
    assert "1 of 2 scenarios passed, 1 failed" in text
    assert "silence" in text
    assert "2.0 KiB" in text


def test_flows_that_two_nodes_have_counted_are_one():
    seen = {**FLOW, "bytes": 1000, "client_name": None, "rtt": None}
    other = {**FLOW, "port": 53, "protocol": "UDP", "bytes": 100, "rtt": None, "server_name": None}
    found = counts.flows([seen, other, FLOW])
    assert [(one["source"], one["destination"], one["bytes"]) for one in found["shown"]] == [
        ("web-1", "db-1", "2.0 KiB"),
        ("web-1", "10.111.160.3", "148 B"),
    ]
    assert [(one["packets"], one["rtt"]) for one in found["shown"]] == [(12, 0.059), (12, None)]
    assert counts.flows([]) is None


def test_who_may_talk_to_whom_is_what_the_plan_judges():
    made = page_world.planned()
    found = page_world.table(made)
    assert [end["labels"] or end["name"] for end in found["ends"]] == [
        *(["role=api"], ["role=db"], ["role=web"], "192.0.2.0/24", "other addresses"),
    ]
    judge = Judge(made.policies["demo"])
    own = [one for mine in made.own.values() for one in mine["endpoints"]]
    ends = [
        [(one["name"], blocks.address(one["ip"])) for one in own if one["name"].startswith(role)][
            :2
        ]
        for role in ("api-", "db-", "web-")
    ]
    ends += [[("", blocks.address(ip))] * 2 for ip in ("192.0.2.7", "198.51.100.1")]
    for sources, row in zip(ends, found["cells"]):
        for destinations, cell in zip(ends, row):
            if cell["state"] == "other":
                continue
            asked = [(6, 80), (6, 81), (6, 8050), (17, 53), (1, 0)]
            passes = [judge.allows(sources[0], destinations[1], *one) for one in asked]
            wanted = {"all": [True] * 5, "none": [False] * 5}
            assert passes == wanted.get(cell["state"], [True, False, True, False, False]), cell
    assert found["cells"][2][0] == {"state": "some", "ports": "TCP 80, TCP 8000-8100"}


def test_nothing_that_is_given_becomes_html():
    harmless = Tags(drawn(page_world.cluster(), tested=[SCENARIO], flows=[FLOW]))
    given = evil(page_world.cluster())
    given["reported"] = dict(
        zip((n["name"] for n in given["summary"]["nodes"]), given["reported"].values())
    )
    given["probed"] = dict(zip(given["reported"], given["probed"].values()))
    found = Tags(drawn(given, tested=[evil(SCENARIO)], flows=[evil(FLOW)]))
    tags = {tag for tag, _attributes in harmless.tags}
    assert {tag for tag, _attributes in found.tags} <= tags
    assert sum(tag == "script" for tag, _attributes in found.tags) == 1
    names = {name for _tag, attributes in found.tags for name in attributes}
    assert not {name for name in names if name.startswith("on")}
    assert names <= {name for _tag, attributes in harmless.tags for name in attributes}
    assert sum("{{ 7 * 7 }}" in one for one in found.text) > 50
    assert not any("hit()" in (attributes.get("href") or "") for _tag, attributes in found.tags)


def test_the_page_names_no_other_and_allows_its_own_alone():
    text = drawn(page_world.cluster())
    found = Tags(text)
    addresses = [
        value
        for _tag, attributes in found.tags
        for name, value in attributes.items()
        if name in ("src", "href", "action", "srcset", "data", "style")
    ]
    assert [value.partition(",")[0] for value in addresses] == ["data:image/svg+xml"]
    (policy,) = [a["content"] for _t, a in found.tags if "http-equiv" in a]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    for tag in ("style", "script"):
        (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", text, re.S)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
        assert "url(" not in inside
        assert "import" not in inside
        assert "fetch" not in inside


def test_what_is_too_long_is_cut_and_says_so():
    given = page_world.cluster(60, 3000)
    begin = time.process_time()
    found = build.page([given], when="now")
    text = page.render(found)
    assert time.process_time() - begin < 2
    (cluster,) = found["clusters"]
    shown = cluster["topology"]
    assert sum(len(one["nodes"]) for one in shown["subnets"]) == topology.TILES
    assert [one["more"] for one in shown["subnets"]] == [60 - topology.TILES]
    assert (len(shown["pods"]["rows"]), shown["pods"]["more"]) == (topology.PODS, 1000)
    assert (len(cluster["health"]["rows"]), cluster["health"]["more"]) == (24, 36)
    assert cluster["services"]["rows"][0]["backends"]["more"] == 1000 - 64
    for line in ("and 24 more nodes", "and 1\u202f000 more pods", "and 936 more"):
        assert line in text
    assert len(text) < 700_000


def test_a_node_with_a_problem_is_drawn_first():
    given = page_world.cluster(60, 60)
    last = given["summary"]["nodes"][-1]["name"]
    given["reported"][last] = {"usable": False, "reason": "broken"}
    (cluster,) = build.page([given], when="now")["clusters"]
    assert last in [one["name"] for s in cluster["topology"]["subnets"] for one in s["nodes"]]


def test_of_a_part_of_the_cluster_the_others_are_not_said_to_have_failed():
    given = page_world.cluster()
    first, second, third = given["reported"]
    hostvars = {
        first: {
            "podnet_status": {"status": given["reported"][first]["status"]},
            "podnet_health": {"nodes": given["probed"][first]},
        },
        second: {"podnet_health": {"failed": False, "msg": "no responder"}},
        third: {},
    }
    found = report_page.cluster_of(given["summary"], None, hostvars, [first, second])
    assert (list(found["probed"]), found["failures"]) == ([first], {second: "no responder"})
    unasked = {name: {} for name in hostvars}
    assert report_page.cluster_of(given["summary"], None, unasked, [first])["probed"] is None


@pytest.mark.parametrize(
    ("octets", "shown"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 40, "5.0 TiB")]
)
def test_bytes_as_people_read_them(octets, shown):
    assert counts.size(octets) == shown


@pytest.mark.parametrize("name", ["report.json", "page", "."])
def test_a_name_that_is_no_pages_is_refused_in_a_sentence(tmp_path, name):
    with pytest.raises(
        Failure, match=r"^podnet_report_page is '.*'; valid is .* ends in \.html\.$"
    ):
        report_files.check("podnet_report_page", str(tmp_path / name), (".html", ".htm"))


def test_a_page_in_no_folder_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "folder.html").mkdir()
    for name in ("none/page.html", "folder.html"):
        with pytest.raises(Failure, match=r"valid is a file in a folder that there is"):
            report_files.check("podnet_report_page", str(tmp_path / name), (".html",))
