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

/* What nearly every header of the kernel brings along, and programs for BCC take for granted. The names of
 * C99 have the types of the compiler's own <stdint.h>: a program may include that, too. */
#include <asm/byteorder.h>

typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;
typedef __INT8_TYPE__ int8_t;
typedef __INT16_TYPE__ int16_t;
typedef __INT32_TYPE__ int32_t;
typedef __INT64_TYPE__ int64_t;

enum { false, true };

#define NULL ((void *)0)
#define offsetof(type, member) __builtin_offsetof(type, member)
/* The C library's copy of <linux/stddef.h> leaves it to the compiler. */
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define htons(x) __cpu_to_be16(x)
#define ntohs(x) __be16_to_cpu(x)
#define htonl(x) __cpu_to_be32(x)
#define ntohl(x) __be32_to_cpu(x)
#define cpu_to_be16(x) __cpu_to_be16(x)
#define be16_to_cpu(x) __be16_to_cpu(x)
#define cpu_to_be32(x) __cpu_to_be32(x)
#define be32_to_cpu(x) __be32_to_cpu(x)
#define cpu_to_be64(x) __cpu_to_be64(x)
#define be64_to_cpu(x) __be64_to_cpu(x)

void *memcpy(void *, const void *, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);

/* <linux/socket.h> of the kernel has them, the C library's copy has not. */
#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_PACKET 17
