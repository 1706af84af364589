"""Nobody moves: what nodes, pods and addresses do when others come, go, fall silent or return."""

from __future__ import annotations

import random
from typing import Any

import pytest
from ansible_collections.podnet.fabric.plugins.module_utils.engine.failure import Failure
from ansible_collections.podnet.fabric.plugins.module_utils.plan.inventory import CLUSTER_VARIABLES
from ansible_collections.podnet.fabric.plugins.module_utils.plan.planner import plan
from planning import NODES, World, cidrs, fresh, inventory, pods

E, S, T = NODES  # node-e6e4d, node-63344, node-39206


@pytest.fixture
def world() -> World:
    world = World(inventory())
    world.run()
    return world


def add(world: World, name: str, ip: str, at: int | None = None, **variables: Any) -> None:
    nodes = list(world.nodes.items())
    shared = next(iter(world.nodes.values()))
    node = {key: value for key, value in shared.items() if key in CLUSTER_VARIABLES}
    node.update(podnet_cluster="demo", podnet_node_ip=ip, **variables)
    nodes.insert(len(nodes) if at is None else at, (name, node))
    world.nodes = dict(nodes)


def scale(world: World, replicas: int) -> None:
    for node in world.nodes.values():
        node["podnet_deployments"] = [{"name": "nginx-app", "replicas": replicas}]


def test_a_second_run_plans_the_same_and_is_told_from_the_first(world):
    first, second = plan(world.nodes, fresh(world.nodes)), world.plan()
    told = [
        {name: one.pop("fresh_cluster") for name, one in each.common.items()}
        for each in (first, second)
    ]
    assert [set(each.values()) for each in told] == [{True}, {False}]
    assert first == second


def test_a_cluster_is_fresh_where_all_nodes_answer_and_none_has_a_network(world):
    names, clusters = list(world.nodes), set(plan(world.nodes, fresh(world.nodes)).common)

    def is_fresh(seen):
        common = plan(world.nodes, seen).common
        assert common.keys() == clusters
        return {one["fresh_cluster"] for one in common.values()}

    none = fresh(world.nodes)
    assert is_fresh(none) == {True}
    # One did not answer; one holds a CIDR; one knows a peer.
    assert is_fresh({**none, names[0]: None}) == {False}
    first = world.plan().node(names[0])
    held = first["pod_cidr"]
    assert is_fresh({**none, names[0]: {**none[names[0]], "pod_cidr": held}}) == {False}
    peers = {held: first["node_ip"]}
    assert is_fresh({**none, names[1]: {**none[names[1]], "peers": peers}}) == {False}


def test_another_order_of_the_inventory_moves_nobody(world):
    before = world.plan()
    world.nodes = dict(reversed(world.nodes.items()))
    after = world.plan()
    assert cidrs(after) == cidrs(before)
    assert pods(after) == pods(before)


def test_a_node_added_first_gets_the_next_free_cidr_and_moves_nobody(world):
    before = pods(world.plan())
    add(world, "new", "10.111.0.20", at=0)
    after = world.run()
    assert cidrs(after)["new"] == "10.111.161.128/25"
    assert pods(after) == before
    scale(world, 26)  # the new ones go where there are fewest
    assert {pod: at for pod, at in pods(world.plan()).items() if pod not in before}.keys() == {
        f"nginx-app-{number}" for number in range(21, 27)
    }
    assert [node["pods"] for node in world.plan().cluster["nodes"]] == [6, 7, 7, 6]


def test_a_removed_nodes_cidr_is_free_and_its_pods_go_to_the_others(world):
    before = pods(world.plan())
    world.leave(S)
    after = world.run()
    assert {pod: at for pod, at in pods(after).items() if before[pod][0] != S} == {
        pod: at for pod, at in before.items() if at[0] != S
    }
    assert [node["pods"] for node in after.cluster["nodes"]] == [10, 10]
    add(world, "new", "10.111.0.20")
    assert cidrs(world.plan())["new"] == "10.111.160.128/25"


