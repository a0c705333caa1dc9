/* SPDX-License-Identifier: MIT */
/*
 * fds.h - what the descriptors are that goroutines wait for
 */
#ifndef GT_FDS_H
#define GT_FDS_H

#include "objects.h"

/* Fill in gt_object.text of each descriptor, as far as /proc says what it is:
 * a path, "pipe:[123]", "TCP 127.0.0.1:8080, listening". */
void gt_fds_name(pid_t pid, struct gt_model *model, struct gt_objects *objects);

#endif
