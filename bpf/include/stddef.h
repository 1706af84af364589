/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The compiler's own is not in BCC's path; headers of the C library ask for it. */
#pragma once

#include <linux/kconfig.h>

typedef __PTRDIFF_TYPE__ ptrdiff_t;
typedef __WCHAR_TYPE__ wchar_t;
