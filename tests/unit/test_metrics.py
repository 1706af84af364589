# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Metrics as text, by the names of Cilium, over HTTP; their units; the variables of them."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.installed import metrics as units
from ansible_collections.podnet.fabric.plugins.module_utils.metrics import cilium, families, http
from ansible_collections.podnet.fabric.plugins.module_utils.plan import metrics as variables
from ansible_collections.podnet.fabric.plugins.module_utils.plan.values import Invalid

from tests.clock import within

if TYPE_CHECKING:
    from collections.abc import Iterable


def test_text_is_prometheus_own():
    found = [
        families.counter("a_total", "Back\\slash\nline", families.one(1, word='a"b\\c\nd')),
        families.gauge("b_ratio", "A share", families.one(0.5)),
        families.gauge("c", "Nothing of it", []),
    ]
    assert families.render(found).splitlines() == [
        "# Made by podnet.fabric.",
        "# HELP a_total Back\\\\slash\\nline",
        "# TYPE a_total counter",
        'a_total{word="a\\"b\\\\c\\nd"} 1',
        "# HELP b_ratio A share",
        "# TYPE b_ratio gauge",
        "b_ratio 0.5",
    ]
    assert [one["name"] for one in families.data(found)] == ["a_total", "b_ratio"]


def verdict(direction: str, name: str, *, dropped: bool) -> dict[str, str]:
    return {
        "hook": "h",
        "direction": direction,
        "verdict": name,
        "dropped": "yes" if dropped else "no",
    }


def test_the_names_of_cilium_have_its_labels_and_sums():
    packets = [
        (verdict("egress", "to_network", dropped=False), 5),
        (verdict("egress", "to_endpoint", dropped=False), 2),
        (verdict("egress", "egress_denied", dropped=True), 3),
        (verdict("ingress", "ingress_denied", dropped=True), 4),
        (verdict("ingress", "unanswered_arp", dropped=True), 1),
    ]
    found = cilium.names(
        [
            families.counter("podnet_packets_total", "", packets),
            families.gauge("podnet_plan_info", "", families.one(1, node="n1")),
            families.gauge("podnet_map_entries", "", families.one(8, map="nat", type="hash")),
            families.gauge("podnet_map_capacity", "", families.one(16, map="nat", type="hash")),
        ]
    )
    agent = {"k8s_app": "cilium", "pod": "n1"}
    own = {family.name: family.samples for family in found}
    assert own["cilium_forward_count_total"] == [({"direction": "EGRESS", **agent}, 7)]
    assert own["cilium_drop_count_total"] == [
        ({"direction": "EGRESS", "reason": "Policy denied", **agent}, 3),
        ({"direction": "INGRESS", "reason": "Policy denied", **agent}, 4),
        ({"direction": "INGRESS", "reason": "Unanswered arp", **agent}, 1),
    ]
    assert own["cilium_bpf_map_pressure"] == [({"map_name": "nat", **agent}, 0.5)]
    assert own["cilium_policy"] == []


def asked(*parts: bytes, pause: float = 0.0) -> tuple[bytes, bool]:
    """Send a request in parts; return the answer, and whether it was a good one."""
    ours, theirs = socket.socketpair()
    found: list[bool] = []
    with ours, theirs:
        server = threading.Thread(target=lambda: found.append(http.serve(theirs, lambda: "x 1\n")))
        server.start()
        with contextlib.suppress(OSError):
            for part in parts:
                ours.sendall(part)
                time.sleep(pause)
        server.join()
        theirs.shutdown(socket.SHUT_RDWR)
        answer = b"".join(iter(lambda: ours.recv(4096), b""))
    return answer, found[0]


GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([GET], b"200 OK"),
        ([GET[:9], GET[9:]], b"200 OK"),
        ([b"GET /metrics?name=a HTTP/1.0\r\n\r\n"], b"200 OK"),
        ([b"GET / HTTP/1.1\r\n\r\n"], b"404 Not Found"),
        ([b"GET /metrics/../etc HTTP/1.1\r\n\r\n"], b"404 Not Found"),
        ([b"POST /metrics HTTP/1.1\r\nContent-Length: 9\r\n\r\n"], b"405 Method Not Allowed"),
        ([b"GET /metrics\r\n\r\n"], b"400 Bad Request"),
        ([b"\x16\x03\x01\x02\x00\x01\r\n\r\n"], b"400 Bad Request"),
        (
            [b"GET /metrics HTTP/1.1\r\n" + b"A: b\r\n" * 1000],
            b"431 Request Header Fields Too Large",
        ),
    ],
)
def test_a_request_gets_the_answer_that_is_due(parts, status):
    answer, good = asked(*parts)
    head, _end, body = answer.partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"HTTP/1.1 " + status
    assert good is (status == b"200 OK")
    assert f"Content-Length: {len(body)}".encode() in head.splitlines()
    assert (b"Allow: GET" in head.splitlines()) is (status[:3] == b"405")
    assert (body == b"x 1\n") is good


def test_who_says_too_little_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(http, "SECONDS", 0.2)
    for parts in ((), (b"G",) * 9):
        answer, good = within(2, lambda parts=parts: asked(*parts, pause=0.05))
        assert (answer[:12], good) == (b"HTTP/1.1 408", False)


def test_who_takes_nothing_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(http, "ANSWER_SECONDS", 0.2)

    def served() -> bool:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.sendall(GET)
            return http.serve(theirs, lambda: "x" * 10_000_000)

    assert within(5, served) is False
    ours, theirs = socket.socketpair()
    ours.close()
    with theirs:
        assert http.serve(theirs, lambda: "") is False


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (9964, "9964"),
        ("9964", "9964"),
        ("10.0.0.8:9964", "10.0.0.8:9964"),
        ("[fd00::1]:9964", "[fd00::1]:9964"),
    ],
)
def test_where_to_listen(given, read):
    assert variables.listen(given) == read


@pytest.mark.parametrize(
    "given", [0, 65536, "0.0.0.0", "node-1:9964", "10.0.0.8:", "10.0.0.8:x", ":9964", [], True]
)
def test_where_nobody_can_listen(given):
    with pytest.raises(Invalid):
        variables.listen(given)


@pytest.mark.parametrize("given", ["x", "/", "/a b", "/a/../b", "/a\nb", "/a/", 7, "/%i"])
def test_what_is_no_folder(given):
    with pytest.raises(Invalid):
        variables.folder(given)


@pytest.mark.parametrize(
    ("interpreter", "textfile", "hides"),
    [
        ("/usr/bin/python3", "/var/lib/x", ("yes", "yes")),
        ("/home/ann/v/bin/python", "/var/lib/x", ("read-only", "yes")),
        ("/root/v/bin/python", "/tmp/x", ("read-only", "no")),
        ("/homes/v/bin/python", "/tmps/x", ("yes", "yes")),
    ],
)
def test_units_see_what_they_run_and_write(monkeypatch, interpreter, textfile, hides):
    monkeypatch.setattr(sys, "executable", interpreter)
    text = units.texts({"listen": None, "textfile": textfile})[units.WRITE]
    assert "ProtectHome={}\nPrivateTmp={}\n".format(*hides) in text


def test_units_are_those_that_are_wanted():
    def named(**wanted: object) -> Iterable[str]:
        return list(units.texts({"cilium_names": False, **wanted}))

    assert named() == []
    assert named(listen="9964", textfile=None) == [units.SOCKET, units.ANSWER]
    assert named(listen=None, textfile="/x") == [units.TIMER, units.WRITE]
    assert len(named(listen="9964", textfile="/x")) == len(units.UNITS)
    with_names = units.texts({"listen": "1", "textfile": "/x", "cilium_names": True})
    for unit in (units.ANSWER, units.WRITE):
        assert " --cilium-names\n" in with_names[unit]
