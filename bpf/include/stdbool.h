/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What it defines is in linux/kconfig.h. */
#pragma once
