# Everything that this project does from a checkout. `make` alone lists the targets.
#   Needs root, Debian 12 or newer, git, make and Python; each target installs what it lacks.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:

export VENV ?= $(CURDIR)/.venv
BUILD := $(CURDIR)/.build
PY    := $(VENV)/bin/python
DEMO  := playbooks/inventories/demo.yml

# What the whole run needs is made side by side; no command that a test runs hears of it.
ifeq ($(MAKECMDGOALS),test)
MAKEFLAGS += --jobs=3
endif
unexport MAKEFLAGS

export PATH := $(VENV)/bin:$(PATH):/usr/sbin:/sbin
export ANSIBLE_COLLECTIONS_PATH := $(BUILD)/collections
export ANSIBLE_PIPELINING := True
export ANSIBLE_NOCOLOR := $(if $(CI),1,)
export MYPYPATH := $(BUILD)/collections

# Debian packages: what the demo needs, and what the tests use beside it, as peers and as judges.
DEMO_PACKAGES := python3-venv python3-bpfcc python3-pyroute2 linux-libc-dev iproute2 iputils-ping bpftool procps ethtool \
                 nginx-light curl tcpdump
TEST_PACKAGES := $(DEMO_PACKAGES) \
                 iperf3 dnsmasq-base bind9-dnsutils strace traceroute \
                 mtr-tiny iputils-tracepath iptables nftables ipset \
                 clang libbpf-dev gcc libc6-dev shellcheck mmdebstrap patchelf \
                 qemu-system-x86 qemu-utils e2fsprogs openssh-client dropbear-bin file chromium \
                 systemd prometheus prometheus-node-exporter

TESTS := $(addprefix test-,unit lint docs sanity published versions packet integration hosts demo cluster cells switches services masquerade policy loss awx upgrade molecule vm)

.PHONY: help demo demo-down docs journeys bench deps collection header artefact readmes release \
        test test-quick $(TESTS)
help: ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 18

$(BUILD)/demo-packages: PACKAGES := $(DEMO_PACKAGES)
$(BUILD)/packages: PACKAGES := $(TEST_PACKAGES)
$(BUILD)/demo-packages $(BUILD)/packages: Makefile
	# dpkg-query fails where it has never heard of a package, and lists the others all the same.
	missing=$$({ dpkg-query -W -f '$${Package} $${Status}\n' $(PACKAGES) 2>/dev/null || true; } \
	  | awk '/ installed$$/{print $$1}' | sort | comm -13 - <(printf '%s\n' $(PACKAGES) | sort))
	if [ -n "$$missing" ]; then
	  apt-get update -qq
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing
	fi
	mkdir -p $(BUILD) && touch $@

PIP := pip install -q --disable-pip-version-check --root-user-action ignore

# System site packages: bcc and pyroute2 are Debian's, for Debian's own Python.
$(BUILD)/demo-venv: tests/requirements-demo.txt | $(BUILD)/demo-packages
$(BUILD)/venv: tests/requirements.txt tests/requirements-demo.txt | $(BUILD)/packages
$(BUILD)/demo-venv $(BUILD)/venv:
	[ -x $(VENV)/bin/pip ] || /usr/bin/python3 -m venv --system-site-packages $(VENV)
	$(VENV)/bin/$(PIP) -r $<
	touch $@

# The other versions of what we stand on: the oldest and the newest ansible-core, the newest pyroute2.
$(BUILD)/core-2.17/done: tests/requirements-oldest.txt | $(BUILD)/packages
	/usr/bin/python3 -m venv --clear --system-site-packages $(@D)
	$(@D)/bin/$(PIP) -r $<
	touch $@

$(BUILD)/pyroute2-0.9/done: tests/requirements-newest.txt | $(BUILD)/venv
	rm -rf $(@D)
	$(VENV)/bin/$(PIP) --target $(@D) -r $<
	touch $@

