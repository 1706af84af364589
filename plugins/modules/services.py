#!/usr/bin/python
# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: services
short_description: Fill a node's maps of services
version_added: 1.0.0
description:
  - Makes frontends of services, and the backends to which they lead, in the maps by which the programs
    of a node balance connections and packets.
  - Ten thousand services in one call. A frontend gets other backends in one step, and what is complete
    already is left alone.
  - Where a service loses a backend, or goes, its entries for session affinity and for translated flows
    are removed, and the sockets that talk to that backend through it are closed.
  - The maps are pinned by the roles C(native_routing) and C(overlay).
author: The podnet.fabric developers (@podnet)
extends_documentation_fragment:
  - podnet.fabric.attributes
  - podnet.fabric.attributes.changes
attributes:
  diff_mode:
    details: Shows what differs of each frontend, with the names of services and their backends.
options:
  services:
    description: The services of the cluster, with the backends that they lead to.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the service, with its namespace, such as V(default/svc).
        type: str
        required: true
      type:
        description:
          - The type of the service. What it answers on follows from its addresses and node ports.
          - V(HostPort) is for the host ports of a pod, which O(services[].node) alone has, at O(services[].host_ip).
        type: str
        choices: [ClusterIP, NodePort, LoadBalancer, HostPort]
        default: ClusterIP
      cluster_ip:
        description: Its address in the cluster, for clients in the cluster alone; none for a headless service.
        type: str
      cluster_ip_allocated:
        description: Whether that was chosen by the plan, which then keeps it.
        type: bool
        default: false
      external_ips:
        description:
          - Further addresses. Clients outside the cluster reach them; processes and pods only where the address is
            the node's own.
        type: list
        elements: str
        default: []
      load_balancer_ips:
        description: Addresses for clients inside and outside the cluster.
        type: list
        elements: str
        default: []
      load_balancer_ips_allocated:
        description: Whether those were chosen by the plan, which then keeps them.
        type: bool
        default: false
      source_ranges:
        description: Prefixes out of which O(services[].load_balancer_ips) take clients from outside; all without any.
        type: list
        elements: str
        default: []
      internal_traffic_policy:
        description: With V(Local) clients in the cluster get backends of their own node only.
        type: str
        choices: [Cluster, Local]
        default: Cluster
      external_traffic_policy:
        description:
          - With V(Local) clients from outside get backends of the node that they came to only, which see the
            clients' own addresses.
        type: str
        choices: [Cluster, Local]
        default: Cluster
      session_affinity:
        description: Seconds for which a client keeps its backend, at most 86400; V(0) is for none.
        type: int
        default: 0
      algorithm:
        description:
          - How packets from outside find their backend. With V(maglev) every node makes the same choice for a
            connection, and few of them change when a backend comes or goes.
        type: str
        choices: [random, maglev]
        default: random
      node:
        description: The node that has a V(HostPort).
        type: str
      host_ip:
        description: The address at which it has that; any of the node's without it.
        type: str
      ports:
        description: The ports of the service.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: Name of the port; its number without it.
            type: str
          protocol:
            description: The protocol, V(TCP) or V(UDP).
            type: str
            default: TCP
          port:
            description: The port that clients use, from 1 to 65535.
            type: int
            required: true
          node_port:
            description: The port, from 30000 to 32767, that it has at all addresses of all nodes; none without it.
            type: int
          node_port_allocated:
            description: Whether that was chosen by the plan, which then keeps it.
            type: bool
            default: false
          backends:
            description: What the port leads to. Without any, connections fail at once.
            type: list
            elements: dict
            default: []
            suboptions:
              ip:
                description: Address of the backend.
                type: str
                required: true
              port:
                description: Its port, from 1 to 65535.
                type: int
                required: true
              node:
                description: Name of the node on which it is.
                type: str
              state:
                description:
                  - V(active) takes new connections, V(terminating) keeps those that it has, and takes new ones while
                    the node knows no active one. V(quarantined) and V(maintenance) get nothing new and lose no socket.
                type: str
                choices: [active, terminating, quarantined, maintenance]
                default: active
  path:
    description:
      - The RV(podnet.fabric.plan#module:path) that M(podnet.fabric.plan) returned in this run, to take the services
        from there.
    type: str
  src:
    description: Files on the controller with services or with manifests of Kubernetes, to take the services from there.
    type: list
    elements: str
  node:
    description:
      - Name of this node, which tells its own backends from others. Needed where a service has the policy V(Local)
        or the type V(HostPort).
    type: str
  purge:
    description:
      - Whether services of this node that are not listed are removed. Frontends that a listed service has no more
        are removed in any case.
    type: bool
    default: false
  _services:
    description:
      - The list O(services) as JSON, compressed with zlib, in base64. The action plugin fills it in, since thousands
        of services are faster to check and to send so.
    type: str
seealso:
  - module: podnet.fabric.services_info
"""

EXAMPLES = r"""
# On nodes to which the playbook podnet.fabric.site has brought the network.
- name: Write services by hand
  hosts: node-1
  gather_facts: false
  tasks:
    - name: One service with two backends
      podnet.fabric.services:
        services:
          - name: default/svc
            cluster_ip: 10.10.252.131
            ports:
              - name: svc-webport
                port: 80
                backends:
                  - {ip: 172.16.1.235, port: 80, node: k8s-w1}
                  - {ip: 172.16.2.253, port: 80, node: k8s-w2}
        node: k8s-s
        purge: true

    - name: A node port for those two, of which one gets no new connections
      podnet.fabric.services:
        services:
          - name: default/svc
            type: NodePort
            cluster_ip: 10.10.252.131
            ports:
              - name: svc-webport
                port: 80
                node_port: 31000
                backends:
                  - {ip: 172.16.1.235, port: 80}
                  - {ip: 172.16.2.253, port: 80, state: terminating}

    - name: No services
      podnet.fabric.services:
        services: []
        purge: true
"""

RETURN = r"""
changes:
  description: What was changed, or in check mode would be, a line each.
  returned: success
  type: list
  elements: str
  sample: ["create service default/svc:svc-webport/TCP 10.10.252.131:80"]
"""

from ansible_collections.podnet.fabric.plugins.module_utils.engine import runner
from ansible_collections.podnet.fabric.plugins.module_utils.specs.services import SPEC


def main() -> None:
    runner.main(SPEC)


if __name__ == "__main__":
    main()
