# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Answer for this node what becomes of a packet, by the module's own code, for each line.

Its argument is the folder of collections; a line has the module's options as JSON, and what
programs are made of below ``sources``; nothing but ``null`` asks who the node is.
"""

import json
import sys

sys.path.insert(0, sys.argv[1])

from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.why import node, way


def answered(asked):
    if asked is None:
        return way.known()
    try:
        return node.answer(
            {"written": {}, **asked["options"]}, asked["sources"], lambda _name: None
        )
    except Failure as failure:
        return {"failed": failure.message}


for line in sys.stdin:
    print(json.dumps(answered(json.loads(line))), flush=True)
