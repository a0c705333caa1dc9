/* SPDX-License-Identifier: MIT */
/*
 * out_file.h - a result that goes into a file, or to stdout
 *
 * It is written under another name until it is whole: there is never half a
 * file under the one that was asked for. A pipe or a device is written as it
 * is.
 */
#ifndef CLI_OUT_FILE_H
#define CLI_OUT_FILE_H

#include <stdbool.h>
#include <stddef.h>

struct out_file {
	const char *name; /* NULL: stdout */
	int fd;
	char *temp; /* NULL: it is written as it is */
};

/* All of them return false with errno, and have said so. */
bool out_file_open(struct out_file *f, const char *name);
/* @error  errno of what has been written meanwhile, or 0; then no file */
bool out_file_close(struct out_file *f, int error);

/* The three at once. */
bool out_file_write(const char *name, const void *bytes, size_t n);

#endif
