# Everything that this project does from a checkout. `make` alone lists the targets.
#   Needs root, Debian 12 or newer, git, make and Python; each target installs what it lacks.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:

VENV  ?= $(CURDIR)/.venv
BUILD := $(CURDIR)/.build
PY    := $(VENV)/bin/python
DEMO  := tests/inventories/demo.yml

export PATH := $(VENV)/bin:$(PATH):/usr/sbin:/sbin
export ANSIBLE_COLLECTIONS_PATH := $(BUILD)/collections
export ANSIBLE_PIPELINING := True
export ANSIBLE_CALLBACK_RESULT_FORMAT := yaml
export ANSIBLE_NOCOLOR := $(if $(CI),1,)
export MYPYPATH := $(BUILD)/collections

# Debian packages: what the nodes need, then what the demo and the tests use as peers.
PACKAGES := python3-venv python3-bpfcc python3-pyroute2 linux-libc-dev iproute2 iputils-ping bpftool procps \
            nginx-light curl iperf3 tcpdump traceroute iptables nftables clang gcc libc6-dev

.PHONY: help demo demo-down test test-unit test-lint test-sanity test-packet test-integration test-molecule bench deps collection
help: ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 18

$(BUILD)/deps: tests/requirements.txt Makefile
	missing=$$(dpkg-query -W -f '$${Package} $${Status}\n' $(PACKAGES) 2>/dev/null | awk '/ installed$$/{print $$1}' \
	  | sort | comm -13 - <(printf '%s\n' $(PACKAGES) | sort))
	if [ -n "$$missing" ]; then
	  apt-get update -qq
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing
	fi
	# System site packages: bcc and pyroute2 are Debian's, for Debian's own Python.
	[ -x $(VENV)/bin/pip ] || /usr/bin/python3 -m venv --system-site-packages $(VENV)
	$(VENV)/bin/pip install -q --disable-pip-version-check --root-user-action ignore -r tests/requirements.txt
	mkdir -p $(BUILD) && touch $@

deps: $(BUILD)/deps collection ## install what is missing: Debian packages, the virtual environment

collection: ## make the checkout importable as podnet.fabric
	@mkdir -p $(BUILD)/collections/ansible_collections/podnet
	ln -sfn ../../../.. $(BUILD)/collections/ansible_collections/podnet/fabric

bench: deps ## measure this network against others; BENCH="--rounds 8 --only ratios" for less
	$(PY) -m tests.bench $(BENCH)

demo: deps ## build the lab, bring up the network on it, show status and health, leave it running
	./lab up -i $(DEMO)
	ansible-playbook -i $(DEMO) podnet.fabric.demo
	ansible-playbook -i $(DEMO) podnet.fabric.status
	ansible-playbook -i $(DEMO) podnet.fabric.health

demo-down: collection ## take the demo away
	./lab down demo

header: collection ## make bpf/lib/shared.h from the Python that describes the maps
	$(PY) -c 'import sys; sys.path.insert(0, "$(BUILD)/collections"); \
	  from ansible_collections.podnet.fabric.plugins.module_utils.datapath.header import render; \
	  open("bpf/lib/shared.h", "w").write(render())'
