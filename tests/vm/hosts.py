# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the tests ask of a machine's kernel, and what happens to a machine."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from tests.cluster.cluster import GATEWAY
from tests.cluster.probes import everybody_reaches_everybody, probe, silent
from tests.waiting import wait_for

from .machine import DEVICE

if TYPE_CHECKING:
    from collections.abc import Callable

    from .machines import Machines

#: Seconds that a network which comes back by itself may need for it.
BY_ITSELF = 120

#: Prints each list of the kernel that a packet's way depends on, a line of JSON each.
WAYS = """
ip -j -4 address show scope global
ip -j route show table all
ip -j rule
ip -j neighbour show nud permanent
"""

#: In a host's lists, what is not set but counted or seen.
UNSTABLE = {
    *("valid_life_time", "preferred_life_time", "ifindex", "link", "operstate", "qdisc"),
    *("used", "updated", "confirmed"),
}


def ways(machines: Machines, node: str) -> list[str]:
    """Return addresses, routes, rules and permanent neighbors of a machine, a line each."""
    lines = machines.exec(node, "sh", "-e", stdin=WAYS).splitlines()
    kinds = ("address", "route", "rule", "neighbour")
    found = zip(kinds, (json.loads(line or "[]") for line in lines), strict=True)
    return sorted(f"{kind} {_stable(each)}" for kind, objects in found for each in objects if each)


def _stable(told: Any) -> str:
    def without(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: without(value) for key, value in part.items() if key not in UNSTABLE}
        # The order of a device's addresses is nobody's matter: our routes name their source.
        return sorted(map(without, part), key=json.dumps) if isinstance(part, list) else part

    return json.dumps(without(told), sort_keys=True)


def everybody_is_reached(machines: Machines) -> None:
    """Fail unless pods and nodes reach pods and nodes, and hosts of the VPC and outside do, too.

    Nodes send to each other's pods themselves: the VPC's router, which would do it for them, does
    not.
    """
    pods = machines.pods()
    for node in machines.nodes:
        for place, address in pods.items():
            if not place.startswith(f"{node}/"):
                (route,) = machines.json(node, "ip", "-j", "route", "get", address)
                assert route.get("gateway") != GATEWAY, f"{node} has no route to {place}"
    everybody_reaches_everybody(machines)
    assert silent(probe(machines, ["vpc-server", "internet"], list(pods.values()))) == []


def come_back(machines: Machines, node: str, before: list[str]) -> None:
    """Wait until a machine has its ways again; fail with those that it then has not."""
    end = time.monotonic() + BY_ITSELF
    while (now := ways(machines, node)) != before and time.monotonic() < end:
        time.sleep(0.5)
    lost = [f"- {line}" for line in before if line not in now]
    lost += [f"+ {line}" for line in now if line not in before]
    assert not lost, "\n".join(["did not come back, or came beside it:", *lost])


def _reload(machines: Machines, node: str) -> None:
    machines.exec(node, "networkctl", "reload")


def _reconfigure(machines: Machines, node: str) -> None:
    machines.exec(node, "networkctl", "reconfigure", DEVICE)


def _restart(machines: Machines, node: str) -> None:
    machines.exec(node, "systemctl", "restart", "systemd-networkd")


def _flap(machines: Machines, node: str) -> None:
    """Pull the cable of a machine, and plug it in when networkd has noticed."""
    machine, word = machines.machines[node], f"no carrier {time.monotonic_ns()}"
    notices = f"""
    file=/run/systemd/netif/links/$(cat /sys/class/net/{DEVICE}/ifindex)
    until grep -q OPER_STATE=no-carrier "$file"; do sleep 0.1; done
    echo '{word}' >/dev/console
    """
    machines.exec(node, "systemd-run", "--quiet", "--collect", "sh", "-c", notices)
    machine.set_link(up=False)
    wait_for(f"networkd of {node} sees no carrier", lambda: machine.said(word))
    machine.set_link(up=True)
    machines.wait_until_up(node)


#: What happens on a host that systemd-networkd configures.
EVENTS: dict[str, Callable[[Machines, str], None]] = {
    "reload": _reload,
    "reconfigure": _reconfigure,
    "restart": _restart,
    "a link that flaps": _flap,
}


def happens(event: str, machines: Machines, node: str) -> None:
    """Let something happen to a machine; return when networkd has done with it."""
    EVENTS[event](machines, node)
    file = f"/run/systemd/netif/links/$(cat /sys/class/net/{DEVICE}/ifindex)"
    ready = f'grep -q ADMIN_STATE=configured "{file}" && grep -q OPER_STATE=routable "{file}"'
    wait_for(
        f"networkd has configured {node}",
        lambda: machines.try_exec(node, "sh", "-c", ready).returncode == 0,
    )
