// SPDX-License-Identifier: MIT
/*
 * render_pprof.c - goroutines as a profile that pprof opens
 *
 * What Go's goroutine profile is: a sample for each stack, counting goroutines,
 * with their labels; one more label says what they wait for. Functions, files,
 * lines and what was inlined are in it, so pprof needs no binaries. The
 * runtime's internal frames are left out.
 *
 * Source     github.com/google/pprof, proto/profile.proto
 */
#include "render_pprof.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "libgoro/src/pb.h"
#include "sort.h"

/* Field numbers of profile.proto. */
enum {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE = 2,
	PROFILE_MAPPING = 3,
	PROFILE_LOCATION = 4,
	PROFILE_FUNCTION = 5,
	PROFILE_STRING = 6,
	PROFILE_TIME_NS = 9,
	PROFILE_PERIOD_TYPE = 11,
	PROFILE_PERIOD = 12,
	VALUE_TYPE = 1,
	VALUE_UNIT = 2,
	SAMPLE_LOCATION = 1,
	SAMPLE_VALUE = 2,
	SAMPLE_LABEL = 3,
	LABEL_KEY = 1,
	LABEL_STRING = 2,
	MAPPING_ID = 1,
	MAPPING_START = 2,
	MAPPING_LIMIT = 3,
	MAPPING_FILE = 5,
	MAPPING_BUILD_ID = 6,
	MAPPING_HAS_FUNCTIONS = 7,
	MAPPING_HAS_FILES = 8,
	MAPPING_HAS_LINES = 9,
	MAPPING_HAS_INLINES = 10,
	LOCATION_ID = 1,
	LOCATION_MAPPING = 2,
	LOCATION_ADDRESS = 3,
	LOCATION_LINE = 4,
	LINE_FUNCTION = 1,
	LINE_LINE = 2,
	FUNCTION_ID = 1,
	FUNCTION_NAME = 2,
	FUNCTION_SYSTEM_NAME = 3,
	FUNCTION_FILE = 4,
};

enum { TEXT_MAX = 4096 };

struct render {
	const struct gt_report *report;
	const struct gt_view *view;
	struct gr_pb pb;
	struct gt_model *strings; /* for its table of strings only */
	uint32_t *numbers;        /* string's number, by its place there */
	size_t numbers_room;
	uint64_t strings_n;
	bool *located;       /* by PC id: it has a location */
	uint64_t *functions; /* ids, by the place of what stands for it */
	size_t functions_room;
	uint64_t functions_n;
};

/* The number of a string in the profile's table; it is written when it is new:
 * fields may come in any order. 0 is the empty one. */
static uint64_t
string_number(struct render *r, const char *s)
{
	char text[TEXT_MAX];

	gt_clean(text, sizeof(text), s, "");
	uint32_t at = gt_model_string(r->strings, text);
	size_t had = r->numbers_room;

	if (!at)
		return 0;
	if (!gt_grow((void **)&r->numbers, at, 1, &r->numbers_room,
		     sizeof(*r->numbers))) {
		r->pb.failed = true;
		return 0;
	}
	memset(r->numbers + had, 0,
	       (r->numbers_room - had) * sizeof(*r->numbers));
	if (!r->numbers[at]) {
		r->numbers[at] = ++r->strings_n;
		gr_pb_bytes(&r->pb, PROFILE_STRING, text, strlen(text));
	}
	return r->numbers[at];
}

static void
put_value_type(struct render *r, uint32_t field)
{
	uint64_t type = string_number(r, "goroutine");
	uint64_t unit = string_number(r, "count");
	size_t at = gr_pb_begin(&r->pb, field);

	gr_pb_uint(&r->pb, VALUE_TYPE, type);
	gr_pb_uint(&r->pb, VALUE_UNIT, unit);
	gr_pb_end(&r->pb, at);
}

/* A mapping for each module; the program's is the first, as pprof expects: it
 * lies below the libraries. */
