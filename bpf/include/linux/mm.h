/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What programs take from it is in linux/kconfig.h. */
#pragma once
