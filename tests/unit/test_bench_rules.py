"""The rules of the benchmarks are those of kube-proxy, and no service is left out."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network

from ansible_collections.podnet.fabric.tests.bench import kube_proxy, kube_proxy_nft, service_list

POD_CIDR = IPv4Network("10.111.160.0/25")
SERVER = IPv4Address("10.111.160.3")
SERVICES = service_list.services(5, SERVER)


def test_the_middle_service_is_the_one_that_something_answers() -> None:
    assert [one.backends[0][0] == SERVER for one in SERVICES] == [False, False, True, False, False]
    assert service_list.probed(SERVICES) is SERVICES[2]
    assert len({one.ip for one in SERVICES}) == len({one.name for one in SERVICES}) == 5


def test_one_service_of_three_backends_as_iptables_rules() -> None:
    lines = kube_proxy.rules(POD_CIDR, SERVICES[2:3]).splitlines()
    chain = next(line.split()[0][1:] for line in lines if line.startswith(":KUBE-SVC-"))
    endpoints = [line.split()[0][1:] for line in lines if line.startswith(":KUBE-SEP-")]
    comment = '-m comment --comment "default/svc-2:http cluster IP"'
    assert (
        f"-A KUBE-SERVICES -d 10.96.0.3/32 -p tcp {comment} -m tcp --dport 80 -j {chain}" in lines
    )
    assert [line.split()[-4:] for line in lines if line.startswith(f"-A {chain} -m")] == [
        ["--probability", "0.3333333333", "-j", endpoints[0]],
        ["--probability", "0.5000000000", "-j", endpoints[1]],
        ["->", '10.111.160.3:8082"', "-j", endpoints[2]],
    ]
    assert [line for line in lines if line.startswith(f"-A {endpoints[1]} ")] == [
        f"-A {endpoints[1]} -s 10.111.160.3/32 -m comment --comment default/svc-2:http"
        " -j KUBE-MARK-MASQ",
        f"-A {endpoints[1]} -p tcp -m comment --comment default/svc-2:http -m tcp"
        " -j DNAT --to-destination 10.111.160.3:8081",
    ]


def test_one_service_of_three_backends_as_nftables_rules() -> None:
    lines = kube_proxy_nft.rules(POD_CIDR, "10.96.0.0/16", SERVICES[2:3]).splitlines()
    (element,) = (line for line in lines if " service-ips { 10" in line)
    chain = element.split()[-2]
    assert element == (
        f"add element ip kube-proxy service-ips {{ 10.96.0.3 . tcp . 80 : goto {chain} }}"
    )
    (choice,) = (line for line in lines if "numgen" in line)
    endpoints = re.findall(r"goto ([^ ,]+)", choice)
    assert choice == (
        f"add rule ip kube-proxy {chain} numgen random mod 3 vmap"
        f" {{ 0 : goto {endpoints[0]}, 1 : goto {endpoints[1]}, 2 : goto {endpoints[2]} }}"
    )
    for name, port in zip(endpoints, (8080, 8081, 8082)):
        assert name.endswith(f"-default/svc-2/tcp/http__10.111.160.3/{port}")
        assert (
            f"add rule ip kube-proxy {name} meta l4proto tcp dnat to 10.111.160.3:{port}" in lines
        )


def test_every_service_has_its_chains_and_a_way_to_them() -> None:
    iptables = kube_proxy.rules(POD_CIDR, SERVICES)
    nftables = kube_proxy_nft.rules(POD_CIDR, "10.96.0.0/16", SERVICES)
    assert (iptables.count("\n:KUBE-SVC-"), iptables.count("\n:KUBE-SEP-")) == (5, 15)
    assert iptables.count("-A KUBE-SERVICES -d ") == 5
    assert nftables.count("\nadd element ip kube-proxy service-ips ") == 5
    assert nftables.count("\nadd chain ip kube-proxy endpoint-") == 15


def test_a_change_names_the_changed_service_alone() -> None:
    before, after = SERVICES[0], service_list.changed(SERVICES[0])
    iptables = kube_proxy.change(POD_CIDR, before, after)
    nftables = kube_proxy_nft.change(POD_CIDR, before, after)
    for text in (iptables, nftables):
        assert "172.31.255.1" in text
        assert "svc-0" in text
        assert "svc-1" not in text
    assert (iptables.count("\n-X "), nftables.count("delete chain ")) == (1, 1)