def test_a_node_that_is_down_keeps_its_cidr_and_its_pods(world):
    before = world.plan()
    world.down.add(T)
    add(world, "new", "10.111.0.20", at=0)
    after = world.run()
    assert cidrs(after) == {**cidrs(before), "new": "10.111.161.128/25"}
    assert pods(after) == {pod: at for pod, at in pods(before).items() if at[0] != T}
    reason = f"presumed on {T}, which did not answer"
    assert after.cluster["pending"] == [
        {"name": f"nginx-app-{number}", "reason": reason} for number in (3, 6, 9, 12, 15, 18)
    ]
    assert after.cluster["warnings"] == [
        f"6 pods pending (nginx-app-3, nginx-app-6, nginx-app-9 and 3 more): {reason}."
    ]
    world.down.clear()
    assert pods(world.plan()) == pods(before)


def test_a_node_that_was_down_and_is_removed_frees_its_cidr_and_its_pods(world):
    world.down.add(T)
    world.run()
    world.leave(T)
    after = world.run()
    assert [node["pods"] for node in after.cluster["nodes"]] == [10, 10]
    assert after.cluster["pending"] == []


@pytest.mark.parametrize("only", NODES)
def test_a_run_limited_to_one_node_changes_nothing(world, only):
    before = world.plan()
    after = world.plan(limit=[only])
    assert cidrs(after) == cidrs(before)
    assert after.node(only) == before.node(only)


def test_a_node_that_was_not_observed_says_so(world):
    after = world.plan(limit=[E])
    assert [after.node(name)["observed"] for name in NODES] == [True, False, False]


def test_a_new_node_is_added_by_a_limited_run_with_one_that_stands(world):
    add(world, "new", "10.111.0.20", at=0)
    after = world.run(limit=["new", T])
    assert cidrs(after)["new"] == "10.111.161.128/25"
    assert pods(world.plan()) == pods(plan(inventory(), fresh(NODES)))


def test_a_node_that_never_answered_gets_a_cidr_and_no_pods():
    world = World(inventory())
    world.down.add(S)
    after = world.run()
    assert cidrs(after)[S] == "10.111.160.128/25"
    assert [node["pods"] for node in after.cluster["nodes"]] == [10, 0, 10]
    assert after.cluster["pending"] == []
    assert after.cluster["warnings"] == [
        f"{S} did not answer and no node knows it: it is taken as new, gets 10.111.160.128/25 and "
        "no pods."
    ]
    peer = after.node(E)["peers"][0]
    assert (peer["pod_cidr"], peer["node_ip"]) == ("10.111.160.128/25", "10.111.0.9")
    world.down.clear()
    assert cidrs(world.run()) == cidrs(after)


def test_a_node_set_up_afresh_gets_its_old_cidr_and_as_many_pods_back(world):
    before = world.plan()
    world.kernels.pop(E)
    after = world.plan()
    assert cidrs(after) == cidrs(before)
    assert {pod: at[0] for pod, at in pods(after).items()} == {
        pod: at[0] for pod, at in pods(before).items()
    }
    world.nodes = dict(reversed(world.nodes.items()))
    assert cidrs(world.plan()) == cidrs(before)


def test_a_node_that_was_left_out_and_that_nobody_knows_gets_no_guess(world):
    add(world, "new", "10.111.0.20")
    after = world.plan(limit=[E])
    assert cidrs(after)["new"] is None
    assert after.cluster["warnings"][0] == (
        "new is not usable: No node that answered knows its pod CIDR, and not all were asked."
    )
    assert [peer["name"] for peer in after.node(E)["peers"]] == [S, T]


def test_a_node_torn_down_moves_to_another_range(world):
    ranges = [
        {"name": "default", "cidr": "10.111.160.0/20"},
        {"name": "other", "cidr": "10.111.192.0/20"},
    ]
    groups = [{"name": name, "secondary_ranges": [name]} for name in ("default", "other")]
    for node in world.nodes.values():
        node["podnet_secondary_ranges"], node["podnet_node_groups"] = ranges, groups
    world.nodes[E]["podnet_node_group"] = "other"
    world.kernels.pop(E)
    assert cidrs(world.run())[E] == "10.111.192.0/25"


