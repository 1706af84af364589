"""The parts of a node whose cluster has network policies: from the plan to the kernel and back."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout, policy_layout
from ansible_collections.podnet.fabric.plugins.module_utils.engine import namespaces
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps
from ansible_collections.podnet.fabric.plugins.module_utils.plan import files, planner
from ansible_collections.podnet.fabric.plugins.module_utils.steps import parts, shown
from bpf_support import bpftool, pins
from node_support import CLUSTER, NODES, bare_node
from running import Beside, Run, do, run, run_module
from test_calls_kept import connect
from test_converge import options

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = "node-e6e4d"
PODS = [{"name": "web", "labels": {"app": "web"}}, {"name": "db", "labels": {"app": "db"}}]
TO_DB = {
    "name": "db",
    "spec": {
        "podSelector": {"matchLabels": {"app": "db"}},
        "ingress": [
            {
                "from": [{"podSelector": {"matchLabels": {"app": "web"}}}],
                "ports": [{"port": 5432}],
            }
        ],
    },
}


@pytest.fixture(scope="module", autouse=True)
def _bare() -> Iterator[None]:
    with bare_node():
        yield
        run("teardown")
        assert pins() == []


class Cluster:
    """A cluster of two nodes; its runs are those of the one that is here."""

    def __init__(
        self, folder: Path, policies: Any, pods: Any = None, datapath: str = "ebpf"
    ) -> None:
        """Plan it, as the action plugin does."""
        nodes = {
            name: {
                **CLUSTER,
                "podnet_node_ip": ip,
                "podnet_network_policies": policies,
                "podnet_datapath": datapath,
            }
            for name, ip in NODES.items()
        }
        nodes[HERE]["podnet_pods"] = PODS if pods is None else pods
        seen = run("node_info", node_ip=NODES[HERE], device="eth0")
        nothing: dict[str, Any] = {"pod_cidr": None, "peers": {}, "endpoints": {}}
        files.write(planner.plan(nodes, {**dict.fromkeys(NODES, nothing), HERE: seen}), str(folder))
        found = {
            "device": "eth0",
            "device_ifindex": socket.if_nametoindex("eth0"),
            "device_mtu": 1500,
            "mtu": 1500,
            "balances": seen["balances"],
            "holds_policies": seen["holds_policies"],
        }
        self.slice = {**files.read(str(folder), HERE), **found}
        self.policies = files.read_policies(str(folder), HERE)
        self.labels = files.read_labels(str(folder), HERE)

    def part(self, name: str, **more: Any) -> Run:
        """Run a part."""
        return run_module("converge", **options(name, self.slice, _policies=self.policies, **more))

    def run(self) -> list[str]:
        """Run all parts; return the names of the steps that changed something.

        Of what is written down for a boot no more than that it follows from the rest.
        """
        done = [self.part(name) for name in parts.PARTS]
        assert [one["msg"] for one in done if one.failed] == []
        names = [step["name"] for one in done for step in one["steps"]]
        return [name for name in names if not name.endswith("for a boot")] or names

    def said(self, *, check: bool = False) -> list[tuple[str, str]]:
        """Run all parts, or check them; return the name of a step and a line for each change."""
        done = [self.part(name, check=check) for name in parts.PARTS]
        assert [one["msg"] for one in done if one.failed] == []
        steps = [step for one in done for step in one["steps"]]
        return [(step["name"], line) for step in steps for line in step["changes"]]


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return lambda *given, **more: Cluster(tmp_path_factory.mktemp("plan"), *given, **more)


def isolated() -> set[str]:
    """Return the pods that are judged, by their addresses."""
    with maps.open_pin(layout.ENDPOINTS.pin) as found:
        rows = [(layout.ENDPOINTS.unpack_key(key), found.get(key)) for key in found.items()]
    return {
        key["address"]
        for key, value in rows
        if layout.ENDPOINTS.value_row(value).flags & layout.ENDPOINT_ISOLATED
    }


def count(table: Any) -> int:
    with maps.open_pin(table.pin) as found:
        return found.count()


def test_policies_come_change_and_go(cluster: Any) -> None:
    first = cluster([])
    assert "Fill the policy maps" not in first.run()
    address = {one["name"]: one["ip"] for one in first.slice["endpoints"]}

    # On: what a check says is what is written, before the pod is judged.
    on = cluster([TO_DB])
    predicted = on.said(check=True)
    assert ("Fill the policy maps", f"create policies of pod {address['db']}") in predicted
    assert isolated() == set()
    steps = on.run()
    assert steps.index("Fill the policy maps") < steps.index("Connect the pods")
    assert isolated() == {address["db"]}
    assert count(policy_layout.POLICY_PODS) == 1
    assert count(policy_layout.POLICY_RULES) == 1
    told = run("status_info", node=on.slice)["status"]
    assert told["policies"]["names"] == ["default/db"]
    assert told["policies"]["isolated"] == {"ingress": 1, "egress": 0}
    assert told["policies"]["judges"] is True
    assert told["node"]["usable"] is True
    assert {one["state"] for one in told["endpoints"]} == {"ready"}
    again = cluster([TO_DB])
    assert again.slice["holds_policies"] is True
    assert again.run() == []
    look = again.part("node", look_ahead=True)
    assert look["as_planned"] == [part for part in parts.PARTS if part != "node"]

    # Another rule: the old set goes when the pods stand.
    port = [{**TO_DB["spec"]["ingress"][0], "ports": [{"port": 5433}]}]
    changed = cluster([{**TO_DB, "spec": {**TO_DB["spec"], "ingress": port}}])
    assert changed.run() == ["Fill the policy maps", "Remove policies that no pod has"]
    assert count(policy_layout.POLICY_RULES) == 1

    # The last pod that a policy selects goes: the node knows the classes alone.
    without = cluster([TO_DB], PODS[:1])
    assert without.slice["isolation"] is False
    assert without.run()[0] == "Fill the policy maps, isolate no pod"
    assert isolated() == set()
    assert count(policy_layout.POLICY_CLASSES) > 0
    assert [count(one) for one in policy_layout.TABLES if one.name != "policy_classes"] == [0] * 4
    assert cluster([TO_DB], PODS[:1]).run() == []

    # The last policy goes.
    off = cluster([], PODS[:1])
    assert off.run() == ["Fill the policy maps, isolate no pod", "Install the command"]
    assert [count(one) for one in policy_layout.TABLES] == [0] * 5
    off = cluster([], PODS[:1])
    assert off.slice["holds_policies"] is False
    assert off.run() == []


def test_a_check_says_each_change_under_the_step_that_makes_it(cluster: Any) -> None:
    cluster([]).run()
    other = [{**TO_DB["spec"]["ingress"][0], "ports": [{"port": 5433}]}]
    changed = {**TO_DB, "spec": {**TO_DB["spec"], "ingress": other}}
    alone = {"name": "web", "spec": {"podSelector": {"matchLabels": {"app": "web"}}}}
    filled = "Fill the policy maps"
    removed = "Remove policies that no pod has"
    emptied = "Fill the policy maps, isolate no pod"
    for policies, steps in (
        ([TO_DB], {filled}),
        ([changed], {filled, removed}),
        ([changed, alone], {filled}),
        ([alone], {filled, removed}),
        ([], {emptied}),
    ):
        predicted = cluster(policies).said(check=True)
        done = cluster(policies).said()
        of_policies = [each for each in done if each[0] in (filled, removed, emptied)]
        assert {step for step, _line in of_policies} == steps, policies
        assert [each for each in predicted if each[0] in (filled, removed, emptied)] == of_policies


def meaning(of: Cluster, part: str = "endpoints", **more: Any) -> dict[str, Any]:
    """Return what a part says with --diff of what a change means."""
    said = of.part(part, _labels=of.labels, **more)["diff"]
    found = [each["after"] for each in said if each["before_header"].startswith("Fill the policy")]
    words = ("newly allowed", "newly denied")
    for each in said:  # as the controller shows it
        shown.texts(each)
    return {word: one[word] for one in found for word in words}


def test_a_diff_says_by_labels_what_a_change_means(cluster: Any) -> None:
    cluster([]).run()
    to_db = "ingress from default {app=web} to default {app=db}: TCP"
    first = {
        "newly allowed": ["nothing"],
        "newly denied": [
            f"{to_db} 0-5431, TCP 5433-65535, UDP, SCTP, other protocols",
            "ingress from other addresses to default {app=db}: all",
        ],
    }
    assert meaning(cluster([TO_DB]), check=True) == first
    on = cluster([TO_DB])
    for part in ("node", "datapath", "peers"):
        on.part(part)
    assert meaning(on) == first
    on.run()
    assert meaning(cluster([TO_DB])) == {}
    port = [{**TO_DB["spec"]["ingress"][0], "ports": [{"port": 5433}]}]
    changed = {**TO_DB, "spec": {**TO_DB["spec"], "ingress": port}}
    assert meaning(cluster([changed]), check=True) == {
        "newly allowed": [f"{to_db} 5433"],
        "newly denied": [f"{to_db} 5432"],
    }
    # A pod that comes is told of by the labels of others, and its own state is no change.
    more = [*PODS, {"name": "db-2", "labels": {"app": "db"}}]
    assert meaning(cluster([TO_DB], more), check=True) == {
        "newly allowed": ["nothing"],
        "newly denied": ["nothing"],
    }
    off = cluster([])
    assert meaning(off, "datapath", check=True) == {
        "newly allowed": first["newly denied"],
        "newly denied": ["nothing"],
    }
    off.run()


def test_pods_lose_the_flag_before_programs_that_judge_nothing_come(cluster: Any) -> None:
    cluster([TO_DB]).run()
    assert len(isolated()) == 1
    off = cluster([])
    steps = off.run()
    assert steps[0] == "Fill the policy maps, isolate no pod"
    assert isolated() == set()
    assert [count(one) for one in policy_layout.TABLES] == [0] * 5
    assert cluster([]).run() == []


def reaches(source: str, target: tuple[str, int]) -> bool:
    """Say whether a pod reaches a place."""
    with namespaces.inside(source), socket.socket() as one:
        one.settimeout(0.5)
        return one.connect_ex(target) == 0


def test_a_live_cluster_gets_policies_and_keeps_the_connections_that_they_allow(
    cluster: Any,
) -> None:
    first = cluster([])
    first.run()
    address = {one["name"]: one["ip"] for one in first.slice["endpoints"]}
    db, web = (address[name] for name in ("db", "web"))
    with contextlib.ExitStack() as stack:
        allowed, server = connect(stack, ("web", web, 40001), ("db", db, 5432))
        denied, other = connect(stack, ("web", web, 40002), ("db", db, 80))
        own, elsewhere = connect(stack, ("db", db, 40003), ("web", web, 9000))
        to = [{"podSelector": {"matchLabels": {"app": "web"}}}]
        egress = [{"to": to, "ports": [{"port": 9000}]}]
        spec = {**TO_DB["spec"], "egress": egress, "policyTypes": ["Ingress", "Egress"]}
        cluster([{**TO_DB, "spec": spec}]).run()
        # Whoever speaks first.
        for sender, receiver in ((server, allowed), (allowed, server), (elsewhere, own)):
            receiver.settimeout(5)
            sender.send(b"still here")
            assert receiver.recv(20) == b"still here"
        denied.send(b"not me")
        other.settimeout(0.5)
        with pytest.raises(TimeoutError):
            other.recv(20)
        assert reaches("web", (db, 5432))
        assert not reaches("web", (db, 80))
        assert reaches("db", (web, 9000))
        dropped = {
            one["direction"]: one["dropped"]["packets"] for one in run("policy_info")["sets"]
        }
        assert dropped["ingress"] > 0
        (policy,) = run("policy_info")["policies"]
        assert all(rule["packets"] > 0 for rule in policy["rules"])
        # Taken away, a permission ends with the next packet.
        none = {**spec, "ingress": []}
        cluster([{**TO_DB, "spec": none}]).run()
        allowed.send(b"not me")
        server.settimeout(0.5)
        with pytest.raises(TimeoutError):
            server.recv(20)
        assert not reaches("web", (db, 5432))
    cluster([]).run()


def test_a_node_reaches_its_own_pods_whatever_is_written(cluster: Any) -> None:
    alone = {"name": "deny", "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}
    on = cluster([alone])
    on.run()
    for one in on.slice["endpoints"]:
        do("ping", "-n", "-c", "1", "-W", "2", one["ip"])
    address = {one["name"]: one["ip"] for one in on.slice["endpoints"]}
    with contextlib.ExitStack() as stack:
        with namespaces.inside("db"):
            server = stack.enter_context(socket.create_server((address["db"], 80)))
        client = stack.enter_context(socket.create_connection((address["db"], 80), timeout=3))
        taken = stack.enter_context(server.accept()[0])
        taken.send(b"alive")
        assert client.recv(20) == b"alive"
    assert not reaches("web", (address["db"], 80))
    cluster([]).run()


def storm(end: str, source: str, target: str, to: str, ports: tuple[int, ...]) -> dict[int, Any]:
    """Send numbered datagrams to ports of a pod, one each millisecond, until a file is there.

    Return for each port how many were sent, and which came.
    """
    sent: dict[int, int] = dict.fromkeys(ports, 0)
    came: dict[int, list[int]] = {port: [] for port in ports}
    takers = {}
    for port in ports:
        with namespaces.inside(target):
            takers[port] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        takers[port].bind((to, port))
        takers[port].setblocking(False)
    with namespaces.inside(source):
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def take() -> None:
        for port, taker in takers.items():
            with contextlib.suppress(BlockingIOError):
                while True:
                    came[port].append(int(taker.recv(20)))

    while not Path(end).exists():
        for port in ports:
            sender.sendto(str(sent[port]).encode(), (to, port))
            sent[port] += 1
        take()
        time.sleep(0.001)
    take()
    return {port: (sent[port], came[port]) for port in ports}


def test_no_packet_is_wrongly_passed_or_dropped_while_policies_change(
    cluster: Any, tmp_path: Path
) -> None:
    on = cluster([TO_DB])
    on.run()
    address = {one["name"]: one["ip"] for one in on.slice["endpoints"]}
    always, now_and_then, never = 5432, 5433, 5434

    def change(turn: int) -> None:
        """Give the pod other classes and other sets, and take the old ones away at once."""
        number, more = 100 + turn, [[2, 17, now_and_then, 32, 8]] * (turn % 2)
        entries = [[2, 17, always, 32, 7], *more]
        done = run(
            "policy",
            partition=number,
            classes={"0.0.0.0/0": 1, "::/0": 1, f"{address['web']}/32": 2},
            sets=[
                {
                    "number": number,
                    "direction": "ingress",
                    "policies": ["default/db"],
                    "entries": entries,
                }
            ],
            pods=[{"ip": address["db"], "ingress": number}],
            purge=True,
        )
        assert f"create policy set {number}" in done["changes"]

    change(0)
    end = tmp_path / "end"
    ports = (always, now_and_then, never)
    beside = Beside(storm, str(end), "web", "db", address["db"], ports)
    try:
        for turn in range(1, 60):
            change(turn)
    finally:
        end.touch()
    found = beside.result()
    sent, came = found[always]
    assert sent > 200
    assert came == list(range(sent))
    assert 0 < len(found[now_and_then][1]) < sent
    assert found[never][1] == []
    cluster([]).run()


def test_a_node_that_judges_nothing_says_so_and_is_mended(cluster: Any) -> None:
    on = cluster([TO_DB])
    on.run()
    stage = policy_layout.POLICY_STAGE
    with maps.open_pin(stage.pin) as found:
        found.delete([bytes(4)])
    told = run("status_info", node=on.slice)["status"]
    assert told["missing"]["programs"] == ["policy in policy_stage"]
    assert told["node"]["usable"] is False
    assert cluster([TO_DB]).run() == ["Let programs hand packets over to it"]
    shown = bpftool("map", "dump", "pinned", stage.pin)
    judge = bpftool("prog", "show", "pinned", "/sys/fs/bpf/podnet/programs/policy")
    assert [int(one["value"][0], 16) | int(one["value"][1], 16) << 8 for one in shown] == [
        judge["id"] & 0xFFFF
    ]
    # Nothing is left of it where no pod is judged.
    cluster([]).run()
    assert bpftool("map", "dump", "pinned", stage.pin) == []
    assert "programs/policy" not in pins()


def test_a_map_that_is_missing_is_made_and_filled(cluster: Any) -> None:
    cluster([TO_DB]).run()
    for one in policy_layout.TABLES:
        maps.unpin(one.pin)
    steps = cluster([TO_DB]).run()
    assert {"Fill the policy maps", "Attach the programs"} <= set(steps)
    assert count(policy_layout.POLICY_PODS) == 1
    assert cluster([TO_DB]).run() == []
    cluster([]).run()


@pytest.mark.parametrize("datapath", ["bridge", "routed"])
def test_a_classic_node_has_the_program_that_sees_what_pods_get(
    cluster: Any, datapath: str
) -> None:
    cluster([TO_DB], datapath=datapath).run()
    assert "programs/to_container" in pins()
    found = run("endpoints_info", program="/sys/fs/bpf/podnet/programs/guard", datapath=datapath)
    assert all(one["program"] for one in found["endpoints"])
    cluster([], datapath=datapath).run()
    assert "programs/to_container" not in pins()
    cluster([]).run()
