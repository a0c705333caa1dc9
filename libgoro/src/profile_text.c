// SPDX-License-Identifier: MIT
/*
 * profile_text.c - profiles for people: ?debug=1, and names for addresses
 *
 * The old text forms, which pprof reads too: addresses in a line with "@" are
 * return addresses there, one more than what is looked up.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "code.h"
#include "debug_page.h"
#include "labels.h"
#include "names.h"
#include "profile.h"
#include "sched.h"
#include "traceback.h"

struct text {
	struct gr_pb *to;
	struct gr_names *names;
	const struct gr_module *library;
	const struct gr_trace **trace;
	size_t n, room;
	int64_t total;
	bool heap;
	double scale;         /* of values; 0: there are only counts */
	struct gr_trace sums; /* of all, of a heap profile; last: its PCs
			       * would follow */
};

static void
count(const struct gr_trace *t, void *arg)
{
	struct text *x = arg;

	x->n++;
	x->total += (int64_t)t->count;
	x->sums.count += t->count;
	x->sums.value += t->value;
	x->sums.more_count += t->more_count;
	x->sums.more_value += t->more_value;
}

static void
collect(const struct gr_trace *t, void *arg)
{
	struct text *x = arg;

	if (x->n < x->room)
		x->trace[x->n++] = t;
}

static int
larger_first(const void *a, const void *b)
{
	const struct gr_trace *x = *(const struct gr_trace *const *)a;
	const struct gr_trace *y = *(const struct gr_trace *const *)b;

	if (x->value != y->value)
		return x->value < y->value ? 1 : -1;
	return (x->count < y->count) - (x->count > y->count);
}

/* "in use: bytes [allocated: bytes]", as pprof reads it. */
static void
put_heap_sums(struct text *x, const struct gr_trace *t)
{
	gr_pb_printf(x->to,
		     "%" PRIu64 ": %" PRIu64 " [%" PRIu64 ": %" PRIu64 "] @",
		     (t->count - t->more_count) >> GR_PROFILE_COUNT_SHIFT,
		     t->value - t->more_value,
		     t->count >> GR_PROFILE_COUNT_SHIFT, t->value);
}

static bool
is_shown(struct text *x, const struct gr_trace *t, uint32_t i, bool all)
{
	return all || !gr_name_is_internal(gr_names_get(x->names, t->pc[i]),
					   x->library);
}

static void
put_labels(struct text *x, const struct gr_labels *set)
{
	const char *before = "# labels: {";

	for (uint32_t i = 0; i < set->n; i++, before = ", ")
		gr_pb_printf(x->to, "%s\"%s\":\"%s\"", before,
			     set->label[i].key, set->label[i].value);
	if (set->name)
		gr_pb_printf(x->to, "%s\"goroutine name\":\"%s\"", before,
			     set->name);
	if (set->n || set->name)
		gr_pb_printf(x->to, "}\n");
}

static void
put_trace(struct text *x, const struct gr_trace *t)
{
	bool all = true;

	for (uint32_t i = 0; i < t->n; i++)
		all &= !is_shown(x, t, i, false);
	if (x->scale > 0)
		gr_pb_printf(x->to, "%.0f ", (double)t->value * x->scale);
	if (x->heap)
		put_heap_sums(x, t);
	else
		gr_pb_printf(x->to, "%" PRIu64 " @",
			     x->scale > 0 ? t->count >> GR_PROFILE_COUNT_SHIFT :
					    t->count);
	for (uint32_t i = 0; i < t->n; i++)
		if (is_shown(x, t, i, all))
			gr_pb_printf(x->to, " %#zx", t->pc[i] + 1);
	gr_pb_printf(x->to, "\n");
	if (t->labels)
		put_labels(x, t->labels);
	for (uint32_t i = 0; i < t->n; i++) {
		const struct gr_name *name = gr_names_get(x->names, t->pc[i]);

		if (!is_shown(x, t, i, all))
			continue;
		name = gr_names_get(x->names, t->pc[i]);
		gr_pb_printf(x->to, "#\t%#zx\t%s", t->pc[i],
			     *name->text  ? name->text :
			     name->module ? gr_module_name(name->module) :
					    "?");
		if (name->start)
			gr_pb_printf(x->to, "+%#zx", t->pc[i] - name->start);
		gr_pb_printf(x->to, "\n");
	}
	gr_pb_printf(x->to, "\n");
}

