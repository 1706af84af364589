"""The copies that the tests of loss upgrade to are edits of this checkout: each finds its place."""

from __future__ import annotations

import pytest
from ansible_collections.podnet.fabric.tests.loss import versions


@pytest.mark.parametrize("make", [versions.other_programs, versions.other_maps])
def test_another_version_can_be_made(make, tmp_path):
    assert make(tmp_path) == tmp_path


def test_the_maps_that_programs_read_have_grown(tmp_path):
    header = "ansible_collections/podnet/fabric/bpf/lib/maps.h"
    text = (versions.other_maps(tmp_path) / header).read_text()
    assert text.count("__u32 added;") == 3