def test_another_mask_is_for_new_nodes(world):
    before = world.plan()
    for node in world.nodes.values():
        node["podnet_node_cidr_mask_size"] = 26
    add(world, "new", "10.111.0.20", at=0)
    after = world.plan()
    assert cidrs(after) == {**cidrs(before), "new": "10.111.161.128/26"}
    assert pods(after) == pods(before)
    assert after.cluster["warnings"][0] == (
        f"{E} keeps its pod CIDR 10.111.160.0/25; podnet_node_cidr_mask_size 26 is for new nodes, "
        "since addresses in use do not move."
    )


def test_a_pod_cidr_by_hand_outdoes_what_the_node_holds(world):
    world.nodes[E]["podnet_pod_cidr"] = "10.111.170.0/25"
    add(world, "new", "10.111.0.20", at=0)
    after = world.run()
    assert cidrs(after)[E] == "10.111.170.0/25"
    # Packets to what it held may still be on their way: not free before the next run.
    assert cidrs(after)["new"] == "10.111.161.128/25"
    add(world, "next", "10.111.0.21", at=0)
    assert cidrs(world.plan())["next"] == "10.111.160.0/25"


def test_what_the_only_node_held_before_is_not_free_in_the_same_run():
    world = World(inventory({"a": "10.111.0.8"}))
    world.run()
    world.nodes["a"]["podnet_pod_cidr"] = "10.111.170.0/25"
    add(world, "new", "10.111.0.20")
    assert cidrs(world.plan()) == {"a": "10.111.170.0/25", "new": "10.111.160.128/25"}


def test_a_cidr_by_hand_is_given_to_nobody_else():
    nodes = inventory()
    nodes[T]["podnet_pod_cidr"] = "10.111.160.0/25"
    assert cidrs(plan(nodes, fresh(nodes))) == {
        E: "10.111.160.128/25",
        S: "10.111.161.0/25",
        T: "10.111.160.0/25",
    }


def table(*lines: str) -> dict[str, str]:
    return dict(line.split() for line in lines)


def test_most_tables_decide_for_a_node_that_is_down():
    nodes = inventory(
        {"a": "10.111.0.8", "b": "10.111.0.9", "c": "10.111.0.10", "d": "10.111.0.14"}
    )
    old, new = table("10.111.160.0/25 10.111.0.14"), table("10.111.168.0/25 10.111.0.14")
    observed = {
        "a": {"pod_cidr": "10.111.161.0/25", "peers": old, "endpoints": {}},
        "b": {"pod_cidr": "10.111.162.0/25", "peers": new, "endpoints": {}},
        "c": {"pod_cidr": "10.111.163.0/25", "peers": new, "endpoints": {}},
        "d": None,
    }
    assert cidrs(plan(nodes, observed))["d"] == "10.111.168.0/25"


def test_a_node_that_is_down_does_not_claim_what_another_holds_itself():
    nodes = inventory({"a": "10.111.0.8", "b": "10.111.0.9", "c": "10.111.0.14"})
    outdated = table("10.111.161.0/25 10.111.0.14", "10.111.170.0/25 10.111.0.14")
    observed = {
        "a": {"pod_cidr": "10.111.160.0/25", "peers": outdated, "endpoints": {}},
        "b": {"pod_cidr": "10.111.161.0/25", "peers": {}, "endpoints": {}},
        "c": None,
    }
    assert cidrs(plan(nodes, observed)) == {
        "a": "10.111.160.0/25",
        "b": "10.111.161.0/25",
        "c": "10.111.170.0/25",
    }


def test_two_nodes_may_swap_their_cidrs_by_hand(world):
    world.nodes[E]["podnet_pod_cidr"] = "10.111.160.128/25"
    world.nodes[S]["podnet_pod_cidr"] = "10.111.160.0/25"
    assert cidrs(world.run())[E] == "10.111.160.128/25"
    assert cidrs(world.run())[S] == "10.111.160.0/25"


