/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Somebody's own program: lets every packet go on to whoever is next (TCX_NEXT, TC_ACT_UNSPEC). */
#define SECTION(name) __attribute__((section(name), used))

SECTION("tc") int own(void *packet)
{
	return -1;
}

SECTION("license") char terms[] = "GPL";
