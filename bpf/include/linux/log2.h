/* SPDX-License-Identifier: GPL-3.0-or-later */
/* BCC's helpers.h includes it; what it needs of it is BCC's own. */
#pragma once
