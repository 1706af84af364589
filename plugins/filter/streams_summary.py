# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: streams_summary
short_description: What was lost while the network was changed
version_added: 1.0.0
description:
  - From what M(podnet.fabric.connectivity_streams) has read on the hosts of a play to sums, and a report for people.
positional: _input, hostvars
options:
  _input:
    description: The names of the hosts whose streams flowed.
    type: list
    elements: str
    required: true
  hostvars:
    description:
      - The variables of all hosts, for what M(podnet.fabric.connectivity_streams) said, registered as C(streams_read).
    type: dict
    required: true
author: The podnet.fabric developers (@podnet)
"""

EXAMPLES = r"""
- name: Show what was lost
  ansible.builtin.debug:
    msg: "{{ (ansible_play_hosts_all | podnet.fabric.streams_summary(hostvars)).report }}"
  run_once: true
"""

RETURN = r"""
_value:
  description:
    - In C(data) C(ok), C(problems), how many C(streams) there were, how many messages were C(sent) and C(lost), and the longest
      C(silence) in seconds; in C(report) the lines for people.
  type: dict
"""

from typing import Any

from ansible_collections.podnet.fabric.plugins.module_utils.reports import streams
from ansible_collections.podnet.fabric.plugins.plugin_utils import reported


def streams_summary(names: list[str], hostvars: Any) -> dict[str, Any]:
    """Return how the streams went."""
    found = streams.summary(*reported.streams(names, hostvars))
    return {"data": found, "report": streams.render(found)}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"streams_summary": streams_summary}
