// SPDX-License-Identifier: MIT
/*
 * trace_flight.c - the last seconds before it happened
 *
 * Idea       A trace that nobody reads: the rings are written over and over,
 *            and copied when the program dies, by SIGQUIT or at a tool's
 *            request. GORODEBUG=flightrec=SECONDS turns it on for the run.
 * How far    back it goes: so many seconds, as far as the ring of a worker
 *            goes, 65,536 events, or to the first run. The machine itself may
 *            not have been up for so long, and its cycles count from there.
 * Dying      The file is written after the report, by system calls only: 1 MiB
 *            a worker, and goroutines for 2 s at most. It gets its name when
 *            it is whole.
 * Threads    gr_flight_dump() is for the agent, and for who ends the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "goro/goro.h"
#include "options.h"
#include "out.h"
#include "runtime.h"
#include "trace.h"

enum { NAMES = 100 }; /* of one process, or of one before it of the same id */

extern struct goro_abi_clock gr_clock;

static struct {
	bool on;       /* [pair flight] */
	char dir[256]; /* $TMPDIR: no getenv() when all goes down */
} flight;

void
gr_flight_start(void)
{
	const char *dir = getenv("TMPDIR");

	if (!gr_options.flight_ns || gr_trace_on())
		return;
	if (!dir || !*dir || strlen(dir) >= sizeof(flight.dir))
		dir = "/tmp";
	strcpy(flight.dir, dir);
	gr_store_rel(&flight.on, true); /* [pair flight] */
}

void
gr_flight_stop(void)
{
	if (!gr_flight_on())
		return;
	gr_store_rel(&flight.on, false); /* [pair flight] */
	gr_trace_off();
}

bool
gr_flight_on(void)
{
	return gr_load_acq(&flight.on); /* [pair flight] */
}

/* Where the last seconds begin, in cycles. */
static uint64_t
beginning(void)
{
	double back = (double)gr_options.flight_ns / gr_cycle_ns();
	uint64_t now = gr_cycles(), age = now - gr_clock.start_cycles;

	return now - GR_MIN((uint64_t)back, age);
}

bool
gr_flight_write(int fd)
{
	struct gr_trace_writer *w = gr_trace_writer_create(fd);
	bool good = w && gr_trace_write_past(w, beginning());

	gr_trace_writer_destroy(w);
	return good;
}

/* Behind what is in @to, with room for it. */
static char *
put(char *to, const char *text)
{
	size_t n = strlen(text);

	memcpy(to, text, n + 1);
	return to + n;
}

static char *
put_number(char *to, unsigned long n)
{
	char digits[24], *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do
		*--at = (char)('0' + n % 10);
	while (n /= 10);
	return put(to, at);
}

/* "DIR/goro-flight-PID-N.trace", of the first N that nobody has, and that
 * with ".part" behind it. */
static int
create(char *path, char *part)
{
	for (unsigned long n = 1; n <= NAMES; n++) {
		char *to = put(path, flight.dir);
		int fd;

		to = put(to, "/goro-flight-");
		to = put_number(to, (unsigned long)getpid());
		to = put(to, "-");
		to = put_number(to, n);
		put(to, ".trace");
		if (!access(path, F_OK))
			continue;
		put(put(part, path), ".part");
		fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

void
gr_flight_dump(struct gr_out *o)
{
	char path[sizeof(flight.dir) + 80], part[sizeof(path) + 8];
	bool good;
	int fd;

	if (!gr_flight_on())
		return;
	fd = create(path, part);
	good = fd >= 0 && gr_flight_write(fd);
	if (fd >= 0)
		close(fd);
	if (good && !rename(part, path)) {
		gr_out_str(o, "\nflight recorder: goro-prof -o FILE --read ");
		gr_out_str(o, path);
		gr_out_str(o, " trace\n");
	} else {
		gr_out_str(o, "\nflight recorder: no trace could be written "
			      "in ");
		gr_out_str(o, flight.dir);
		gr_out_str(o, "\n");
		if (fd >= 0)
			unlink(part);
	}
}