def test_an_outdated_table_does_not_outdo_the_node_itself(world):
    world.leave(T)
    world.run(limit=[E])  # S still has the CIDR of T
    add(world, "new", "10.111.0.20")
    world.run(limit=["new", E])
    assert world.kernels["new"]["pod_cidr"] == "10.111.161.0/25"
    add(world, "again", "10.111.0.14")  # the address that T had
    after = world.run()
    assert cidrs(after)["new"] == "10.111.161.0/25"
    assert cidrs(after)["again"] == "10.111.161.128/25"


def test_the_health_address_stays_and_yields_to_what_is_fixed_by_hand(world):
    before = pods(world.plan())
    world.kernels[E]["endpoints"]["podnet-health"] = "10.111.160.91"
    assert world.plan().node(E)["health_ip"] == "10.111.160.91"
    world.nodes[E]["podnet_pods"] = [{"name": "by-hand", "ip": "10.111.160.91"}]
    after = world.plan()
    assert after.node(E)["health_ip"] == "10.111.160.125"
    assert pods(after) == {**before, "by-hand": (E, "10.111.160.91")}


def test_a_pod_by_hand_takes_its_address_from_a_pod_that_has_it(world):
    pod, ip = next((pod, at[1]) for pod, at in pods(world.plan()).items() if at[0] == E)
    world.nodes[E]["podnet_pods"] = [{"name": "by-hand", "ip": ip}]
    after = pods(world.plan())
    assert after["by-hand"] == (E, ip)
    assert after[pod][0] == E
    assert after[pod][1] != ip


def test_scaling_down_removes_the_highest_numbers(world):
    before = pods(world.plan())
    scale(world, 5)
    assert pods(world.plan()) == {
        f"nginx-app-{number}": before[f"nginx-app-{number}"] for number in range(1, 6)
    }


def test_scaling_up_moves_nobody(world):
    before = pods(world.plan())
    scale(world, 30)
    after = world.plan()
    assert {pod: at for pod, at in pods(after).items() if pod in before} == before
    assert [node["pods"] for node in after.cluster["nodes"]] == [10, 10, 10]


def test_a_deployment_restricted_to_a_node_group_leaves_the_other_nodes(world):
    groups = [{"name": "default"}, {"name": "web"}]
    deployments = [{"name": "nginx-app", "replicas": 20, "node_group": "web"}]
    for node in world.nodes.values():
        node["podnet_node_groups"], node["podnet_deployments"] = groups, deployments
    world.nodes[T]["podnet_node_group"] = "web"
    before = pods(world.plan())
    assert {at[0] for at in before.values()} == {T}
    assert len(before) == 20


def test_a_silent_node_that_may_not_hold_a_pod_does_not_keep_it_waiting(world):
    groups = [{"name": "default"}, {"name": "web"}]
    deployments = [{"name": "api", "replicas": 2, "node_group": "web"}]
    for node in world.nodes.values():
        node["podnet_node_groups"], node["podnet_deployments"] = groups, deployments
    world.nodes[T]["podnet_node_group"] = "web"
    world.down.add(E)
    assert {at[0] for at in pods(world.plan()).values()} == {T}


def test_a_lower_limit_moves_only_what_is_over_it(world):
    before = pods(world.plan())
    world.nodes[E]["podnet_max_pods"] = 5
    after = pods(world.plan())
    moved = {pod for pod in before if after[pod] != before[pod]}
    assert moved == {"nginx-app-16", "nginx-app-19"}


def test_a_pod_that_was_seen_but_has_to_move_does_not_wait_for_a_silent_node(world):
    world.nodes[E]["podnet_max_pods"] = 5
    world.down.add(T)
    after = pods(world.plan())
    assert (after["nginx-app-16"][0], after["nginx-app-19"][0]) == (S, S)


def test_the_load_of_other_deployments_counts():
    nodes = inventory(
        {"a": "10.111.0.8", "b": "10.111.0.9"},
        podnet_node_groups=[{"name": "default"}, {"name": "web"}],
        podnet_deployments=[
            {"name": "one", "replicas": 2},
            {"name": "two", "replicas": 4, "node_group": "web"},
            {"name": "three", "replicas": 4},
        ],
    )
    nodes["b"]["podnet_node_group"] = "web"
    summary = plan(nodes, fresh(nodes)).cluster
    assert [node["pods"] for node in summary["nodes"]] == [5, 5]


