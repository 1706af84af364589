/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BCC's helpers.h includes it for the size of some of its maps. */
#pragma once

#define roundup_pow_of_two(n) ((n) < 2 ? 1 : 1UL << (64 - __builtin_clzl((n) - 1)))
