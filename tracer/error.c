// SPDX-License-Identifier: MIT
/*
 * error.c - errors as values
 */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct gt_error gt_enomem = {
	.code = GT_NOMEM,
	.text = "out of memory",
};

static struct gt_error *
error_create(enum gt_code code, int sys, uint64_t addr, const char *format,
	     va_list args)
{
	struct gt_error *err = calloc(1, sizeof(*err));

	if (!err)
		return &gt_enomem;
	err->code = code;
	err->sys = sys;
	err->addr = addr;
	vsnprintf(err->text, sizeof(err->text), format, args);
	return err;
}

struct gt_error *
gt_error(enum gt_code code, int sys, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	struct gt_error *err = error_create(code, sys, 0, format, args);
	va_end(args);
	return err;
}

struct gt_error *
gt_damaged(uint64_t addr, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	struct gt_error *err = error_create(GT_DAMAGED, 0, addr, format, args);
	va_end(args);
	return err;
}

struct gt_error *
gt_error_hint(struct gt_error *err, const char *format, ...)
{
	va_list args;

	if (err == &gt_enomem)
		return err;
	va_start(args, format);
	vsnprintf(err->hint, sizeof(err->hint), format, args);
	va_end(args);
	return err;
}

void
gt_error_free(struct gt_error *err)
{
	if (err != &gt_enomem)
		free(err);
}

void
gt_freep(void *ptr_to_ptr)
{
	free(*(void **)ptr_to_ptr);
}

void
gt_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
