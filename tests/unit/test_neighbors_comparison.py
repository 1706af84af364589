from __future__ import annotations

from ansible_collections.podnet.fabric.plugins.module_utils.engine.neighbors import identity
from ansible_collections.podnet.fabric.plugins.module_utils.network import neighbors

FDB = {
    "type": "fdb",
    "dev": "v",
    "lladdr": "0a:58:00:00:00:01",
    "dst": "10.0.0.1",
    "vlan": None,
    "src_vni": None,
    "master": False,
    "port": None,
    "vni": None,
    "via": None,
}


def test_one_mac_address_has_one_endpoint_and_the_zero_one_many():
    assert identity(FDB) == identity({**FDB, "dst": "10.0.0.2"})
    zero = {**FDB, "lladdr": "00:00:00:00:00:00"}
    assert identity(zero) != identity({**zero, "dst": "10.0.0.2"})
    assert identity(zero) != identity({**zero, "port": 99})


def test_the_ageing_of_an_entry_is_no_difference():
    wish = {"state": "reachable", "lladdr": "0a:58:00:00:00:01"}
    for state, after in (("stale", "stale"), ("permanent", "reachable"), ("failed", "reachable")):
        resolved = neighbors._resolved(wish, {**wish, "state": state})
        assert resolved["state"] == after
