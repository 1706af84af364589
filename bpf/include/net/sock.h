/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Programs for packets include it for what it brings along. It has no struct sock: that is the
 * running kernel's, and a compiled object reads it by CO-RE. */
#pragma once

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
