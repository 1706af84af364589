/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Made by `make header` from plugins/module_utils/datapath: change it there. */
#pragma once

#include "maps.h"
#include "maps_service.h"
#include "maps_nat.h"
#include "maps_policy.h"
#include "maps_drop.h"
#include "maps_event.h"
#include "maps_flow.h"
