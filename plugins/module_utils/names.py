# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is ours: the names by which everything that this collection makes is recognised.

Purge and teardown touch what carries one of these names, and nothing else.
"""

from __future__ import annotations

import hashlib

#: First letters of every device that the roles make. ``pn_host``, ``pn_net``, ``pn_vxlan``.
DEVICE_PREFIX = "pn_"
GATEWAY_DEVICE = "pn_host"
GATEWAY_PEER = "pn_net"
OVERLAY_DEVICE = "pn_vxlan"

#: The classic datapath's bridge, under the name that the field knows it by; its alias is ours.
BRIDGE_DEVICE = "cbr0"

#: The health endpoint of each node, which probes ask, and its network namespace.
HEALTH = "podnet-health"

#: First bytes of the MAC addresses of pods and tunnel endpoints, and of the gateways that pods
#: have; the four bytes of an IP address follow.
POD_MAC_PREFIX = "0a:58:"
GATEWAY_MAC_PREFIX = "0e:58:"

#: ``ip link`` alias of every device that the roles make: ``podnet:<kind>:<name>``.
ALIAS_PREFIX = "podnet:"

#: ``rtm_protocol`` of every route that the roles make. Unassigned in iproute2's rt_protos.
ROUTE_PROTOCOL = 112

#: The one bpffs folder; pins below it are readable by root alone.
BPFFS = "/sys/fs/bpf"
PIN_ROOT = BPFFS + "/podnet"
MAP_PINS = PIN_ROOT + "/maps"
PROGRAM_PINS = PIN_ROOT + "/programs"
LINK_PINS = PIN_ROOT + "/links"

#: Files that outlive a run on a node: what teardown needs to restore (see roles/node).
STATE_DIR = "/var/lib/podnet"

#: Stands in every file of ours that lies among those of others.
MARK = "podnet.fabric"

#: Handle and priority of our filter where a device has clsact instead of tcx.
CLSACT_PRIORITY = 112
CLSACT_HANDLE = 1

#: Room for a name in the kernel: IFNAMSIZ less its final zero byte.
DEVICE_NAME_MAX = 15

#: The namespace, in Kubernetes' sense, of pods that name none.
DEFAULT_NAMESPACE = "default"

#: Longest name of an endpoint. A pod's has up to 253 characters, but it stands in the alias of its
#: device, and that has 255 (IFALIASZ less its final zero byte).
ENDPOINT_NAME_MAX = 255 - len(ALIAS_PREFIX + "endpoint:")


def endpoint(namespace: str, pod: str) -> str:
    """Name of a pod's endpoint: ``web-1``, and ``shop_web-1`` in the namespace ``shop``.

    It is the pod's one name below the plan: of its network namespace, in its device's alias, in
    maps and reports. So it is a file's name, and pods of the namespace ``default`` keep the names
    that they had before there were others. No name of DNS-1123 has an underscore: two pods never
    share one.
    """
    return pod if namespace == DEFAULT_NAMESPACE else f"{namespace}_{pod}"


def endpoint_device(endpoint: str) -> str:
    """Host-side device of an endpoint: ``pn_`` and 12 hex digits that follow from its name.

    A name of the kernel has 15 characters and a pod's name many more, so it cannot stand there
    itself; it stands in the device's alias.
    """
    return DEVICE_PREFIX + hashlib.sha256(endpoint.encode()).hexdigest()[:12]


def alias(kind: str, name: str) -> str:
    """Alias of a device of ours, such as ``podnet:endpoint:nginx-app-1``."""
    return f"{ALIAS_PREFIX}{kind}:{name}"


def parse_alias(device_alias: str | None) -> tuple[str, str] | None:
    """Kind and name that an alias of ours stands for, None where it is not one of ours."""
    if device_alias is None or not device_alias.startswith(ALIAS_PREFIX):
        return None
    kind, _colon, name = device_alias[len(ALIAS_PREFIX) :].partition(":")
    return kind, name


#: First bytes of the MAC address with which each device of a node's own is made.
_MAC_PREFIXES = {
    GATEWAY_DEVICE: GATEWAY_MAC_PREFIX,
    GATEWAY_PEER: GATEWAY_MAC_PREFIX,
    BRIDGE_DEVICE: GATEWAY_MAC_PREFIX,
    OVERLAY_DEVICE: POD_MAC_PREFIX,
}


def is_our_device(name: str, device_alias: str | None, mac: str | None) -> bool:
    """Say whether a device by one of our names is ours: its alias tells.

    It gets that when it is made already: where a run was killed in between, its MAC address tells,
    since others may use the name, too.
    """
    if device_alias:
        return parse_alias(device_alias) is not None
    prefix = _MAC_PREFIXES.get(name)
    return prefix is not None and (mac or "").startswith(prefix)
