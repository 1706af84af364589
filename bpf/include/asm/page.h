/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BCC's helpers.h takes it for the size of its per-CPU buffers. */
#pragma once

#define PAGE_SIZE 4096
