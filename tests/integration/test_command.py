# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The node's own command: installed, and its words beside what the modules say."""

from __future__ import annotations

import contextlib
import json
import re
import select
import signal
import socket
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.command.table import (
    NO_ANSWER,
    SOUND,
    UNSOUND,
    WORDS,
)
from ansible_collections.podnet.fabric.plugins.module_utils.ebpf.bpf_sources import gather_own
from ansible_collections.podnet.fabric.plugins.module_utils.installed import (
    command,
    metrics,
    objects,
    sources,
)
from ansible_collections.podnet.fabric.plugins.module_utils.installed import plan as kept
from ansible_collections.podnet.fabric.plugins.module_utils.plan import files, planner
from ansible_collections.podnet.fabric.plugins.module_utils.steps import parts
from ansible_collections.podnet.fabric.plugins.module_utils.why import copies, walk
from ansible_collections.podnet.fabric.plugins.plugin_utils import folded
from ansible_collections.podnet.fabric.tests.waiting import wait_for
from node_support import CLUSTER, NODES, PEER_IP, bare_node
from running import do, run, run_module
from test_converge import options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from running import Run

HERE, OTHER = NODES
ADDRESS = "127.0.0.1:9964"
FILES = [
    str(path) for path in (command.COMMAND, *command.COMPLETIONS.values(), sources.PATH, kept.PATH)
]
#: Of what is asked twice, what differs by the moment.
MOMENT = re.compile(r'"(age_seconds|idle_seconds)": \d+')
SITE: dict[str, Any] = {
    **CLUSTER,
    "podnet_service_cidr": "10.10.0.0/16",
    "podnet_services": [
        {
            "name": "web",
            "selector": {"app": "web"},
            "ports": [{"port": 80}],
            "cluster_ip": "10.10.0.9",
        },
        {"name": "none", "selector": {"app": "nosuch"}, "ports": [{"port": 80}]},
    ],
    "podnet_masquerade": True,
    "podnet_network_policies": [
        {
            "name": "db",
            "spec": {
                "podSelector": {"matchLabels": {"app": "db"}},
                "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "web"}}}]}],
            },
        }
    ],
}
PODS = [
    {"name": "web-1", "labels": {"app": "web"}},
    {"name": "db-1", "labels": {"app": "db"}},
    {"name": "other-1"},
]


