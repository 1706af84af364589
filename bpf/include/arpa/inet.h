/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The C library's own declares htons() as a function; here it is the kernel's macro. */
#pragma once

#include <linux/in.h>
#include <linux/in6.h>
