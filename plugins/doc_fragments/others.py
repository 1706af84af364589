# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The option ``names``: who the pods of other nodes are, which a node does not know itself."""

from __future__ import annotations


class ModuleDocFragment:
    """``podnet.fabric.others``, for modules with an option ``pod``."""

    DOCUMENTATION = r"""
options:
  names:
    description:
      - Pods of other nodes by their addresses, as RV(podnet.fabric.packet_path_info#module:pods) of
        those nodes has them the other way round. They are named in what is returned, and O(pod) has
        to be a pod of one of the nodes.
      - Of a node that is told nothing O(pod) may be anybody. Where no pod of the node fits it,
        nothing is returned.
    type: dict
    default: {}
"""
