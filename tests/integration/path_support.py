"""Questions about packets, asked of the node that a test is on, as the playbook ``why`` does."""

from __future__ import annotations

from functools import partial

from ansible_collections.podnet.fabric.plugins.module_utils.ebpf import bpf_sources
from ansible_collections.podnet.fabric.plugins.module_utils.why import copies, walk
from ansible_collections.podnet.fabric.tests import kept
from running import run

NODE = "node-e6e4d"


class Asked:
    """The node, asked as the playbook does."""

    def __init__(self):
        self.known = {NODE: run("packet_path_info")}
        self.gathered = bpf_sources.gather_own(copies.all_items())
        self.objects = {}

    @property
    def sources(self):
        """All that a node can want of the programs, as far as it is known by now."""
        return {**self.gathered, "objects": self.objects}

    def __call__(self, *question):
        now = walk.begin(self.known, *question)
        while now["at"]:
            asked = {word: value for word, value in now["at"].items() if word != "node"}
            asked["written"] = now["written"].get(NODE, {})
            ask = partial(self._ask, asked)
            now = walk.follow(now, kept.answered(ask, self.gathered, self.objects))
        return now

    @staticmethod
    def _ask(asked, sources):
        answer = run("packet_path_info", **asked, _sources=sources)
        assert answer["changed"] is False
        return answer
