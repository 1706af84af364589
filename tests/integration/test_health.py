"""health_responder and health_info: who answers, and who does not."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.node import health
from node_support import NODE_IP, PEER_IP
from running import FORK, Beside, do, run_module, until

pytest_plugins = ["node_support"]

PORT = 4240


def respond(**more):
    places = [{"address": NODE_IP}, {"address": PEER_IP, "netns": "peer"}]
    return run_module("health_responder", **{"places": places, "port": PORT, **more})


def responder():
    """Number of the living responder, None where there is none."""
    try:
        pid = health.PID_FILE.read_text().split()[0]
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return None
    return None if state == "Z" else int(pid)


def probe(*targets, **more):
    named = [{"name": f"node-{number}", **target} for number, target in enumerate(targets)]
    return run_module("health_info", targets=named, **{"port": PORT, "timeout": 1, **more})


def test_health_of_all_that_answers(bare):
    for check in (False, True):
        assert respond(check=check)["changed"] is False
        found = probe({"host": NODE_IP, "local": True}, {"host": PEER_IP, "endpoint": NODE_IP})
        assert found["unreached"] == []
        assert found["changed"] is False
        for node in found["nodes"]:
            for side in {"host", "endpoint"} & set(node):
                for kind in ("icmp", "http"):
                    assert node[side][kind]["ok"] is True
                    assert 0 < node[side][kind]["rtt"] < 1
        assert found["report"].count("OK, RTT=") == 6
        first = responder()
        # One that runs is replaced.
        assert not respond().failed
        assert responder() not in (None, first)
        assert run_module("health_responder", state="stopped")["changed"] is False
        until(lambda: responder() is None)
    assert run_module("health_responder", state="stopped")["changed"] is False


def test_a_namespace_that_is_not_there_is_named(bare):
    for netns, sentence in {
        "nobodys": "places: there is no network namespace 'nobodys' here; podnet-health is ",
        # A network would have that of each node.
        "podnet-health": "the pod network is not on this node; ",
    }.items():
        places = [{"address": NODE_IP, "netns": netns}]
        done = run_module("health_responder", places=places, port=4240)
        assert done["msg"].startswith(sentence)
        assert responder() is None


def test_modules_that_read_a_network_say_that_there_is_none(bare):
    for module in ("drops_info", "flows_info", "nat_info"):
        said = run_module(module)["report"]
        assert said == "the pod network is not on this node; the playbook site brings it up"


def test_an_address_that_does_not_answer_is_named(bare):
    respond()
    found = probe({"host": PEER_IP}, {"host": PEER_IP, "endpoint": "10.111.0.99"})
    assert found["unreached"] == ["node-1"]
    (_itself, node) = found["nodes"]
    assert [node["host"][kind]["ok"] for kind in ("icmp", "http")] == [True, True]
    assert [node["endpoint"][kind]["ok"] for kind in ("icmp", "http")] == [False, False]
    assert "Endpoint connectivity to 10.111.0.99:" in found["report"]
    # It answers pings and not HTTP.
    found = probe({"host": PEER_IP}, port=PORT + 1)
    assert found["nodes"][0]["host"]["http"]["error"] == "Connection refused"
    assert found["unreached"] == ["node-0"]
    run_module("health_responder", state="stopped")


def test_the_responder_ends_by_itself(bare):
    respond(lifetime=1)
    assert responder() is not None
    until(lambda: responder() is None)
    assert probe({"host": NODE_IP})["unreached"] == ["node-0"]


def test_a_port_in_use_is_said_and_nothing_is_started(bare):
    with socket.socket() as taken:
        taken.bind((NODE_IP, PORT))
        taken.listen()
        run = respond()
    assert run.failed
    assert f"{NODE_IP}:{PORT} cannot be listened on: Address already in use" in run["msg"]
    assert responder() is None
    assert do("ip", "netns", "exec", "peer", "ss", "-Hltn") == ""
    run = respond(places=[{"address": "10.9.9.9"}])
    assert run.failed
    assert "10.9.9.9:4240 cannot be listened on" in run["msg"]


#: What clients send that is no whole request, and whether they go at once.
VISITORS = {
    "nothing": (b"", False),
    "half a request": (b"GET /hello HTTP/1.1\r\nHost: x\r\n", False),
    "no HTTP": (b"\x16\x03\x01\x02\x00\r\n\r\n", False),
    "a line without an end": (b"x" * 200_000, False),
    "a request of one who has gone": (b"GET / HTTP/1.1\r\n\r\n", True),
}


def visit(number, sent, *, goes):
    """Open connections to the responder; keep those open that do not go."""
    found = []
    for _each in range(number):
        client = socket.create_connection((NODE_IP, PORT), timeout=30)
        found.append(client)
        with contextlib.suppress(OSError):
            client.sendall(sent)
        if goes:
            client.close()
    return found


@pytest.mark.parametrize(("sent", "goes"), VISITORS.values(), ids=list(VISITORS))
def test_the_responder_answers_whoever_else_comes(bare, sent, goes):
    respond()
    first = responder()
    try:
        # More than it keeps at once, too.
        for number in (4, 900):
            clients = visit(number, sent, goes=goes)
            found = probe({"host": NODE_IP}, {"host": PEER_IP})
            assert found["unreached"] == [], found["nodes"]
            for client in clients:
                client.close()
        assert responder() == first
    finally:
        run_module("health_responder", state="stopped")


def test_a_request_in_pieces_is_answered_and_what_is_none_is_refused(bare):
    respond()
    try:
        for sent, status in ((b"GET / HTTP/1.1\r\n\r\n", b"200"), (b"hello\r\n\r\n", b"400")):
            with socket.create_connection((NODE_IP, PORT), timeout=30) as client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for byte in sent:
                    client.sendall(bytes([byte]))
                with client.makefile("rb") as answer:
                    assert answer.readline().split()[1] == status
    finally:
        run_module("health_responder", state="stopped")


#: What a server says that is no answer of HTTP, whether it says it a byte at a time for good, and
#: what is told of it.
SERVERS = {
    "SSH": (b"SSH-2.0-OpenSSH_9.2\r\n", False, "no HTTP: 'SSH-2.0-OpenSSH_9.2"),
    "a status that is none": (b"HTTP/1.1 fine\r\n\r\n", False, "no HTTP"),
    "a header without an end": (b"HTTP/1.1 200 OK\r\n" + b"x" * 70_000, False, "no HTTP"),
    "nothing": (b"", False, "losed"),
    "drops for good": (b"HTTP/1.1 200 OK\r\n", True, "within 1 s"),
}


@pytest.mark.parametrize(("said", "for_good", "told"), SERVERS.values(), ids=list(SERVERS))
def test_an_answer_that_is_no_http_is_told_in_words(bare, said, for_good, told):
    over = FORK.Event()

    def serve():
        with contextlib.suppress(OSError):
            client, _address = listener.accept()
            with client:
                client.sendall(said)
                while for_good and not over.wait(0.1):
                    client.sendall(b"x")
                client.shutdown(socket.SHUT_WR)
                client.recv(1 << 16)

    with socket.create_server((NODE_IP, PORT)) as listener:
        server = Beside(serve)
        found = probe({"host": NODE_IP})
        over.set()
        server.result()
    assert not found.failed, found["msg"]
    assert found["unreached"] == ["node-0"]
    http = found["nodes"][0]["host"]["http"]
    assert http["ok"] is False
    assert told in http["error"]
    assert f"HTTP to agent:   Connection failed: {http['error']}" in found["report"]
