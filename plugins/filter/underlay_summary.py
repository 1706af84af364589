# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: underlay_summary
short_description: What is in the way between nodes
version_added: 1.0.0
description:
  - From what the hosts of a play have sent and heard to what drops packets between them, in words.
positional: _input, hostvars
options:
  _input:
    description: The names of the hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description:
      - The variables of all hosts, for what M(podnet.fabric.underlay_info) said, registered as C(underlay_sent) and
        C(underlay_heard).
    type: dict
    required: true
author: The podnet.fabric developers (@podnet)
"""

EXAMPLES = r"""
- name: Say what is in the way
  ansible.builtin.debug:
    msg: "{{ (ansible_play_hosts_all | podnet.fabric.underlay_summary(hostvars)).report }}"
  run_once: true
"""

RETURN = r"""
_value:
  description:
    - In C(data) C(ok), C(problems) and C(pairs); C(report), the lines for people.
  type: dict
"""

from typing import Any

from ansible_collections.podnet.fabric.plugins.module_utils.underlay import verdict
from ansible_collections.podnet.fabric.plugins.plugin_utils import reported


def underlay_summary(names: list[str], hostvars: Any) -> dict[str, Any]:
    """Return what is in the way."""
    said, failures = reported.underlay(names, hostvars)
    found = verdict.summary({name: verdict.read(*both) for name, both in said.items()})
    problems = [*(f"{name}: {why}" for name, why in failures.items()), *found["problems"]]
    return {
        "data": {**found, "ok": not problems, "problems": problems},
        "report": verdict.render(found, failures),
    }


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"underlay_summary": underlay_summary}
