# Copyright: (c) 2026, The podnet.fabric developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""All endpoints of a node in one call: namespace, veth pair, address, route, program, map entries.

An endpoint comes up in an order in which no packet passes before it is complete: the program
before the devices are up, the map entry, by which others reach it, last. It goes in the opposite
order. Its allocation is written before all else and goes after all else: a run that is killed
leaves nothing that the next one, or a teardown, does not know of.

What goes wrong with one endpoint concerns that one alone: all others are completed, and the error
at the end names it. A pod is root in its namespace; whatever it does to its own end, the node's end
is as it shall be.

All endpoints take one part of the way together, then the next: pods of one node that go from one
datapath to another talk to each other meanwhile, and their programs change within milliseconds.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ..datapath.cells import FROM_POD, TO_POD
from ..datapath.layout import ALLOCATIONS, ENDPOINT_HOST, ENDPOINTS
from ..engine import devices, ipv6, links, namespaces
from ..engine.bpf import hooks
from ..engine.bpf.grace import expedited
from ..engine.change import Changes
from ..engine.failure import Failure
from ..nat import calls
from ..policy import notes as replies
from ..policy.held import is_isolated
from . import attachment, pod_device, removal, state
from .held import address_key, entry_value, knows_calls, name_key, read
from .wanted import check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..engine.bpf import maps, programs
    from .held import Held
    from .wanted import Endpoint, Node

_NO_MAC = "00:00:00:00:00:00"


def converge(wanted: Sequence[Endpoint], node: Node, *, purge: bool, check_mode: bool) -> Changes:
    """Make ``wanted`` endpoints complete; with ``purge`` remove the others of this node.

    :raises Failure: before anything is changed, for names or addresses that clash.
    :raises Unfinished: at the end, when all is done but some endpoints, which it names.
    """
    check(wanted, node)
    changes = Changes()
    with read(node.program, node.delivery_program) as found:
        if wanted:
            attachment.check_bridge(node, found, check_mode=check_mode)
        if wanted and not check_mode:  # in check mode a role before this one would have pinned them
            _pinned(node, found)
        if purge:
            removal.plan(found, [endpoint.name for endpoint in wanted], changes)
        else:
            _check_taken(wanted, found)
        todo: dict[Endpoint, links.Link | None] = {}
        for endpoint in wanted:
            found.alone(endpoint.name, partial(_plan, endpoint, node, found, changes, todo))
        _plan_entries(wanted, node, found, changes, purge=purge)
        with expedited(0 if check_mode else len(changes.steps)):
            changes.apply(check_mode=check_mode)
            for endpoint in todo:
                _forget_old_address(endpoint, found)
            removal.finish(found)
            if not check_mode:
                _keep_calls(wanted, node, found)
                _keep_replies(todo, found)
            _complete(todo, node, found)
            if not check_mode:
                _keep_replies(todo, found)  # of what began meanwhile
        found.finished(**changes.result())
    return changes


def _pinned(node: Node, held: Held) -> tuple[programs.Program, maps.Map, maps.Map]:
    """Return the program, the entries and the allocations, or raise where one is not pinned."""
    lacks = node.delivery_program if held.delivery is None else None
    if lacks or held.program is None or held.entries is None or held.allocations is None:
        raise Failure(
            f"program {lacks or node.program!r} or the maps beside it are not pinned; the roles "
            f"native_routing and overlay pin them."
        )
    return held.program, held.entries, held.allocations


def _check_taken(wanted: Sequence[Endpoint], held: Held) -> None:
    """Without a purge, endpoints that are not listed keep their addresses."""
    listed = {name_key(endpoint.name) for endpoint in wanted}
    taken = {
        address: ALLOCATIONS.unpack_key(name)["name"]
        for name, address in held.allocation_values.items()
        if name not in listed
    }
    for endpoint in wanted:
        owner = taken.get(address_key(endpoint.ip))
        if owner is not None:
            raise Failure(
                f"endpoints: ip {endpoint.ip!r} of {endpoint.name!r} is that of endpoint "
                f"{owner!r} of this node; give it another one, or let purge: true remove the other."
            )