def test_a_run_that_was_killed_converges_to_the_same_plan():
    wanted = plan(inventory(), fresh(NODES))
    for killed_at in ([E], [S, T], list(NODES)):
        world = World(inventory())
        world.run(killed_at=killed_at)
        assert cidrs(world.run()) == cidrs(wanted)
        after = world.plan()
        assert [node["pods"] for node in after.cluster["nodes"]] == [7, 7, 6]
        assert after.cluster["pending"] == []


class Histories:
    """Random histories of a cluster; each run is compared with what the kernels held before.

    A node goes down, or is set up afresh, only once a run has told everybody of everybody: what
    nobody left standing knows, nobody can keep.
    """

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.world = World(inventory())
        self.world.run()
        self.added = 100
        self.refused = 0

    def some(self) -> list[str]:
        names = list(self.world.nodes)
        return self.chance.sample(names, self.chance.randint(1, len(names)))

    def go(self, steps: int) -> None:
        all_know_all = True
        for _dummy in range(steps):
            event = self.chance.choice(
                ["add", "remove", "shuffle", "scale", "limit", "killed", "back"]
                + ["down", "afresh"] * all_know_all
            )
            arguments = getattr(self, event)() or {}
            done = self.step(**arguments)
            all_know_all = done and not arguments and not self.world.down

    def add(self) -> None:
        if len(self.world.nodes) < 12:
            self.added += 1
            at = self.chance.randint(0, len(self.world.nodes))
            add(self.world, f"n{self.added}", f"10.111.0.{self.added}", at)

    def remove(self) -> None:
        gone = self.chance.choice(list(self.world.nodes))
        if self.world.nodes.keys() - self.world.down - {gone}:
            self.world.leave(gone)
            self.world.down.discard(gone)

    def shuffle(self) -> None:
        names = self.chance.sample(list(self.world.nodes), len(self.world.nodes))
        self.world.nodes = {name: self.world.nodes[name] for name in names}

    def scale(self) -> None:
        scale(self.world, self.chance.randint(0, 60))

    def limit(self) -> dict[str, Any]:
        return {"limit": self.some()}

    def killed(self) -> dict[str, Any]:
        return {"killed_at": self.some()}

    def back(self) -> None:
        self.world.down.clear()

    def down(self) -> None:
        self.world.down = set(self.some()[:-1])

    def afresh(self) -> None:
        self.world.kernels.pop(self.some()[0])

    def step(self, limit: Any = None, killed_at: Any = ()) -> bool:
        world = self.world
        before = {name: dict(kernel) for name, kernel in world.holding().items()}
        try:
            after = world.run(limit, killed_at)
        except Failure as failure:
            if limit is None or "does not ask all nodes (--limit)" not in failure.message:
                raise
            self.refused += 1
            return False
        given = [cidr for cidr in cidrs(after).values() if cidr]
        assert len(set(given)) == len(given)
        wanted = set(pods(after)) | {"podnet-health"}
        for name, kernel in before.items():
            assert cidrs(after)[name] in {kernel["pod_cidr"]} | ({None} if limit else set())
            if name not in world.down and (limit is None or name in limit):
                planned = {each["name"]: each["ip"] for each in after.node(name)["endpoints"]}
                stays = {pod: ip for pod, ip in kernel["endpoints"].items() if pod in wanted}
                assert stays.items() <= planned.items()
        holding = world.holding().values()
        running = [pod for kernel in holding for pod in kernel["endpoints"]]
        running = [pod for pod in running if pod != "podnet-health"]
        assert len(set(running)) == len(running)
        addresses = [ip for kernel in holding for ip in kernel["endpoints"].values()]
        assert len(set(addresses)) == len(addresses)
        return True


@pytest.mark.parametrize("seed", range(60))
def test_whatever_happens_nobody_moves_and_no_address_is_given_twice(seed):
    histories = Histories(seed)
    histories.go(60)
    assert histories.refused < 20
    world = histories.world
    world.down.clear()
    last = world.run()
    assert last.cluster["pending"] == []
    assert all(cidrs(last).values())
    assert world.plan() == last
