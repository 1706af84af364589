"""The iptables rules of a node on which kube-proxy serves one service."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Address, IPv4Network

SERVICE, PORT = "10.96.0.80", 80


def rules(pod_cidr: IPv4Network, backends: Sequence[IPv4Address]) -> str:
    """Return input for iptables-restore: chains, hooks and marks as kube-proxy lays them out.

    A packet between two pods is no service's. It pays for connection tracking, for the state
    matches of the filter table, and a new connection for the walk through the service chain.
    """
    name = "NGINX0000000000A"
    service_chain = f"KUBE-SVC-{name}"
    endpoints = {f"KUBE-SEP-{number:016d}": ip for number, ip in enumerate(backends)}
    chosen = [
        f"-A {service_chain} -m comment --comment app/nginx"
        + (f" -m statistic --mode random --probability {1 / left:.10f}" if left > 1 else "")
        + f" -j {chain}"
        for left, chain in zip(range(len(endpoints), 0, -1), endpoints)
    ]
    dnat = [
        line
        for chain, ip in endpoints.items()
        for line in (
            f"-A {chain} -s {ip}/32 -m comment --comment app/nginx -j KUBE-MARK-MASQ",
            f"-A {chain} -p tcp -m comment --comment app/nginx -m tcp"
            f" -j DNAT --to-destination {ip}:{PORT}",
        )
    ]
    new = "-m conntrack --ctstate NEW -m comment --comment"
    portals = '"kubernetes service portals"'
    load_balancer = '"kubernetes load balancer firewall"'
    external = '"kubernetes externally-visible service portals"'
    return "\n".join(
        [
            "*mangle",
            ":KUBE-IPTABLES-HINT - [0:0]",
            ":KUBE-KUBELET-CANARY - [0:0]",
            ":KUBE-PROXY-CANARY - [0:0]",
            "COMMIT",
            "*filter",
            ":KUBE-EXTERNAL-SERVICES - [0:0]",
            ":KUBE-FIREWALL - [0:0]",
            ":KUBE-FORWARD - [0:0]",
            ":KUBE-NODEPORTS - [0:0]",
            ":KUBE-PROXY-CANARY - [0:0]",
            ":KUBE-PROXY-FIREWALL - [0:0]",
            ":KUBE-SERVICES - [0:0]",
            f"-A INPUT {new} {load_balancer} -j KUBE-PROXY-FIREWALL",
            '-A INPUT -m comment --comment "health check service ports" -j KUBE-NODEPORTS',
            f"-A INPUT {new} {external} -j KUBE-EXTERNAL-SERVICES",
            "-A INPUT -j KUBE-FIREWALL",
            f"-A FORWARD {new} {load_balancer} -j KUBE-PROXY-FIREWALL",
            '-A FORWARD -m comment --comment "forwarding rules" -j KUBE-FORWARD',
            f"-A FORWARD {new} {portals} -j KUBE-SERVICES",
            f"-A FORWARD {new} {external} -j KUBE-EXTERNAL-SERVICES",
            f"-A OUTPUT {new} {load_balancer} -j KUBE-PROXY-FIREWALL",
            f"-A OUTPUT {new} {portals} -j KUBE-SERVICES",
            "-A OUTPUT -j KUBE-FIREWALL",
            "-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack"
            " ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP",
            "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP",
            "-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT",
            "-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            "COMMIT",
            "*nat",
            ":KUBE-KUBELET-CANARY - [0:0]",
            ":KUBE-MARK-MASQ - [0:0]",
            ":KUBE-NODEPORTS - [0:0]",
            ":KUBE-POSTROUTING - [0:0]",
            ":KUBE-PROXY-CANARY - [0:0]",
            ":KUBE-SERVICES - [0:0]",
            f":{service_chain} - [0:0]",
            *(f":{chain} - [0:0]" for chain in endpoints),
            f"-A PREROUTING -m comment --comment {portals} -j KUBE-SERVICES",
            f"-A OUTPUT -m comment --comment {portals} -j KUBE-SERVICES",
            '-A POSTROUTING -m comment --comment "postrouting rules" -j KUBE-POSTROUTING',
            "-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000",
            "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
            "-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000",
            "-A KUBE-POSTROUTING -m comment --comment"
            ' "service traffic requiring SNAT" -j MASQUERADE --random-fully',
            f"-A KUBE-SERVICES -d {SERVICE}/32 -p tcp -m comment --comment app/nginx"
            f" -m tcp --dport {PORT} -j {service_chain}",
            '-A KUBE-SERVICES -m comment --comment "node ports; must be last"'
            " -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS",
            f"-A {service_chain} ! -s {pod_cidr} -d {SERVICE}/32 -p tcp -m comment"
            f" --comment app/nginx -m tcp --dport {PORT} -j KUBE-MARK-MASQ",
            *chosen,
            *dnat,
            "COMMIT",
            "",
        ]
    )
