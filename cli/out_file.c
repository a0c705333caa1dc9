// SPDX-License-Identifier: MIT
/*
 * out_file.c - a result that goes into a file, or to stdout
 */
#include "out_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

static bool
cannot(const char *name)
{
	cli_say("cannot write %s: %s", name ? name : "to the standard output",
		strerror(errno));
	return false;
}

static bool
is_special(const char *name)
{
	struct stat st;

	return !stat(name, &st) && !S_ISREG(st.st_mode);
}

bool
out_file_open(struct out_file *f, const char *name)
{
	*f = (struct out_file){ .name = name, .fd = STDOUT_FILENO };
	if (!name)
		return true;
	if (is_special(name)) {
		f->fd = open(name, O_WRONLY | O_CLOEXEC);
	} else if (asprintf(&f->temp, "%s.XXXXXX", name) < 0) {
		f->temp = NULL;
		f->fd = -1;
	} else {
		f->fd = mkostemp(f->temp, O_CLOEXEC);
	}
	if (f->fd >= 0)
		return true;
	cannot(name);
	free(f->temp);
	return false;
}

bool
out_file_close(struct out_file *f, int error)
{
	mode_t mask = umask(0);

	umask(mask);
	if (!error && f->temp && fchmod(f->fd, 0666 & ~mask))
		error = errno;
	if (f->name && close(f->fd) && !error)
		error = errno;
	if (!error && f->temp && rename(f->temp, f->name))
		error = errno;
	if (error && f->temp)
		unlink(f->temp);
	free(f->temp);
	errno = error;
	return error ? cannot(f->name) : true;
}

bool
out_file_write(const char *name, const void *bytes, size_t n)
{
	struct out_file f;
	const char *at = bytes;
	int error = 0;

	if (!out_file_open(&f, name))
		return false;
	while (n && !error) {
		ssize_t put = write(f.fd, at, n);

		if (put >= 0) {
			at += put;
			n -= (size_t)put;
		} else if (errno != EINTR) {
			error = errno;
		}
	}
	return out_file_close(&f, error);
}
