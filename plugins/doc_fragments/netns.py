# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The option ``netns``: where a module works, or those of its items that say nothing else."""

from __future__ import annotations


class ModuleDocFragment:
    """``podnet.fabric.netns``."""

    DOCUMENTATION = r"""
options:
  netns:
    description:
      - Network namespace to work in, as a name of C(ip netns) or the path of a namespace file,
        such as C(/proc/4711/ns/net) for that of a process.
      - The default is the one in which the module runs.
    type: str
"""
