/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Empty under BCC, which brings its own copy and would define every enum twice. A plain clang is
 * not the kernel and gets the system's file. */
#pragma once

#ifndef __KERNEL__
#include_next <linux/bpf.h>
#endif
