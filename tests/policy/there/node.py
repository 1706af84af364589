# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring this node to policies as a run does, by the module's own code, and again for each line.

Its argument is the folder of collections; a line has the module's options as JSON. Prints
``{"done": true}`` first, and when the node holds them.
"""

import json
import sys

sys.path.insert(0, sys.argv[1])

from ansible_collections.podnet.fabric.plugins.module_utils.datapath import layout
from ansible_collections.podnet.fabric.plugins.module_utils.engine.bpf import maps
from ansible_collections.podnet.fabric.plugins.module_utils.policy import converge, notes, wanted
from ansible_collections.podnet.fabric.plugins.module_utils.policy.comparison import Does

ENDPOINTS = layout.ENDPOINTS


def isolate(want):
    """Let pods be judged, as the module endpoints does between the two calls of a run."""
    with maps.open_pin(ENDPOINTS.pin) as found:
        for address, pod in want.pods.items():
            value = ENDPOINTS.unpack_value(found.get(address))
            if value["flags"] & layout.ENDPOINT_ISOLATED:
                continue
            value["flags"] |= layout.ENDPOINT_ISOLATED
            notes.keep(want.netns[address], address, pod)
            found.update({address: ENDPOINTS.pack_value(**value)})
            notes.keep(want.netns[address], address, pod)


def bring(options):
    want = wanted.read(options)
    converge.converge(want, Does(), check_mode=False)
    isolate(want)
    converge.converge(want, Does(purge=True), check_mode=False)


def done():
    print(json.dumps({"done": True}), flush=True)


done()
for line in sys.stdin:
    bring(json.loads(line))
    done()