static void
put_mappings(struct render *r)
{
	const struct gt_modules *modules = r->view->symbols->modules;

	for (size_t i = 0; modules && i < modules->n; i++) {
		const struct gt_module *m = &modules->v[i];
		char id[GT_BUILD_ID_TEXT];

		gt_module_build_id(modules, m, id);
		uint64_t file = string_number(r, m->map->path);
		uint64_t build_id = string_number(r, id);
		size_t at = gr_pb_begin(&r->pb, PROFILE_MAPPING);
		gr_pb_uint(&r->pb, MAPPING_ID, i + 1);
		gr_pb_uint(&r->pb, MAPPING_START, m->start);
		gr_pb_uint(&r->pb, MAPPING_LIMIT, m->end);
		gr_pb_uint(&r->pb, MAPPING_FILE, file);
		gr_pb_uint(&r->pb, MAPPING_BUILD_ID, build_id);
		/* Nothing is left to be looked up. */
		gr_pb_uint(&r->pb, MAPPING_HAS_FUNCTIONS, 1);
		gr_pb_uint(&r->pb, MAPPING_HAS_FILES, 1);
		gr_pb_uint(&r->pb, MAPPING_HAS_LINES, 1);
		gr_pb_uint(&r->pb, MAPPING_HAS_INLINES, 1);
		gr_pb_end(&r->pb, at);
	}
}

/* A function is its name and its file: there are static ones. */
static uint64_t
function_id(struct render *r, const struct gt_frame *f)
{
	uint64_t name = string_number(r, f->function);
	uint64_t file = f->file ? string_number(r, f->file) : 0;
	char both[48];
	size_t had = r->functions_room;

	/* As a string it has a small number of its own. */
	snprintf(both, sizeof(both), "\n%" PRIu64 " %" PRIu64, name, file);
	uint32_t key = gt_model_string(r->strings, both);
	if (!gt_grow((void **)&r->functions, key, 1, &r->functions_room,
		     sizeof(*r->functions))) {
		r->pb.failed = true;
		return 1;
	}
	memset(r->functions + had, 0,
	       (r->functions_room - had) * sizeof(*r->functions));
	if (!r->functions[key]) {
		r->functions[key] = ++r->functions_n;
		size_t at = gr_pb_begin(&r->pb, PROFILE_FUNCTION);
		gr_pb_uint(&r->pb, FUNCTION_ID, r->functions_n);
		gr_pb_uint(&r->pb, FUNCTION_NAME, name);
		gr_pb_uint(&r->pb, FUNCTION_SYSTEM_NAME, name);
		gr_pb_uint(&r->pb, FUNCTION_FILE, file);
		gr_pb_end(&r->pb, at);
	}
	return r->functions[key];
}

/* Is there anything of a PC to show? Its location has been written then. */
static bool
locate(struct render *r, uint32_t id)
{
	const struct gt_symbol *symbol = gt_symbols_get(r->view->symbols, id);
	const struct gt_modules *modules = r->view->symbols->modules;
	uint64_t addr = gt_row_lookup(&r->view->model->pcs.rows[id]);
	const struct gt_module *m = modules ? gt_modules_find(modules, addr) :
					      NULL;
	uint64_t functions[64];
	uint32_t lines[64], n = 0;

	r->pb.failed |= !symbol;
	for (uint32_t i = 0; symbol && i < symbol->n && n < 64; i++) {
		if (symbol->frames[i].internal)
			continue;
		lines[n] = symbol->frames[i].line;
		functions[n++] = 0;
		if (!r->located[id])
			functions[n - 1] = function_id(r, &symbol->frames[i]);
	}
	if (!n || r->located[id])
		return n != 0;
	r->located[id] = true;
	size_t at = gr_pb_begin(&r->pb, PROFILE_LOCATION);
	gr_pb_uint(&r->pb, LOCATION_ID, id);
	gr_pb_uint(&r->pb, LOCATION_MAPPING, m ? m - modules->v + 1 : 0);
	gr_pb_uint(&r->pb, LOCATION_ADDRESS, addr);
	for (uint32_t i = 0; i < n; i++) {
		size_t line = gr_pb_begin(&r->pb, LOCATION_LINE);

		gr_pb_uint(&r->pb, LINE_FUNCTION, functions[i]);
		gr_pb_uint(&r->pb, LINE_LINE, lines[i]);
		gr_pb_end(&r->pb, line);
	}
	gr_pb_end(&r->pb, at);
	return true;
}

static void
put_label(struct render *r, uint64_t key, uint64_t value)
{
	size_t at = gr_pb_begin(&r->pb, SAMPLE_LABEL);

	gr_pb_uint(&r->pb, LABEL_KEY, key);
	gr_pb_uint(&r->pb, LABEL_STRING, value);
	gr_pb_end(&r->pb, at);
}

