/* SPDX-License-Identifier: MIT */
/*
 * procfs.h - reading /proc, and saying why it refuses
 */
#ifndef GT_PROCFS_H
#define GT_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "error.h"

/* The whole of a file below the directory @dir_fd, NUL-terminated, allocated;
 * or NULL with errno. At most @max bytes. */
char *gt_procfs_slurp(int dir_fd, const char *name, size_t max);

/* A field of a status file, as in "Uid": what follows the colon and blanks, up
 * to the line's end. False: there is none. */
bool gt_procfs_field(const char *status, const char *key, char *buf,
		     size_t max);

/* The error for a process that may not be read: which rule forbids it, and
 * what to do. @dir_fd is its directory in /proc. */
struct gt_error *gt_procfs_denied(int dir_fd, pid_t pid);

#endif
