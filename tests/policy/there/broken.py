# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Break something of this node, while the test's pods are there.

Its arguments are the folder of collections, and names of what is below.
"""

import subprocess
import sys

sys.path.insert(0, sys.argv[1])

from ansible_collections.podnet.fabric.plugins.module_utils.connectivity import items
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.layout import ALLOCATIONS
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.pinned import own
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.policy_layout import (
    POLICY_PODS,
)
from ansible_collections.podnet.fabric.plugins.module_utils.datapath.service_layout import (
    SERVICE_NODE_PORT,
    SERVICES,
)
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import attach, hooks, maps
from ansible_collections.podnet.fabric.plugins.module_utils.services import held

#: MTU of a pod that is smaller than planned.
MTU = "1400"


def pods(role):
    """Return the test's pods of a role: names and addresses as keys of maps."""
    with maps.open_pin(ALLOCATIONS.pin) as table:
        found = {
            ALLOCATIONS.unpack_key(key)["name"]: value[:16] for key, value in table.items().items()
        }
    return {name: key for name, key in found.items() if items.is_own(name) and f"_{role}-" in name}


def policy():
    """Let the pod ``guarded`` have rules of nobody."""
    with own(POLICY_PODS) as table:
        for address in pods("guarded").values():
            value = bytearray(table.get(address))
            value[4:20] = bytes(16)  # its sets
            table.update({address: bytes(value)})


def node_port():
    """Close the node port of the test's service."""
    with held.read() as found:
        keys = [
            key
            for key, numbers in found.frontends.items()
            if (found.name(numbers.id) or "").startswith(items.ECHO)
            and numbers.kind == SERVICE_NODE_PORT
        ]
    assert keys
    with own(SERVICES) as table:
        table.delete(keys)


def mtu():
    """Make the device of the pod ``client`` too small."""
    for name in pods("client"):
        subprocess.run(["ip", "-n", name, "link", "set", "eth0", "mtu", MTU], check=True)


def program():
    """Detach what takes packets for pods from the node's device."""
    with attach.Attacher() as attacher:
        attacher.remove(hooks.Place("tc_ingress", "eth0"))


for word in sys.argv[2:]:
    globals()[word]()