/* @count goroutines that do what @g does and have its labels. */
static void
put_sample(struct render *r, const struct gt_goroutine *g, uint64_t count)
{
	const struct gt_model *model = r->view->model;
	uint64_t labels[2 * GT_LABELS_MAX];
	uint32_t located[GT_TRACE_INNER + GT_TRACE_OUTER], located_n = 0;
	uint32_t labels_n = 0, next = 0;
	const char *key, *value;
	uint64_t status_key = string_number(r, "status");
	uint64_t status = string_number(r, gt_goroutine_status(model, g));

	for (uint32_t i = 0; i < g->frames_n; i++)
		if (locate(r, model->frames[g->frames + i]))
			located[located_n++] = model->frames[g->frames + i];
	while (gt_label_next(model, g->labels, &next, &key, &value)) {
		labels[labels_n++] = string_number(r, key);
		labels[labels_n++] = string_number(r, value);
	}
	size_t at = gr_pb_begin(&r->pb, PROFILE_SAMPLE);
	for (uint32_t i = 0; i < located_n; i++)
		gr_pb_uint(&r->pb, SAMPLE_LOCATION, located[i]);
	gr_pb_uint(&r->pb, SAMPLE_VALUE, count);
	put_label(r, status_key, status);
	for (uint32_t i = 0; i < labels_n; i += 2)
		if (labels[i] && labels[i] != status_key)
			put_label(r, labels[i], labels[i + 1]);
	gr_pb_end(&r->pb, at);
}

/* Members of a group have the same stack, and perhaps different labels. */
static bool
put_group(struct render *r, const struct gt_groups *groups,
	  const struct gt_group *group)
{
	const struct gt_goroutine *all = r->view->model->goroutines;
	const uint32_t *members = groups->members + group->first;
	GT_CLEANUP(gt_freep)
	struct gt_sort_item *items = malloc((2 * (size_t)group->n + 1) *
					    sizeof(*items));

	if (!items)
		return false;
	for (uint32_t i = 0; i < group->n; i++)
		items[i] = (struct gt_sort_item){
			.key = all[members[i]].labels,
			.index = members[i],
		};
	gt_sort(items, items + group->n, group->n);
	for (uint32_t i = 0, k; i < group->n; i = k) {
		for (k = i; k < group->n && items[k].key == items[i].key; k++)
			;
		put_sample(r, &all[items[i].index], k - i);
	}
	return true;
}

static bool
put_profile(struct render *r)
{
	struct gt_groups groups;
	struct gt_error *err = gt_groups_make(r->view, GT_SORT_COUNT, &groups);
	bool ok = !err;

	gr_pb_bytes(&r->pb, PROFILE_STRING, "", 0);
	put_value_type(r, PROFILE_SAMPLE_TYPE);
	put_value_type(r, PROFILE_PERIOD_TYPE);
	gr_pb_uint(&r->pb, PROFILE_PERIOD, 1);
	gr_pb_uint(&r->pb, PROFILE_TIME_NS, r->report->about->time_ns);
	put_mappings(r);
	for (size_t i = 0; i < groups.n && ok; i++)
		ok = put_group(r, &groups, &groups.v[i]);
	gt_groups_fini(&groups);
	gt_error_free(err);
	return ok && !r->pb.failed;
}

static bool
put_gzip(const struct gr_pb *pb, struct gt_out *out)
{
	z_stream z = { .next_in = pb->bytes, .avail_in = pb->n };
	unsigned char piece[16384];
	int status;

	/* 16 more: gzip's header. */
	if (pb->n > UINT32_MAX ||
	    deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return false;
	do {
		z.next_out = piece;
		z.avail_out = sizeof(piece);
		status = deflate(&z, Z_FINISH);
		gt_out_bytes(out, piece, sizeof(piece) - z.avail_out);
	} while (status == Z_OK);
	deflateEnd(&z);
	return status == Z_STREAM_END;
}

struct gt_error *
gt_render_pprof(const struct gt_report *report, struct gt_out *out)
{
	struct gt_model strings;
	struct render r = {
		.report = report,
		.view = report->view,
		.strings = &strings,
		.located = calloc(report->view->model->pcs.n, 1),
	};
	struct gt_error *err = gt_model_init(&strings, NULL);

	if (err) {
		free(r.located);
		return err;
	}
	bool ok = r.located && put_profile(&r) && put_gzip(&r.pb, out);
	gt_model_fini(&strings);
	gr_pb_fini(&r.pb);
	free(r.numbers);
	free(r.functions);
	free(r.located);
	return ok ? NULL : &gt_enomem;
}
