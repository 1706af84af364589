#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: converge
short_description: Bring one part of a node to its plan
version_added: 1.0.0
description:
  - Does every step that a part of the node takes, in order and in one process. Each step is the work of one of this
    collection's modules, which stand alone as well.
  - The roles run it, part by part in the order of O(part). A part waits for all nodes of the run to have the one before
    it, since they begin to send to each other then.
  - Where a step fails, those after it are not done, and what was done before it is returned.
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.changes
attributes:
  diff_mode:
    details: Shows what each step changes, below the step's name.
options:
  path:
    description:
      - The RV(podnet.fabric.plan#module:path) that M(podnet.fabric.plan) returned in this run. Needed for every part but
        V(node).
    type: str
  part:
    description:
      - V(node), mounts and settings of the host; V(datapath), the devices, maps and programs that take packets;
        V(peers), the routes, neighbors and entries of maps that send them to other nodes; V(endpoints), the pods;
        V(settle), the end of what an earlier choice of datapath or network type left; V(services) and V(masquerade);
        V(boot), what the node keeps to bring all of it back when it boots.
    type: str
    required: true
    choices: [node, datapath, peers, endpoints, settle, services, masquerade, boot]
  network_type:
    description: Fail where the plan of the node has another network type.
    type: str
    choices: [native_routing, overlay]
  sysctls:
    description:
      - The settings of the host that the user asked for, for the parts V(node), V(settle) and V(boot), and for one that goes
        on to them.
    type: dict
    default: {}
  look_ahead:
    description:
      - Whether the parts after this one are looked at in the same process, where this one is as planned already. Those
        up to the first that is not are passed over in this run without asking the node once more.
    type: bool
    default: false
  go_on:
    description:
      - Whether parts after this one that wait for no other node are done in the same process. Their tasks in this run then
        return what came of them, and do not ask the node once more.
      - Those are V(services), V(masquerade) and V(boot), up to one that loads programs. In a cluster of which all nodes
        answered, and none has been part of a network, it is all parts after V(datapath).
    type: bool
    default: false
  compile:
    description:
      - Whether the node compiles the programs of the part that M(podnet.fabric.bpf_compile) has not compiled in the same
        run.
      - With V(false), programs of any part that the node cannot load are listed in RV(lacks), and nothing is changed;
        where the part V(node) has said so in this run, the node is not asked once more.
    type: bool
    default: true
  _node:
    description: The node's slice of the plan. The action plugin fills it in.
    type: dict
  _sources:
    description: Sources of the programs of the part. The action plugin fills it in.
    type: dict
  _services:
    description: The services of the node's cluster. The action plugin fills it in.
    type: str
  _policies:
    description: What the node is to hold of network policies. The action plugin fills it in.
    type: list
    elements: str
  _labels:
    description: The pods of the node's cluster by their labels, with C(--diff). The action plugin fills it in.
    type: list
    elements: str
  _folded:
    description: Sources of the programs, for the node's command. The action plugin fills it in.
    type: dict
  _guard:
    description: Who changes the node, and for how long a change waits to be confirmed. The action plugin fills it in.
    type: dict
seealso:
  - module: podnet.fabric.plan
  - module: podnet.fabric.node_plan
  - module: podnet.fabric.bpf_compile
"""

EXAMPLES = r"""
- name: Begin with nodes that have no pod network
  hosts: podnet_nodes
  gather_facts: false
  tasks:
    - name: Plan the network
      ansible.builtin.include_role:
        name: podnet.fabric.plan

    - name: Mount bpffs and cgroup2, set kernel settings
      podnet.fabric.converge:
        path: "{{ podnet_node.path }}"
        part: node
        sysctls: {net.core.somaxconn: 8192}
"""

RETURN = r"""
changes:
  description: What was changed, or in check mode would be, a line each; of a step that changes more, the first 100.
  returned: success
  type: list
  elements: str
  sample: [change sysctl net.ipv4.conf.pn_host.forwarding, create program from_netdev]
steps:
  description: The steps that changed something.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: What the step does.
      type: str
      sample: Set forwarding
    changes:
      description: What it changed.
      type: list
      elements: str
      sample: [change sysctl net.ipv4.conf.pn_host.forwarding]
    count:
      description: How many lines there would be; C(changes) has the first hundred.
      type: int
      sample: 1
unfinished:
  description: The endpoints that are not as they are wanted, as RV(podnet.fabric.endpoints#module:unfinished); all else is done.
  returned: when the module fails at its end
  type: list
  elements: dict
  sample: []
as_planned:
  description: The parts that a look ahead found to be as planned.
  returned: with O(look_ahead), where nothing was changed
  type: list
  elements: str
  sample: [datapath, peers, endpoints, settle]
lacks:
  description:
    - What must be compiled first, as RV(podnet.fabric.bpf_program#module:lacks). With O(compile=false) nothing was
      changed; the part V(node) loads nothing, and says it for those after it.
  returned: with O(compile=false) or O(part=node), when something must be
  type: dict
  sample:
    machine: x86_64
    compiler: false
    programs: {guard: 9f2b7c5d0a9f6a0d6ef8f7b4f3a9f0c2fd0b2c4f7e5a9d3c1b0a8f7e6d5c4b3a}
armed:
  description: Whether the node undoes what the run has changed on it, or in check mode would, unless the run confirms it.
  returned: where it does
  type: bool
  sample: true
log:
  description: Output of the compiler or the verifier.
  returned: when a program is refused
  type: list
  elements: str
  sample: ["guard.c:3:14: error: no member named 'port' in 'struct bpf_sock_addr'"]
"""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.engine.change import announced
from ansible_collections.podnet.fabric.plugins.module_utils.engine.spec import Call
from ansible_collections.podnet.fabric.plugins.module_utils.installed import runs
from ansible_collections.podnet.fabric.plugins.module_utils.steps import converge, parts
from ansible_collections.podnet.fabric.plugins.module_utils.steps.given import Given
from ansible_collections.podnet.fabric.plugins.module_utils.words import main as command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.podnet.fabric.plugins.module_utils.steps.guard import Guard

#: Ansible sends what it finds imported, and the node's command is made of what was sent.
SENT = command


def of_run(wanted: dict[str, Any], node: Mapping[str, Any], call: Call) -> Guard:
    """Return the guard of a run."""
    from ansible_collections.podnet.fabric.plugins.module_utils.steps.guard import Guard  # noqa: PLC0415

    words = {word: wanted[word] for word in ("run", "by", "seconds", "armed")}
    return Guard(node=node, check_mode=call.check_mode, **words)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **parts.ARGUMENTS,
            "_node": {"type": "dict"},
            "_sources": {"type": "dict"},
            "_services": {"type": "str"},
            "_policies": {"type": "list", "elements": "str"},
            "_labels": {"type": "list", "elements": "str"},
            "_folded": {"type": "dict"},
            "_guard": {"type": "dict"},
        },
        required_if=parts.NEED_PLAN,
        supports_check_mode=True,
        no_log=True,  # the journal is no place for a plan
    )
    options = module.params
    if options["_node"] is None:
        module.fail_json(
            msg=f"path: {options['path']!r} is read where Ansible runs, by the action plugin of this module; "
            "call it as podnet.fabric.converge."
        )
    steps = parts.steps(options["part"], options["_node"])
    ahead = parts.after(options["part"], options["_node"]) if options["look_ahead"] else {}
    alone = parts.alone_after(options["part"], options["_node"]) if options["go_on"] else {}
    given = Given(
        options["_node"],
        options["sysctls"],
        options["_sources"] or {},
        options["_services"] or "",
        options["_policies"] or (),
        options["_labels"],
        options["_folded"] or {},
    )
    call = Call(module.check_mode, partial(runner.require, module), module.warn)
    guard = of_run(options["_guard"], given.node, call) if options["_guard"] else None

    def work() -> dict[str, Any]:
        if guard:
            guard.begin()
            if options["_guard"].get("confirms"):
                guard.confirm()
                return {"changed": False, "changes": [], "steps": []}
        with announced(runs.note_change):
            done = converge.converge(converge.to_do(steps, call), given, call, guard)
        if ahead and not done["changed"]:
            found = converge.look_ahead(ahead, replace(given, labels=None), call)
            # The last part confirms what is pending, be it as planned.
            confirms = guard is not None and guard.armed
            done["as_planned"] = [part for part in found if part != "boot" or not confirms]
        if options["part"] == "node" and (lacking := converge.lacking(given, call)):
            done["lacks"] = lacking
        if alone and "lacks" not in done:
            with announced(runs.note_change):
                done["went_on"] = converge.go_on(alone, given, call, guard)
        if guard and guard.armed:
            done["armed"] = True
        if not module._diff:
            for each in (done, *done.get("went_on", {}).values()):
                each.pop("diff", None)  # in a large cluster it is long, and every node has it
        return done

    runner.run(module, work, needs=converge.needs(steps, *ahead.values(), *alone.values()))


if __name__ == "__main__":
    main()