def podnet(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([command.COMMAND, *words], capture_output=True, text=True, check=False)


@contextlib.contextmanager
def listening(*more: str) -> Iterator[None]:
    """Let the command answer as systemd does: a process for each connection."""
    words = [command.COMMAND, "metrics", "--http", *more]
    listener = subprocess.Popen(
        ["systemd-socket-activate", "--accept", "--inetd", "-l", ADDRESS, *words],
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for("it listens", lambda: ADDRESS in do("ss", "-Hltn"))
        yield
    finally:
        listener.terminate()
        listener.wait()


def curl(path: str = "/metrics", *more: str) -> str:
    return do("curl", "-sS", "--max-time", "20", *more, f"http://{ADDRESS}{path}")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A node with services, policies and masquerading, as the roles make it, and some traffic."""
    with bare_node():
        do("ip", "link", "set", "lo", "up")
        folder = str(tmp_path_factory.mktemp("plan"))
        nodes = {name: {**SITE, "podnet_node_ip": ip} for name, ip in NODES.items()}
        nodes[HERE]["podnet_pods"] = PODS
        seen = run("node_info", node_ip=NODES[HERE], device="eth0")
        nothing: dict[str, Any] = {"pod_cidr": None, "peers": {}, "endpoints": {}}
        files.write(planner.plan(nodes, {**dict.fromkeys(NODES, nothing), HERE: seen}), folder)
        ifindex = socket.if_nametoindex("eth0")
        found = {
            **files.read(folder, HERE),
            "device": "eth0",
            "device_ifindex": ifindex,
            "device_mtu": 1500,
            "mtu": 1500,
            "balances": False,
            "holds_policies": False,
        }
        found["masquerade"]["devices"] = [{"name": "eth0", "ifindex": ifindex, "ip": NODES[HERE]}]
        sent = {
            "_services": files.read_services(folder, HERE),
            "_policies": files.read_policies(folder, HERE),
        }
        for part in parts.PARTS:
            run("converge", **options(part, found, **sent))
        ip = {one["name"]: one["ip"] for one in found["endpoints"]}
        for source, target in (("web-1", "db-1"), ("other-1", "db-1"), ("web-1", PEER_IP)):
            ping = ["ip", "netns", "exec", source, "ping", "-qc1", "-W1", ip.get(target, target)]
            subprocess.run(ping, capture_output=True, check=False)
        yield {**found, "ip": ip}
        run("teardown")
        assert [path for path in FILES if Path(path).exists()] == []


def module(name: str, /, **arguments: Any) -> Run:
    found = run(name, **arguments)
    for word in ("changed", "invocation", "report", "warnings"):
        found.pop(word, None)
    return found


@pytest.mark.parametrize(
    ("words", "name", "arguments", "status"),
    [
        ("endpoints", "endpoints_info", {}, SOUND),
        ("endpoints web-1", "endpoints_info", {"name": "web-1"}, SOUND),
        ("endpoints nosuch", "endpoints_info", {"name": "nosuch"}, UNSOUND),
        ("services", "services_info", {}, UNSOUND),  # one has no backend
        ("services default/web", "services_info", {"name": "default/web"}, SOUND),
        ("services web", "services_info", {"name": "default/web"}, SOUND),
        ("policy d*", "policy_info", {"name": "default/db"}, SOUND),
        ("nat", "nat_info", {}, SOUND),
        (
            "nat --all --limit 1 --kind masquerade",
            "nat_info",
            {"all": True, "limit": 1, "kind": ["masquerade"]},
            SOUND,
        ),
        ("policy", "policy_info", {}, SOUND),
        ("policy nosuch", "policy_info", {"name": "nosuch"}, UNSOUND),
        ("drops", "drops_info", {}, UNSOUND),
        (
            "drops --reason ingress_denied --pod db-*",
            "drops_info",
            {"reason": ["ingress_denied"], "pod": "db-*"},
            UNSOUND,
        ),
        ("drops --reason too_big", "drops_info", {"reason": ["too_big"]}, SOUND),
    ],
)
def test_a_word_says_what_its_module_says(node, words, name, arguments, status):
    def asked() -> tuple[str, str]:
        done = podnet(*words.split(), "--json")
        assert done.returncode == status
        said = "podnet: there is nothing of the name 'nosuch'" if "nosuch" in words else ""
        assert done.stderr.partition(";")[0].strip() == said
        own = json.loads(done.stdout)
        own.pop("warnings", None)
        both = own, module(name, **arguments)
        return tuple(MOMENT.sub("", json.dumps(one, sort_keys=True)) for one in both)

    own, theirs = asked()
    assert own == theirs
    shown = podnet(*words.split())
    assert shown.returncode == status
    if "nosuch" in words:
        assert shown.stdout == ""
    elif name != "endpoints_info":
        report = re.sub(r"Created=\d+", "", run(name, **arguments)["report"])
        assert re.sub(r"Created=\d+", "", shown.stdout) == (report + "\n" if report else report)


def test_status_is_told_by_the_slice_that_the_run_left(node):
    done = podnet("status", "--json")
    assert (done.returncode, done.stderr) == (SOUND, "")
    assert json.loads(done.stdout) == module("status_info", node=node)
    assert podnet("status").stdout == run("status_info", node=node)["report"] + "\n"
    do("ip", "route", "del", "10.111.160.128/25")
    done = podnet("status")
    assert done.returncode == UNSOUND
    assert "Usable:                 No: 1 route missing: route 10.111.160.128/25\n" in done.stdout
    do(str(command.COMMAND), "restore")
    assert podnet("status").returncode == SOUND


def test_endpoints_are_shown_as_a_table(node):
    lines = podnet("endpoints").stdout.splitlines()
    assert lines[0].split() == ["Name", "IPv4", "MAC", "Device", "Program", "Isolated", "State"]
    rows = {line.split()[0]: line.split() for line in lines[1:]}
    assert list(rows) == sorted([*node["ip"]])
    assert [rows[name][5] for name in ("db-1", "web-1")] == ["yes", "no"]
    do("ip", "-n", "web-1", "link", "set", "eth0", "down")
    done = podnet("endpoints")
    do("ip", "-n", "web-1", "link", "set", "eth0", "up")
    assert done.returncode == UNSOUND
    assert [line.split()[0] for line in done.stdout.splitlines() if "not ready" in line] == [
        "web-1"
    ]


@pytest.fixture
def objects_of(node: dict[str, Any]) -> dict[str, Any]:
    """What was compiled when the node was made; all but one is kept there for the command."""
    made: dict[str, Any] = options("datapath", node)["_sources"]["objects"]
    digest = folded.of_all_programs(texts=False)["digest"]
    objects.keep(digest, {key: made[key] for key in sorted(made)[1:]})
    return made


def test_why_says_what_the_node_would_say(node, objects_of):
    ip = node["ip"]
    cases = {
        ("web-1", ip["db-1"]): SOUND,
        ("other-1", "db-1"): UNSOUND,
        ("web-1", "10.111.160.130"): SOUND,  # on the other node
        ("10.111.160.130", "db-1"): UNSOUND,  # from there
        (HERE, "10.10.0.9"): SOUND,
    }
    found = {}
    for (source, target), status in cases.items():
        done = podnet("why", source, target, "--port", "80", "--json")
        assert (done.returncode, done.stderr) == (status, ""), (source, target, done.stdout)
        found[source, target] = json.loads(done.stdout)
    # As the module answers.
    everything = {**gather_own(copies.all_items()), "objects": objects_of}
    known = {HERE: run("packet_path_info")}
    begun = walk.begin(known, "other-1", "db-1", "tcp", 80)["at"]
    begun.pop("node")
    answer = run("packet_path_info", **begun, _sources=everything)
    own = [
        {word: value for word, value in hop.items() if word not in ("node", "direction")}
        for hop in found["other-1", "db-1"]["hops"]
    ]
    assert own == answer["hops"]
    assert [one["reason"] for one in found["other-1", "db-1"]["recorded"]] == []
    denied = podnet("why", "other-1", "db-1", "--port", "80").stdout
    assert denied.startswith("Forward: dropped: ingress_denied at from_container of node-e6e4d")
    assert "isolated by default/db" in denied
    verdict = found["web-1", "10.111.160.130"]["verdicts"]["forward"]
    assert verdict == {"verdict": "sent", "reason": f"{OTHER} has it next; ask there"}
    before = objects.PATH.stat().st_mtime_ns
    podnet("why", "web-1", "db-1", "--port", "80")
    assert objects.PATH.stat().st_mtime_ns == before  # nothing was compiled twice


#: Connects a pod that policies isolate to its own address.
OWN = """
import socket, sys
with socket.create_server((sys.argv[1], 80)), socket.create_connection((sys.argv[1], 80), 5):
    print("reached")
"""


def test_a_pod_reaches_itself_whatever_policies_say(node):
    ip = node["ip"]["db-1"]
    assert do("ip", "netns", "exec", "db-1", "python3", "-c", OWN, ip) == "reached\n"
    for ends in (("db-1", "db-1"), (ip, "db-1")):
        done = podnet("why", *ends, "--port", "80")
        assert (done.returncode, done.stderr) == (SOUND, "")
        assert done.stdout.startswith(f"Forward: delivered to db-1 on {HERE}\n")
        assert "no program and no policy is asked" in done.stdout


NO_POD = "is no pod of this node; valid are"
OTHERS = "Pods of other nodes are known here by their addresses: --address."


@pytest.mark.usefixtures("node")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("flows --pod web-2", f"pod: 'web-2' {NO_POD} web-1, db-1, other-1, podnet-health"),
        ("drops --pod web-2", f"pod: 'web-2' {NO_POD} web-1, db-1, other-1, podnet-health"),
        ("drops --pod db_*", f"pod: 'db_*' {NO_POD} db-1, "),
        ("observe --pod db-1 --pod db-2", f"pod: 'db-2' {NO_POD} db-1, "),
        ("observe --from-pod web", f"from_pod: 'web' {NO_POD} web-1, "),
        (
            "observe --policy default/web",
            "policy: 'default/web' is no policy that selects a pod of this node; valid are "
            "default/db, or a pattern of these.",
        ),
        (
            "services default/wep",
            "there is nothing of the name 'default/wep'; valid are default/web, default/none, or "
            "a pattern of these",
        ),
        ("policy nosuch", "there is nothing of the name 'nosuch'; valid are default/db"),
        ("endpoints web", "there is nothing of the name 'web'; valid are web-1, db-1, "),
    ],
)
def test_a_name_that_nobody_has(words, said):
    done = podnet(*words.split())
    kind = words.split()[0]
    assert done.returncode == (UNSOUND if kind in ("services", "policy", "endpoints") else 2)
    assert done.stderr.startswith(f"podnet: {said}")
    assert (OTHERS in done.stderr) == (NO_POD in said)


def test_who_is_planned_or_of_another_node_is_no_stranger(node):
    text = kept.PATH.read_text()
    planned = json.loads(text)
    planned["endpoints"].append({"name": "web-9"})
    kept.PATH.write_text(json.dumps(planned))
    assert podnet("drops", "--pod", "web-9").returncode == SOUND
    kept.PATH.write_text(text)
    assert podnet("drops", "--pod", f"pod of {PEER_IP}").returncode == SOUND
    # A module knows who others are where it is told, and leaves it open where it is not.
    far = {node["peers"][0]["health_ip"]: "far-1"}
    for name in ("drops_info", "flows_info"):
        assert run(name, pod="far-2")["matched"] == 0
        assert run(name, pod="far-1", names=far)["matched"] == 0
        done = run_module(name, pod="far-2", names=far)
        assert done["msg"].startswith(
            "pod: 'far-2' is no pod of the nodes that are asked; valid are far-1, other-1, "
        )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nosuch", "db-1", "--port", "80"), "SOURCE is 'nosuch'; valid is a pod or a node"),
        (("web-1", "nosuch", "--port", "80"), "DESTINATION is 'nosuch'; valid is a pod or a node"),
        (("db-2", "web-1"), "SOURCE is 'db-2'; valid is a pod or a node by its name (db-1, "),
        (("web-1", "db-1"), "--port is missing; valid is a whole number from 1 to 65535."),
        (("web-1", "db-1", "--port", "80", "--source-address", "x"), "--source-address is 'x'"),
        ((OTHER, "8.8.8.8", "--port", "80"), f"the packet begins at {OTHER}, not here: ask there"),
    ],
)
def test_a_question_that_is_none(node, words, said):
    done = podnet("why", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"podnet: {said}")


def series(text: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _blank, value in lines}


def test_metrics_are_what_the_node_counts(node):
    found = series(podnet("metrics").stdout)
    status = run("status_info", node=node)["status"]
    packets = {
        f"{one['hook']}/{one['verdict']}": one["packets"]
        for one in status["forwarded"] + status["drops"]
    }
    own = {
        re.sub(r'.*hook="(.*?)".*verdict="(.*?)".*', r"\1/\2", name): value
        for name, value in found.items()
        if name.startswith("podnet_packets_total{")
    }
    assert {key: own[key] >= packets[key] > 0 for key in packets} == dict.fromkeys(own, True)
    assert found['podnet_drops_total{reason="ingress_denied",direction="egress"}'] == 1
    assert found['podnet_drops_total{reason="too_big",direction="ingress"}'] == 0
    assert found['podnet_endpoints{state="up"}'] == len(node["endpoints"]) == 4
    assert found["podnet_endpoints_planned"] == 4
    times = [found[f"podnet_last_{what}_timestamp_seconds"] for what in ("change", "confirm")]
    assert 0 < times[0] <= times[1]
    assert found['podnet_addresses{state="used"}'] == status["ipam"]["used"]
    assert found["podnet_service_frontends"] == 2
    assert found["podnet_service_frontends_without_backends"] == 1
    assert found['podnet_service_backends{state="active"}'] == 1
    assert found['podnet_policy_endpoints{enforcement="ingress"}'] == 1
    assert found['podnet_policy_endpoints{enforcement="none"}'] == 3
    assert found['podnet_policy_drops_total{direction="ingress",verdict="dropped"}'] == 1
    rule = 'podnet_policy_packets_total{namespace="default",policy="db",rule="ingress[0]"}'
    assert found[rule] >= 1
    assert found["podnet_nat_flows"] >= 0
    maps = {one["name"]: one for one in status["maps"]}
    for name, value in found.items():
        if name.startswith("podnet_map_entries{"):
            assert value == maps[re.search(r'map="(.*?)"', name)[1]]["used"]
    listed = json.loads(podnet("metrics", "--json").stdout)["metrics"]
    assert sum(len(one["samples"]) for one in listed) == len(found)
    both = podnet("metrics", "--cilium-names").stdout
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=both, text=True, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    agent = f'k8s_app="cilium",pod="{HERE}"'
    dropped = f'cilium_drop_count_total{{direction="EGRESS",reason="Policy denied",{agent}}}'
    assert series(both)[dropped] == 1
    do("ip", "-n", "other-1", "link", "set", "eth0", "down")
    wait_for(
        "it is down",
        lambda: series(podnet("metrics").stdout)['podnet_endpoints{state="down"}'] == 1,
    )
    do("ip", "-n", "other-1", "link", "set", "eth0", "up")


#: Sends an address as many datagrams as it is told.
FLOOD = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
    for _turn in range(int(sys.argv[2])):
        one.sendto(b"x", (sys.argv[1], 9))
"""


def test_what_nobody_saw_for_want_of_room_is_counted(node):
    def flood(packets: int) -> None:
        ip = node["ip"]["web-1"]
        do("ip", "netns", "exec", "db-1", "python3", "-c", FLOOD, ip, str(packets))

    lost = 'podnet_events_lost_total{kind="packets"}'
    before = series(podnet("metrics").stdout)
    assert before['podnet_events_lost_total{kind="sockets"}'] == 0
    words = [command.COMMAND, "observe", "--follow", "--count", "3000", "--address", "0.0.0.0/0"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, **pipes) as looks, contextlib.ExitStack() as stack:
        stack.callback(looks.kill)
        wait_for("somebody looks", lambda: flood(1) or select.select([looks.stdout], [], [], 0)[0])
        looks.send_signal(signal.SIGSTOP)
        flood(12_000)
        looks.send_signal(signal.SIGCONT)
        said = looks.communicate()[1]
    after = series(podnet("metrics", "--cilium-names").stdout)
    missed = int(after[lost] - before[lost])
    assert missed > 1000
    assert re.findall(r"\d+", said)[0] == str(missed)
    agent = f'k8s_app="cilium",pod="{HERE}"'
    hubble = f'hubble_lost_events_total{{source="perf_event_ring_buffer",{agent}}}'
    assert after[hubble] == after[lost]


def test_metrics_say_which_other_nodes_answer(node):
    (peer,) = node["peers"]
    silent = f'podnet_peer_unreachable{{peer="{peer["name"]}",target="endpoint"}}'

    def health(state: str) -> dict[str, float]:
        found = series(podnet("metrics", "--cilium-names").stdout)
        agent = f'k8s_app="cilium",pod="{HERE}"'
        assert found.get(silent, 0) == found[f"cilium_unreachable_health_endpoints{{{agent}}}"]
        name = 'podnet_peer_health{{target="{}",state="{}"}}'
        return {target: found[name.format(target, state)] for target in ("node", "endpoint")}

    # Nobody has brought that node its part of the network.
    assert health("reachable") == {"node": 1, "endpoint": 0}
    do("ip", "-n", "peer", "link", "set", "lo", "up")
    do("ip", "-n", "peer", "addr", "add", peer["health_ip"], "dev", "lo")
    assert health("unreachable") == {"node": 0, "endpoint": 0}
    do("ip", "-n", "peer", "addr", "del", peer["health_ip"], "dev", "lo")
    do("ip", "-n", "peer", "link", "set", "eth0", "down")
    assert health("unreachable") == {"node": 1, "endpoint": 1}
    do("ip", "-n", "peer", "link", "set", "eth0", "up")


def test_a_scrape_is_answered_while_others_say_nothing(node):
    with listening("--cilium-names"):
        silent = [socket.create_connection(("127.0.0.1", 9964)) for _one in range(8)]
        answer = curl("/metrics", "-i")
        assert answer.splitlines()[0] == "HTTP/1.1 200 OK"
        assert "Content-Type: text/plain; version=0.0.4" in answer
        assert 'podnet_endpoints{state="up"} ' in answer
        assert 'cilium_endpoint_state{endpoint_state="ready"' in answer
        for one in silent:
            with one:
                one.settimeout(20)
                assert one.recv(100).startswith(b"HTTP/1.1 408")
        assert curl("/metrics", "-o", "/dev/null", "-w", "%{http_code}", "-X", "DELETE") == "405"
        assert curl("/", "-o", "/dev/null", "-w", "%{http_code}") == "404"
    done = podnet("metrics", "--http")
    assert done.returncode == 2
    assert "systemd starts it so" in done.stderr


def test_node_exporter_reads_the_file(node):
    folder = Path("/run/textfile")
    folder.mkdir()
    assert podnet("metrics", "--textfile", str(folder)).returncode == SOUND
    assert [path.name for path in folder.iterdir()] == [metrics.FILE]
    assert stat.S_IMODE((folder / metrics.FILE).stat().st_mode) == 0o644
    (folder / f".{metrics.FILE}.new").symlink_to("/etc/passwd")  # of somebody who owns the folder
    before = Path("/etc/passwd").read_bytes()
    assert podnet("metrics", "--textfile", str(folder)).returncode == SOUND
    assert Path("/etc/passwd").read_bytes() == before
    exporter = subprocess.Popen(
        [
            *("prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile"),
            *("--collector.textfile.directory", str(folder), "--web.listen-address", ADDRESS),
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for("it listens", lambda: ADDRESS in do("ss", "-Hltn"))
        found = series(curl())
        assert found['podnet_endpoints{state="up"}'] == 4
        assert found["node_textfile_scrape_error"] == 0
        assert f'node_textfile_mtime_seconds{{file="{folder}/{metrics.FILE}"}}' in found
    finally:
        exporter.terminate()
        exporter.wait()
    (folder / metrics.FILE).write_text("mine 1\n")
    done = podnet("metrics", "--textfile", str(folder))
    assert (done.returncode, "is not ours" in done.stderr) == (NO_ANSWER, True)
    assert podnet("metrics", "--textfile", "/nosuch").returncode == NO_ANSWER


def test_who_is_not_root_learns_nothing(node):
    assert stat.S_IMODE(command.COMMAND.stat().st_mode) == 0o700
    open_ = Path("/run/podnet")
    open_.write_bytes(command.COMMAND.read_bytes())
    open_.chmod(0o755)
    for word in WORDS:
        arguments = ("a", "b") if word.name == "why" else ()
        done = subprocess.run(
            [
                "setpriv",
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                open_,
                word.name,
                *arguments,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout) == (NO_ANSWER, "")
        assert done.stderr == "podnet: this needs root\n"
