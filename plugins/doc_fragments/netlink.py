# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What modules of the kernel's own network have in common: links, routes, neighbors, namespaces."""

from __future__ import annotations


class ModuleDocFragment:
    """``podnet.fabric.netlink`` for all of these, ``changes`` for those that do not only read."""

    DOCUMENTATION = r"""
options: {}
requirements:
  - pyroute2 >= 0.7
"""

    CHANGES = r"""
attributes:
  check_mode:
    support: full
    details: What an earlier task would have made may be missing, of which a warning tells.
  diff_mode:
    support: full
    details: Shows the attributes that differ.
"""
