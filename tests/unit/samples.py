"""A node's part of a plan, as ``plan.files`` reads it."""

from __future__ import annotations

from typing import Any

NODE: dict[str, Any] = {
    "cluster": "demo",
    "network_type": "native_routing",
    "datapath": "ebpf",
    "vpc_cidr": "10.111.0.0/16",
    "native_routing_cidr": "10.111.0.0/16",
    "vxlan": None,
    "services": 0,
    "policies": 0,
    "isolation": False,
    "masquerade": None,
    "addresses": [],
    "pod_ranges": ["10.111.160.0/20"],
    "name": "node-e6e4d",
    "node_ip": "10.111.0.8",
    "device": "eth0",
    "device_ifindex": 2,
    "device_mtu": 9000,
    "attach_mode": "auto",
    "vpc_gateway": "10.111.0.1",
    "mtu": 1500,
    "usable": True,
    "reason": "",
    "pod_cidr": "10.111.160.0/25",
    "gateway_ip": "10.111.160.126",
    "gateway_mac": "0e:58:0a:6f:a0:7e",
    "health_ip": "10.111.160.125",
    "capacity": {"addresses": 128, "usable_pods": 64, "used": 1},
    "endpoints": [
        {
            "name": "podnet-health",
            "ip": "10.111.160.125",
            "mac": "0a:58:0a:6f:a0:7d",
            "kind": "health",
            "isolated": False,
        },
        {
            "name": "nginx-app-1",
            "ip": "10.111.160.1",
            "mac": "0a:58:0a:6f:a0:01",
            "kind": "pod",
            "isolated": False,
            "labels": {"app": "nginx"},
            "containers": [{"name": "nginx-app", "command": ["nginx"]}],
        },
    ],
    "peers": [
        {
            "name": "node-63344",
            "node_ip": "10.111.0.9",
            "pod_cidr": "10.111.160.128/25",
            "health_ip": "10.111.160.253",
            "route": "direct",
            "vtep_ip": None,
            "vtep_mac": None,
            "addresses": [],
        }
    ],
}
