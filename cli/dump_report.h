/* SPDX-License-Identifier: MIT */
/*
 * dump_report.h - what was asked for of a model, and printing it
 */
#ifndef DUMP_REPORT_H
#define DUMP_REPORT_H

#include "dump_options.h"
#include "tracer/model.h"
#include "tracer/modules.h"

/*
 * Print what @o asks for.
 *
 * @problem  in, out: why a part is missing; NULL: nothing is. One that is there
 *           stays, and one that came up is to be said and freed by the caller
 *
 * Returns an exit status.
 */
int dump_print(struct gt_model *model, struct gt_modules *modules,
	       struct gt_target *t, const struct dump_options *o,
	       struct gt_error **problem);

#endif
