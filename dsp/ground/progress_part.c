// SPDX-License-Identifier: GPL-3.0-or-later
#include "progress_part.h"

static int report(void *context, const char *stage, double fraction)
{
    const ub_progress_part *part = context;
    const double whole = part->from + fraction * (part->to - part->from);
    return ub_progress_report(part->whole, stage, whole) != UB_OK;
}

static void enter_stage(void *context, const char *name)
{
    const ub_progress_part *part = context;
    ub_progress_stage(part->whole, name);
}

ub_progress ub_progress_of_part(ub_progress_part *part)
{
    return (ub_progress){.report = report, .context = part, .stage = enter_stage};
}
