# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: connectivity_summary
short_description: How the scenarios of the connectivity test went
version_added: 1.0.0
description:
  - From what the hosts of a play have asked and seen to a result for each scenario, with a report for people and one in JUnit's XML.
positional: _input, hostvars, scenarios
options:
  _input:
    description: The names of the hosts that were to ask.
    type: list
    elements: str
    required: true
  hostvars:
    description:
      - The variables of all hosts, for what M(podnet.fabric.connectivity_pods) and M(podnet.fabric.connectivity_info) said,
        registered as C(connectivity_made), C(connectivity_probed), C(connectivity_outside) and C(connectivity_dropped).
    type: dict
    required: true
  scenarios:
    description: Names of scenarios or of groups of them, a list or a text with commas; by default all.
    type: raw
    default: []
author: The podnet.fabric developers (@podnet)
"""

EXAMPLES = r"""
- name: Show how the connectivity test went
  ansible.builtin.debug:
    msg: "{{ (ansible_play_hosts_all | podnet.fabric.connectivity_summary(hostvars)).report }}"
  run_once: true
"""

RETURN = r"""
_value:
  description:
    - In C(data) C(ok), C(passed), C(failed), C(skipped) and C(problems) of all, and each of C(scenarios) with its C(actions),
      what these asked, expected and saw; C(report), the lines for people; C(failure), a sentence;
      C(junit), the XML; C(tested), the scenarios as M(podnet.fabric.report_page) takes them.
  type: dict
"""

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.podnet.fabric.plugins.module_utils.connectivity import scenarios as table
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.reports import connectivity
from ansible_collections.podnet.fabric.plugins.module_utils.underlay import verdict
from ansible_collections.podnet.fabric.plugins.plugin_utils import reported, survey


def connectivity_summary(names: list[str], hostvars: Any, scenarios: Any = None) -> dict[str, Any]:
    """Return how the scenarios went."""
    try:
        chosen = table.chosen(survey.listed(scenarios, "podnet_scenarios") or [])
    except Failure as failure:
        raise AnsibleFilterError(failure.message) from failure
    between = None
    if any(hostvars[name].get("underlay_sent") for name in names):
        said, failed = reported.underlay(names, hostvars)
        found = verdict.summary({name: verdict.read(*both) for name, both in said.items()})
        between = [*(f"{name}: {why}" for name, why in failed.items()), *found["problems"]]
    found = connectivity.summary(chosen, *reported.connectivity(names, hostvars), between)
    return {
        "data": found,
        "report": connectivity.render(found),
        "failure": connectivity.failure(found),
        "junit": connectivity.junit(found),
        "tested": connectivity.tested(found),
    }


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Any]:
        """Return them by name."""
        return {"connectivity_summary": connectivity_summary}
