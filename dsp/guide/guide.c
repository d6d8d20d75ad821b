// SPDX-License-Identifier: GPL-3.0-or-later
#include "guide.h"

const ub_guide *ub_guide_of_method(ub_method method)
{
    (void)method;
    return NULL;
}
