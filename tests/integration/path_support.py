"""Questions about packets, asked of the node that a test is on, as the playbook ``why`` does."""

from __future__ import annotations

from ansible_collections.podnet.fabric.plugins.module_utils.ebpf import bpf_sources
from ansible_collections.podnet.fabric.plugins.module_utils.why import copies, walk
from running import run

NODE = "node-e6e4d"


class Asked:
    """The node, asked as the playbook does."""

    def __init__(self):
        self.known = {NODE: run("packet_path_info")}
        self.sources = {**bpf_sources.gather_own(copies.all_items()), "objects": {}}

    def __call__(self, *question):
        now = walk.begin(self.known, *question)
        while now["at"]:
            asked = {word: value for word, value in now["at"].items() if word != "node"}
            before = now["written"].get(NODE, {})
            answer = run("packet_path_info", **asked, written=before, _sources=self.sources)
            assert answer["changed"] is False
            self.sources["objects"] = answer["objects"]
            now = walk.follow(now, answer)
        return now
