# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a controller (AWX) holds for the pod network: the one table of templates and workflow."""

from __future__ import annotations

from dataclasses import dataclass

from ..plan.inventory import DATAPATHS
from ..plan.model import NETWORK_TYPES


@dataclass(frozen=True)
class Question:
    """A question of a survey; the argument specs of the roles describe its variable.

    :param asks: the question in a few words.
    :param type: as in an argument spec, where the role's own says ``raw``: the plan reads it.
    :param choices: the words to choose from, where the role's own spec lists none.
    :param limits: least and greatest number.
    """

    variable: str
    asks: str
    type: str = ""
    choices: tuple[str, ...] = ()
    limits: tuple[int, int] | None = None


@dataclass(frozen=True)
class Template:
    """A job template.

    :param playbook: of the collection; the project has a file of that name, which imports it.
    :param fixed: playbook and inventory are of the branch to go back to; it takes no answers.
    """

    name: str
    playbook: str
    description: str
    questions: tuple[Question, ...] = ()
    check: bool = False
    fixed: bool = False


@dataclass(frozen=True)
class Node:
    """A node of the workflow.

    :param template: the template that it runs; without one it waits for a person's approval.
    :param success: identifiers of the nodes that follow where it succeeds.
    :param failure: of those that follow where it fails.
    """

    identifier: str
    template: str = ""
    success: tuple[str, ...] = ()
    failure: tuple[str, ...] = ()


NETWORK = (
    Question("podnet_network_type", "Network type", choices=NETWORK_TYPES),
    Question("podnet_datapath", "Datapath", choices=DATAPATHS),
    Question("podnet_masquerade", "Masquerade the pods", "bool"),
    Question("podnet_flows", "Count who talks to whom", "bool"),
    Question("podnet_forget_nodes", "Nodes that left for good, one a line", "list"),
    Question("podnet_cluster_size", "Nodes of the cluster", "int", limits=(1, 1_000_000)),
    Question(
        "podnet_confirm_timeout",
        "Seconds until a change is undone that is not confirmed; 0: never",
        "int",
        limits=(0, 3600),
    ),
)

TEMPLATES = (
    Template("site", "site", "Brings up, changes or repairs the network of the pods.", NETWORK),
    Template(
        "check of site",
        "site",
        "Says what site would change, with the difference, and changes nothing.",
        NETWORK,
        check=True,
    ),
    Template(
        "status",
        "status",
        "Shows what the kernel of each node holds and does.",
        (Question("podnet_query", "Question to the reports, as JMESPath"),),
    ),
    Template(
        "health",
        "health",
        "Probes every node from every node; fails where one is unreachable.",
        (
            Question("podnet_health_timeout", "Seconds for an answer", "int", limits=(1, 3600)),
            Question("podnet_health_port", "Port of the responders", "int", limits=(1, 65535)),
        ),
    ),
    Template(
        "why",
        "why",
        "Says what would become of a packet, hop by hop, and sends nothing.",
        (
            Question("why_source", "Sender: a pod, a node or an address"),
            Question("why_destination", "Destination: a pod, a node, an address or a service"),
            Question("why_protocol", "Protocol", choices=("tcp", "udp", "icmp")),
            Question("why_port", "Port of the destination", "int", limits=(1, 65535)),
            Question("why_source_address", "Source address that the packet says", "str"),
        ),
    ),
    Template(
        "connectivity",
        "connectivity",
        "Tries the network with pods of its own; fails where an answer is not as it should be.",
        (
            Question("podnet_scenarios", "Scenarios or groups, one a line; empty: all", "list"),
            Question("podnet_outside_host", "Host outside that the test may use", "str"),
        ),
    ),
    Template(
        "underlay",
        "underlay",
        "Says what is in the way between the nodes, before any pod is there.",
    ),
    Template(
        "back", "site", "Brings the network to the state of the branch to go back to.", fixed=True
    ),
    Template(
        "health after back", "health", "Probes every node once the network went back.", fixed=True
    ),
    Template("teardown", "teardown", "Removes the network and leaves every node as it was."),
)

#: Check, approve, change, probe; and where the change or the probe fails, go back and probe.
NODES = (
    Node("check", "check of site", success=("approve",)),
    Node("approve", success=("site",)),
    Node("site", "site", success=("health",), failure=("back",)),
    Node("health", "health", failure=("back",)),
    Node("back", "back", success=("health after back",)),
    Node("health after back", "health after back"),
)
WORKFLOW = "change"
WORKFLOW_DESCRIPTION = (
    "Checks, waits for an approval, changes the network and probes it; goes back where that fails."
)
APPROVAL = "approve the change"
APPROVAL_DESCRIPTION = "The job before this one says what would change, and changed nothing."
#: Seconds that an approval is waited for: a day.
APPROVAL_TIMEOUT = 86400
