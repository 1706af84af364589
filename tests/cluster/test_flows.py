# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two nodes count who talks to whom: the top talker is who it is, and its bytes are those sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .cluster import inventory

if TYPE_CHECKING:
    from collections.abc import Callable

    from .cluster import Cluster

SIZE = 2_000_000
SERVE = """
import socket
with socket.create_server(("", 50051)) as server:
    print("ready", flush=True)
    one, _who = server.accept()
    while one.recv(65536):
        pass
"""
SEND = f"""
import socket, sys
with socket.create_connection((sys.argv[1], 50051), 10) as one:
    one.sendall(bytes({SIZE}))
"""


def top(cluster: Cluster, host: str) -> dict[str, Any]:
    found: dict[str, Any] = cluster.json(host, "podnet", "flows", "--top", "1", "--json")["flows"][
        0
    ]
    return found


def test_both_nodes_know_the_top_talker(make_cluster: Callable[..., Cluster]) -> None:
    cluster = make_cluster(inventory(pods=2, podnet_flows=True))
    cluster.play("site").ok()
    (sender, source), (receiver, destination) = [
        next((place, ip) for place, ip in cluster.pods(host).items() if "/app-" in place)
        for host in ("node-1", "node-2")
    ]
    with cluster.start(receiver, "python3", "-c", SERVE) as server:
        assert server.stdout is not None
        try:
            assert server.stdout.readline() == "ready\n"
            cluster.exec(sender, "python3", "-c", SEND, destination)
        finally:
            server.terminate()
    for host, name, end in (("node-1", sender, "client"), ("node-2", receiver, "server")):
        found = top(cluster, host)
        assert (found["client"], found["server"], found["port"]) == (source, destination, 50051)
        assert found[f"{end}_name"] == name.partition("/")[2]
        assert found["syns"] == found["handshakes"] == 1
        # A packet of the kernel's may be many segments of the wire: its headers count once.
        assert SIZE < found["bytes"] < SIZE + 100 * (found["packets"] + SIZE // 1000)
        assert found["back_bytes"] < SIZE / 10
    page = cluster.folder / "page.html"
    cluster.play("status", "-e", f"podnet_report_page={page}").ok()
    shown = page.read_text().partition("<h2>Top flows</h2>")[2]
    first = shown.partition("<tbody>")[2].partition("</tr>")[0]
    names = [name.partition("/")[2] for name in (sender, receiver)]
    assert f'data-find="{names[0]} ' in first
    assert "TCP 50051" in first
