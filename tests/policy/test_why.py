# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What ``why`` says of a packet is what becomes of a real one; and nothing is left of it."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.ebpf import bpf_sources
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps
from ansible_collections.podnet.fabric.plugins.module_utils.lab import places
from ansible_collections.podnet.fabric.plugins.module_utils.names import MAP_PINS
from ansible_collections.podnet.fabric.plugins.module_utils.why import copies, report, walk

from tests import kept
from tests.cells.cells import NODE_IPS
from tests.cluster.cluster import INTERNET, ROOT
from tests.cluster.cluster import SERVER as VPC_SERVER

from .asked import ANSWERED, REFUSED, becomes
from .model import ADDRESSES
from .probing import THERE
from .scope import CELLS, ONE_ASKED_OF, RUNS, WHERE_ASKED
from .test_paths import POLICIES, QUESTIONS
from .vpc import NODE_PORT, SERVER

#: Of packets in one piece.
ASKABLE = [pytest.param(one, id=name) for name, one in QUESTIONS.items() if len(one) == 5]

everywhere = pytest.mark.parametrize("cell", CELLS, ids=str)
#: On no list of what keeps its address, as ``internet`` is by default.
MASQUERADED = "8.8.8.8"
HOSTS = {"internet": INTERNET, "vpc-server": VPC_SERVER}


@pytest.fixture
def paths(standing):
    """The cluster with the policies of the paths, by a run where it had others."""
    if standing.brought != POLICIES:
        standing.site(POLICIES)
    return standing


#: What was compiled, for all tests: programs of one cell are the same on each node.
OBJECTS = {}


class Asker:
    """Programs on all nodes, each of which answers for its own."""

    def __init__(self, running):
        self._running = running
        self._sources = bpf_sources.gather_own(copies.all_items())
        self._nodes = {name: self._ask(name, None) for name in running}

    def _ask(self, node, what):
        program = self._running[node]
        program.stdin.write(json.dumps(what) + "\n")
        program.stdin.flush()
        line = program.stdout.readline()
        assert line, program.stderr.read()
        found = json.loads(line)
        assert "failed" not in found, found
        return found

    def _answer(self, node, options, sources):
        return self._ask(node, {"options": options, "sources": sources})

    def walk(self, *question):
        """Return the walk of a question at its end."""
        now = walk.begin(self._nodes, *question)
        while now["at"]:
            options = dict(now["at"])
            node = options.pop("node")
            options["written"] = now["written"].get(node, {})
            asked = partial(self._answer, node, options)
            now = walk.follow(now, kept.answered(asked, self._sources, OBJECTS))
        print(report.render(now))
        return now


#: Who answers in the cell that the cluster is in.
ASKERS = {}


@pytest.fixture
def asker(paths):
    """Programs that answer, which end with the cell."""
    if not ASKERS:
        running = {}
        for name in NODE_IPS:
            words = (sys.executable, "-I", str(THERE / "why.py"), str(ROOT / ".build/collections"))
            running[name] = paths.opened.enter_context(paths.cluster.start(name, *words))
            paths.opened.callback(running[name].kill)
        paths.opened.callback(ASKERS.clear)
        ASKERS[paths.cell] = Asker(running)
    return ASKERS[paths.cell]


def say(found):
    """Return the verdict in the words of ``becomes``."""
    for verdict in found["verdicts"].values():
        if verdict["verdict"] == "dropped":
            way, _underscore, denied = verdict["reason"].partition("_")
            assert denied == "denied", verdict
            return f"{verdict['node']} denies {way}"
    assert {verdict["verdict"] for verdict in found["verdicts"].values()} == {"delivered"}
    assert len(found["verdicts"]) == 2
    return ANSWERED


@pytest.mark.parametrize("cell", WHERE_ASKED, ids=str)
@pytest.mark.parametrize("question", ASKABLE[::ONE_ASKED_OF])
def test_it_says_what_becomes_of_a_packet(paths, asker, question):
    source, protocol, address, port, right = question
    found = asker.walk(HOSTS.get(source, source), address, protocol, port or None)
    assert say(found) == (ANSWERED if right == REFUSED else right)
    assert becomes(paths, *question[:4]) == right


def rules(found, direction="forward"):
    """Return what policies say on the way, each with its kind."""
    hops = [hop for hop in found["hops"] if hop["direction"] == direction]
    return [(rule["kind"], rule["name"]) for hop in hops for rule in hop["rules"]]