static void
put_header(struct text *x, int kind)
{
	if (x->heap) { /* weighed already: not to be scaled by a rate */
		gr_pb_printf(x->to, "heap profile: ");
		put_heap_sums(x, &x->sums);
		gr_pb_printf(x->to, " heapprofile\n");
	} else if (kind == GR_PROFILE_MUTEX)
		gr_pb_printf(x->to, "--- mutex:\ncycles/second=1000000000\n"
				    "sampling period=1\n");
	else if (x->scale > 0)
		gr_pb_printf(x->to, "--- "
				    "contention:\ncycles/second=1000000000\n");
	else
		gr_pb_printf(x->to, "%s profile: total %" PRId64 "\n",
			     gr_profile_names[kind], x->total);
}

/* Name what a request asks for: "0x1234+0x5678". */
void
gr_symbols_put(const char *question, struct gr_pb *to)
{
	struct gr_names *names = calloc(1, sizeof(*names));
	struct gr_code *code = gr_code_refresh();

	if (names && code) {
		gr_names_init(names, &code->modules);
		while (*question) {
			char *end;
			uintptr_t pc = strtoull(question, &end, 0);
			const struct gr_name *name = gr_names_get(names, pc);

			if (pc && *name->text)
				gr_pb_printf(to, "%#zx %s\n", pc, name->text);
			question = *end ? end + 1 : end;
		}
		gr_names_fini(names);
	}
	free(names);
}

static int
put_all(struct text *x, struct gr_traces *ts, int kind)
{
	struct gr_code *code = gr_code_refresh();

	gr_traces_each(ts, count, x);
	x->room = x->n;
	x->n = 0;
	x->trace = calloc(x->room + 1, sizeof(*x->trace));
	x->names = calloc(1, sizeof(*x->names));
	if (!x->trace || !x->names || !code)
		return -ENOMEM;
	gr_names_init(x->names, &code->modules);
	x->library = gr_names_library(&code->modules);
	gr_traces_each(ts, collect, x);
	qsort(x->trace, x->n, sizeof(*x->trace), larger_first);
	put_header(x, kind);
	for (size_t i = 0; i < x->n; i++)
		put_trace(x, x->trace[i]);
	gr_names_fini(x->names);
	return x->to->failed ? -ENOMEM : 0;
}

int
gr_profile_put_text(int kind, struct gr_pb *to)
{
	struct text x = { .to = to };
	struct gr_traces *ts;
	int err;

	x.heap = kind == GR_PROFILE_HEAP || kind == GR_PROFILE_ALLOCS;
	if (kind >= GR_PROFILE_BLOCK)
		x.scale = gr_cycle_ns();
	gr_labels_hold();
	err = gr_profile_collect((enum gr_profile_kind)kind, NULL, false, &ts);
	if (!err) {
		err = put_all(&x, ts, kind);
		gr_traces_destroy(ts);
	}
	gr_labels_release();
	free(x.trace);
	free(x.names);
	return err;
}

/* By way of a file in memory: a traceback is written, not appended. */
int
gr_traceback_put(struct gr_pb *to)
{
	static struct gr_out out; /* under the guard */
	char piece[4096];
	ssize_t n;
	int fd = memfd_create("goro-traceback", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	gr_profile_guard();
	out.fd = fd;
	out.failed = false;
	gr_traceback_living(&out, GR_TRACEBACK_ALL, false);
	gr_out_flush(&out);
	gr_profile_unguard();
	lseek(fd, 1, SEEK_SET); /* without the empty line that is the first */
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		gr_pb_raw(to, piece, (size_t)n);
	close(fd);
	return to->failed ? -ENOMEM : 0;
}