def _plan(
    endpoint: Endpoint,
    node: Node,
    held: Held,
    changes: Changes,
    todo: dict[Endpoint, links.Link | None],
) -> None:
    """Plan one endpoint; its step notes it in ``todo``, with its device if the pair is whole."""
    link = held.links.get(endpoint.device)
    if link is not None and link.kind != "veth":
        raise Failure(
            f"device {endpoint.device!r} of endpoint {endpoint.name!r} is a "
            f"{link.kind or 'physical'} device and not ours; remove or rename it."
        )
    if endpoint.netns is not None and not namespaces.exists(endpoint.netns):
        raise Failure(
            f"netns {endpoint.netns!r} of endpoint {endpoint.name!r} does not exist; leave netns "
            f"out, and one is made."
        )
    attachment.check_route(endpoint, node, held)
    pod = pod_device.read(endpoint.namespace, link)
    obstacle = _obstacle(endpoint, link, pod, held)
    before, after = state.actual(endpoint, node, link, pod, held), state.wanted(endpoint, node)
    if obstacle:
        if link is None:
            raise Failure(obstacle)
        # What a pod does to its own end keeps nothing from the node's.
        held.unfinished[endpoint.name] = obstacle
        after |= {word: before[word] for word in state.INSIDE}
    # A namespace may be somebody else's, and an entry that of another endpoint with this address.
    foreign_words = ("map_entry", "isolated", *(["netns"] if endpoint.netns else []))
    nothing = not any(value for word, value in before.items() if word not in foreign_words)
    do = partial(todo.setdefault, endpoint, link if pod.ours or obstacle else None)
    changes.add(f"endpoint {endpoint.name}", None if nothing else before, after, do)


def _obstacle(
    endpoint: Endpoint, link: links.Link | None, pod: pod_device.PodDevice, held: Held
) -> str | None:
    """Say in a sentence what is in a pod's namespace in the way of our device, None for nothing.

    Further devices are the pod's own, or those of who made the namespace; that one is ours, its
    record tells, or the device that we put there.
    """
    where = f"netns {endpoint.namespace!r} of endpoint {endpoint.name!r}"
    name = pod_device.NAME
    if pod.renamed:
        return (
            f"{where} has our device under the name {pod.renamed!r}; rename it to {name!r} again, "
            f"or remove the endpoint."
        )
    others = [name] if pod.present and not pod.ours else []
    if link is None and endpoint.netns is None and not held.made_netns(endpoint.name):
        others += pod.others
    if others:
        return (
            f"{where} holds {', '.join(others)}, which we did not make; give the endpoint another "
            f"name, or remove what is there."
        )
    return None


def _keep_calls(wanted: Sequence[Endpoint], node: Node, held: Held) -> None:
    """Keep the connections of pods that were there before their node noted who calls them."""
    cidrs = node.non_masquerade_cidrs
    if cidrs is None:
        return
    more = calls.masquerades_more(cidrs)
    for endpoint in wanted:
        known = knows_calls(held.entry_values.get(address_key(endpoint.ip)))
        if endpoint.device in held.links and (more or not known):
            held.alone(endpoint.name, partial(calls.keep, endpoint.namespace, endpoint.ip, cidrs))


def _keep_replies(wanted: Iterable[Endpoint], held: Held) -> None:
    """Keep the connections of pods that are judged from now on, as far as policies allow them."""
    begins = {
        key: one
        for one in wanted
        if one.isolated
        and one.device in held.links
        and not is_isolated(held.entry_values.get(key := address_key(one.ip)))
    }
    known = replies.pods() if begins else {}
    for key in begins.keys() & known.keys():
        one = begins[key]
        held.alone(one.name, partial(replies.keep, one.namespace, key, known[key]))


def _complete(todo: Mapping[Endpoint, links.Link | None], node: Node, held: Held) -> None:
    """Bring endpoints up; each line does nothing where its work is done.

    :param todo: endpoint → its host-side device, None where the pair is to be made.
    """
    if not todo:
        return
    _program, entries, _allocations = _pinned(node, held)
    held.allocate({one: held.inodes.get(name_key(one.name), 0) for one in todo})
    made: dict[Endpoint, links.Link] = {}

    def each(do: Callable[[Endpoint, links.Link], object]) -> None:
        for endpoint, link in list(made.items()):
            if not held.alone(endpoint.name, partial(do, endpoint, link)):
                del made[endpoint]

    def make(endpoint: Endpoint, link: links.Link | None) -> None:
        made[endpoint] = _device(endpoint, link, node, held)

    for endpoint, link in todo.items():
        held.alone(endpoint.name, partial(make, endpoint, link))
    held.allocate({one: 0 if one.netns else namespaces.inode(one.name) for one in made})
    each(lambda _endpoint, link: attachment.prepare(node, link, held))
    for endpoint in made:
        # Where the pod is in the way, the node's end goes on all the same.
        if endpoint.name not in held.unfinished:
            held.alone(endpoint.name, partial(_converge_pod, endpoint, node))
    each(lambda endpoint, _link: _attach(endpoint, node, held))
    each(lambda endpoint, link: _bring_up(endpoint, link, node, held))
    entries.update(
        {address_key(one.ip): entry_value(one, node, link) for one, link in made.items()}
    )