# The newest ansible-core wants a newer Python than Debian 12's. That of Debian 13 lies in a folder with the libraries that it
# was built for, and finds them there: it runs on this machine as any other program, and in the lab's namespaces.
$(BUILD)/python-3.13/done: | $(BUILD)/packages
	rm -rf $(@D)
	mmdebstrap --quiet --variant=extract --include=python3.13-venv trixie $(@D)
	libraries=$$(dirname $(@D)/usr/lib/*-linux-gnu/libc.so.6)
	patchelf --set-interpreter $$libraries/ld-linux-*.so.* --force-rpath --set-rpath $$libraries $(@D)/usr/bin/python3.13
	touch $@

$(BUILD)/core-newest/done: tests/requirements-newest-core.txt $(BUILD)/python-3.13/done
	$(BUILD)/python-3.13/usr/bin/python3.13 -m venv --clear --without-pip $(@D)
	wheel=$$(echo $(BUILD)/python-3.13/usr/share/python-wheels/pip-*.whl)
	$(@D)/bin/python $$wheel/$(PIP) -r $<
	touch $@

deps: $(BUILD)/venv collection ## install what is missing: Debian packages, the virtual environment

collection: ## make the checkout importable as podnet.fabric
	@mkdir -p $(BUILD)/collections/ansible_collections/podnet
	ln -sfn ../../../.. $(BUILD)/collections/ansible_collections/podnet/fabric

# What judges the collection as it is published, with the versions of others' tools that each of them wants.
$(BUILD)/publishing/done: tests/requirements-publishing.txt | $(BUILD)/packages
	/usr/bin/python3 -m venv --clear $(@D)
	$(@D)/bin/$(PIP) -r $<
	touch $@

VERSIONS := $(BUILD)/core-2.17/done $(BUILD)/core-newest/done $(BUILD)/pyroute2-0.9/done

PUBLISHING := $(BUILD)/publishing/done

test: deps $(VERSIONS) $(PUBLISHING) ## run every test, and sum up
	$(PY) -m tests.gates

test-quick: deps ## units, lint, packets and the demo's cluster, in a few minutes
	$(PY) -m tests.gates --quick

test-unit: deps ## plain Python: no root, seconds
test-lint: deps ## ruff, mypy, ansible-lint, shellcheck, changelog
test-docs: deps ## the docs as HTML; their examples and commands, done as written
test-sanity: deps ## ansible-test sanity
test-published: deps $(PUBLISHING) ## the collection as it is published: galaxy-importer, REUSE, documentation, out of an empty home
test-versions: deps $(VERSIONS) ## the oldest and the newest ansible-core, the newest pyroute2
test-packet: deps ## the programs, run on packets
test-integration: deps $(VERSIONS) ## the modules on the real kernel
test-hosts: deps ## the modules beside what happens to a host: boots, units, undone changes, routes that return
test-demo: deps ## the demo's cluster: who reaches whom, by which way, and that a rerun changes nothing
test-cluster: deps ## other whole clusters on labs
test-cells: deps ## every other cell of the table on labs
test-switches: deps ## every switch of a live cluster between two cells, and what it interrupts
test-services: deps ## services on the write-up's cluster: real clients, inside and outside
test-masquerade: deps ## pods that talk to the outside: who is seen, real clients, 60,000 flows at once, churn
test-policy: deps ## network policies: 278 cases by packets, 1,000 changes while packets pass, every path in every cell
test-loss: deps ## what is lost while programs are replaced and runs are killed: nothing
test-awx: deps ## what AWX is given: surveys, files, its API, and its templates run as it runs them
test-upgrade: deps ## a live cluster of the last release is brought to this checkout, in every cell: nothing is lost or left
test-molecule: deps ## the roles, one scenario each
test-vm: deps ## real virtual machines: systemd, SSH, Debian's kernel
$(TESTS): test-%:
	$(PY) -m tests.gates --whole $*

artefact: deps ## build the collection as it is published, in .build
	ansible-galaxy collection build --force --output-path $(BUILD)

release: deps ## the changelog of the version in galaxy.yml, of all fragments, and its tarball in .build
	antsibull-changelog lint
	antsibull-changelog release --update-existing
	ansible-galaxy collection build --force --output-path $(BUILD)

docs: deps ## the documentation as HTML, in .build/docs
	$(PY) -m tests.gates.pages

journeys: deps ## docs/journeys.md anew, from a lab of each network
	PYTHONPATH=$(BUILD)/collections $(PY) -m tests.cells.journeys

bench: deps ## measure this network against others; BENCH="--rounds 8 --only ratios" for less
	$(PY) -m tests.bench $(BENCH)

demo: $(BUILD)/demo-venv collection ## a lab with the network on it, its status and health; WITH="podnet_network_type=overlay" for another
	./lab demo -i $(DEMO) $(if $(WITH),--extra-vars "$(WITH)")

demo-down: collection ## take the demo away
	./lab down demo

header: collection ## make the headers in bpf/lib that come from the Python that describes the maps
	$(PY) -c 'import sys; sys.path.insert(0, "$(BUILD)/collections"); \
	  from ansible_collections.podnet.fabric.plugins.module_utils.datapath.header import render; \
	  [open(f"bpf/lib/{name}", "w").write(text) for name, text in render().items()]'

readmes: $(BUILD)/venv ## write the variables of each role, from its argument specs, into its README
	$(PY) -m tests.published.readmes
