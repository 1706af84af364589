"""health_responder and health_info: who answers, and who does not."""

from __future__ import annotations

import socket
from pathlib import Path

from ansible_collections.podnet.fabric.plugins.module_utils import health
from node_support import NODE_IP, PEER_IP
from running import do, run_module, until

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