def _attach(endpoint: Endpoint, node: Node, held: Held) -> None:
    for hook, program in ((TO_POD, held.delivery), (FROM_POD, held.program)):
        place = hooks.Place(hook, endpoint.device)
        if program:
            held.attacher.ensure([place], program, node.attach_mode)
        elif held.attacher.find(place):
            held.attacher.remove(place)


def _bring_up(endpoint: Endpoint, link: links.Link, node: Node, held: Held) -> None:
    links.set_(held.ip, link.index, up=True)
    attachment.settle(endpoint, node, link, held)


def _converge_pod(endpoint: Endpoint, node: Node) -> None:
    pod_device.converge(
        endpoint.namespace,
        mac=endpoint.mac,
        mtu=node.mtu,
        address=f"{endpoint.ip}/{node.prefix_length}",
        gateway=node.gateway_ip,
    )


def _device(endpoint: Endpoint, link: links.Link | None, node: Node, held: Held) -> links.Link:
    """Make the namespace and the pair where they are missing, and name the device ours."""
    if endpoint.netns is None:
        namespaces.create(endpoint.namespace)
    if link is None:
        _make_pair(endpoint, node, held)
        link = devices.added(held.network, endpoint.device)
    links.set_(held.ip, link.index, alias=endpoint.alias, mac=node.gateway_mac, mtu=node.mtu)
    ipv6.switch_off(endpoint.device)  # which it has anew where its MTU was less than that of IPv6
    return link


def _make_pair(endpoint: Endpoint, node: Node, held: Held) -> None:
    if endpoint.device in held.links:  # its other end is gone with a namespace, or in another one
        links.delete_many(held.ip, [held.links[endpoint.device].index])
        attachment.forget_routes(endpoint.device, held)
    links.add_veth(
        held.ip,
        {"name": endpoint.device, "mac": node.gateway_mac, "mtu": node.mtu},
        {"name": pod_device.NAME, "mac": endpoint.mac, "mtu": node.mtu},
        endpoint.namespace,
    )


def _forget_old_address(endpoint: Endpoint, held: Held) -> None:
    old = held.allocation_values.get(name_key(endpoint.name))
    if old and old != address_key(endpoint.ip):
        removal.drop_entry(endpoint.name, old, held)


def _plan_entries(
    wanted: Sequence[Endpoint], node: Node, held: Held, changes: Changes, *, purge: bool
) -> None:
    """Entries that belong to no endpoint: the node's own addresses, and stale ones."""
    host = ENDPOINTS.pack_value(
        ifindex=0, mac=_NO_MAC, gateway_mac=node.gateway_mac, mtu=0, flags=ENDPOINT_HOST, netns=0
    )
    for address in node.host_addresses:
        found = held.entry_values.get(address_key(address))
        changes.add(
            f"host address {address}",
            None if found is None else {"entry": found.hex()},
            {"entry": host.hex()},
            partial(_update, held, {address_key(address): host}),
        )
    if purge:
        known = {address_key(endpoint.ip) for endpoint in wanted}
        known |= {address_key(address) for address in node.host_addresses}
        # Those of endpoints that are removed in this run go with them.
        known |= set(held.allocation_values.values())
        for key in sorted(set(held.entry_values) - known):
            address = ENDPOINTS.unpack_key(key)["address"]
            entry = {"entry": held.entry_values[key].hex()}
            changes.add(f"stale address {address}", entry, None, partial(_forget, held, key))


def _update(held: Held, entries: Mapping[bytes, bytes]) -> None:
    if held.entries:
        held.entries.update(entries)


def _forget(held: Held, key: bytes) -> None:
    held.gone.add(key)
    if held.entries:
        held.entries.delete([key])