@everywhere
def test_it_names_rule_service_and_translation(asker):
    allowed = asker.walk("y/a", ADDRESSES["x/a"], "tcp", 80)
    assert rules(allowed) == [("rule", "x/server ingress[1]")]
    assert rules(allowed, "reply") == []
    denied = asker.walk("y/c", ADDRESSES["x/a"], "tcp", 80)
    assert rules(denied) == [("set", "ingress x/server")]
    served = [hop for hop in asker.walk("y/a", SERVER, "tcp", 80)["hops"] if "service" in hop]
    assert served[0]["service"] == "x/server:80/TCP"
    assert served[0]["translated"].endswith(f"-> {ADDRESSES['x/a']}:80 tcp")
    outside = asker.walk("x/b", MASQUERADED, "udp", 9)["hops"]
    masqueraded = [hop for hop in outside if "translated" in hop]
    assert masqueraded[0]["translated"].startswith(f"{NODE_IPS['node-2']}:")
    assert masqueraded[-1]["translated"].startswith(f"{MASQUERADED}:9 -> {ADDRESSES['x/b']}:")
    listed = asker.walk("x/b", INTERNET, "udp", 9)["hops"]
    assert [hop for hop in listed if "translated" in hop] == []


@everywhere
def test_it_says_why_what_no_policy_forbids_is_dropped(asker):
    spoofed = asker.walk("x/b", ADDRESSES["y/a"], "tcp", 80, "10.111.160.77")
    assert spoofed["verdicts"]["forward"]["reason"] == "spoofed_source"
    nobody = asker.walk("x/b", "10.111.160.77", "tcp", 80)["verdicts"]["forward"]
    assert nobody["verdict"] == "dropped"
    port = asker.walk(INTERNET, SERVER, "tcp", 80)["verdicts"]["forward"]
    assert port == {"verdict": "lost", "reason": f"no node of this run has {SERVER}"}


def held(cluster):
    """Return all entries of all maps of all nodes that can be read without taking them out."""
    found = {}
    for name in NODE_IPS:
        root = f"/proc/{places.HostPlace(cluster.lab, name).pid()}/root"
        pins = cluster.exec(name, "find", MAP_PINS, "-type", "f").split()
        assert len(pins) > 20
        for pin in pins:
            with maps.open_pin(root + pin) as table:
                if table.type not in ("queue", "prog_array"):
                    found[name, Path(pin).name] = table.items()
    return found


ASKED = (
    ("y/a", ADDRESSES["x/a"], "tcp", 80),
    ("y/c", ADDRESSES["x/a"], "tcp", 80),
    ("y/a", SERVER, "tcp", 80),
    ("x/b", INTERNET, "udp", 9),
    (INTERNET, NODE_IPS["node-1"], "tcp", NODE_PORT),
    ("x/b", ADDRESSES["y/a"], "tcp", 80, "10.111.160.77"),
)


@pytest.mark.parametrize("cell", dict.fromkeys([*WHERE_ASKED, CELLS[-1]]), ids=str)
def test_nothing_is_left_of_a_question(paths, asker):
    for _again in range(5):
        before = held(paths.cluster)
        assert all(asker.walk(*question)["hops"] for question in ASKED)
        after = held(paths.cluster)
        differ = {table for table in before if before[table] != after[table]}
        # A kernel that looks after its neighbors is counted, whoever asks what meanwhile.
        assert {name for _node, name in differ} <= {"metrics"}
        if not differ:
            return
    raise AssertionError(f"after each of five rounds something was counted: {sorted(differ)}")


@pytest.mark.parametrize("cell", RUNS, ids=str)
def test_the_playbook_says_it_too(paths):
    words = {
        "why_source": "y/a",
        "why_destination": ADDRESSES["x/a"],
        "why_protocol": "tcp",
        "why_port": 80,
    }
    # A line of the report stays one: YAML would fold it.
    shown = {"ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
    done = paths.cluster.play("why", "-e", json.dumps(words), **shown).ok()
    assert "Forward: delivered to x_a on node-1" in done.output
    assert "let through by x/server ingress[1]" in done.output
    assert done.changed == {}
    assert paths.cluster.play("why", "--check", "-e", json.dumps(words)).ok().changed == {}
