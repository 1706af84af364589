/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BCC includes this file before everything else. With real kernel headers it switches on what the
 * kernel was built with; here it brings the kernel's short names that BCC's own headers use. */
#pragma once

#include <linux/types.h>

#define CONFIG_BPF_SYSCALL 1

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
typedef __SIZE_TYPE__ size_t;
typedef __UINTPTR_TYPE__ uintptr_t;
typedef _Bool bool;
