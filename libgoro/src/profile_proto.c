// SPDX-License-Identifier: MIT
/*
 * profile_proto.c - a table of traces as profile.proto, gzip'd
 */
#include "profile_proto.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "atomic.h"
#include "gzip.h"
#include "labels.h"
#include "names.h"

/* Field numbers of profile.proto. */
enum {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE = 2,
	PROFILE_MAPPING = 3,
	PROFILE_LOCATION = 4,
	PROFILE_FUNCTION = 5,
	PROFILE_STRING = 6,
	PROFILE_TIME = 9,
	PROFILE_DURATION = 10,
	PROFILE_PERIOD_TYPE = 11,
	PROFILE_PERIOD = 12,
	PROFILE_COMMENT = 13,
	PROFILE_DEFAULT_TYPE = 14,
	TYPE_TYPE = 1,
	TYPE_UNIT = 2,
	SAMPLE_LOCATION = 1,
	SAMPLE_VALUE = 2,
	SAMPLE_LABEL = 3,
	LABEL_KEY = 1,
	LABEL_STR = 2,
	MAPPING_ID = 1,
	MAPPING_START = 2,
	MAPPING_LIMIT = 3,
	MAPPING_OFFSET = 4,
	MAPPING_FILE = 5,
	MAPPING_BUILD_ID = 6,
	MAPPING_HAS_FUNCTIONS = 7,
	LOCATION_ID = 1,
	LOCATION_MAPPING = 2,
	LOCATION_ADDRESS = 3,
	LOCATION_LINE = 4,
	LINE_FUNCTION = 1,
	FUNCTION_ID = 1,
	FUNCTION_NAME = 2,
	FUNCTION_SYSTEM_NAME = 3,
};

/* A hash table of numbers from 1 on; what they stand for, the caller knows. */
struct table {
	uint32_t *slot; /* 0: free */
	uint32_t mask, n;
};

struct string {
	uint64_t hash;
	size_t at, n;      /* in `strings` */
	uint32_t function; /* of that name, or 0 */
};

struct location {
	uintptr_t pc;
	bool internal;
};

struct encoder {
	const struct gr_profile_spec *spec;
	const struct gr_modules *modules;
	uint32_t first; /* module that is the program: mapping 1 */
	struct gr_names *names;
	const struct gr_module *library;
	struct gr_pb samples, mappings, locations, functions, strings;
	struct table string_table, location_table;
	struct string *string;
	struct location *location;
	uint32_t functions_n;
	bool failed;
};

/* --- Tables --------------------------------------------------------------- */

/* Make room for one more: false when memory is short. @hash is that of a
 * number that is in the table. */
static bool
table_grow(struct encoder *e, struct table *t,
	   uint64_t (*hash)(const struct encoder *e, uint32_t i))
{
	uint32_t size = t->slot ? 2 * (t->mask + 1) : 256;
	uint32_t *slot;

	if (t->slot && t->n < t->mask / 2)
		return true;
	slot = calloc(size, sizeof(*slot));
	if (!slot)
		return false;
	for (uint32_t k = 0; t->slot && k <= t->mask; k++) {
		uint64_t h;

		if (!t->slot[k])
			continue;
		h = hash(e, t->slot[k]);
		while (slot[h & (size - 1)])
			h++;
		slot[h & (size - 1)] = t->slot[k];
	}
	free(t->slot);
	t->slot = slot;
	t->mask = size - 1;
	return true;
}

/* An array that a table's numbers count, one longer. */
static void *
array_grow(void *array, uint32_t n, size_t item_bytes)
{
	return n & (n - 1) ? array :
			     realloc(array, (n ? 2ul * n : 1ul) * item_bytes);
}

static uint64_t
hash_of_string(const struct encoder *e, uint32_t i)
{
	return e->string[i - 1].hash;
}

/* Number @text; the number of "" is 0, as the format wants it. */
static uint32_t
string_id(struct encoder *e, const char *text)
{
	size_t n = strlen(text);
	uint64_t h = 0xcbf29ce484222325ull, k;
	struct table *t = &e->string_table;
	struct string *grown;

	if (!n || e->failed)
		return 0;
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)text[i]) * 0x100000001b3ull;
	h ^= h >> 32;
	if (!table_grow(e, t, hash_of_string))
		goto failed;
	for (k = h; t->slot[k & t->mask]; k++) {
		uint32_t id = t->slot[k & t->mask];
		const struct string *s = &e->string[id - 1];

		if (s->hash == h && s->n == n &&
		    !memcmp(e->strings.bytes + s->at, text, n))
			return id;
	}
	grown = array_grow(e->string, t->n, sizeof(*grown));
	if (!grown)
		goto failed;
	e->string = grown;
	gr_pb_bytes(&e->strings, PROFILE_STRING, text, n);
	e->string[t->n] = (struct string){ h, e->strings.n - n, n, 0 };
	return t->slot[k & t->mask] = ++t->n;
failed:
	e->failed = true;
	return 0;
}

/* --- Mappings, functions, locations --------------------------------------- */

/* The program comes first: then pprof takes it for the main one. */
static uint32_t
mapping_id(const struct encoder *e, const struct gr_module *m)
{
	uint32_t i;

	if (!m)
		return 0;
	i = (uint32_t)(m - e->modules->module);
	return i == e->first ? 1 : i + 1 + (i < e->first);
}

/* The address in memory of the text's beginning, and its place in the file. */
static void
text_of(const struct gr_module *m, uint64_t *ret_start, uint64_t *ret_offset)
{
	enum { PAGE = 4096 };
	struct gr_image im;
	Elf64_Phdr ph;

	*ret_start = m->start;
	*ret_offset = 0;
	if (!gr_image_open_memory(&im, m->start))
		return;
	for (unsigned i = 0; gr_image_phdr(&im, i, &ph); i++) {
		if (ph.p_type != PT_LOAD || !(ph.p_flags & PF_X))
			continue;
		*ret_start = (m->bias + ph.p_vaddr) & -(uint64_t)PAGE;
		*ret_offset = ph.p_offset & -(uint64_t)PAGE;
		return;
	}
}

static void
put_mapping(struct encoder *e, const struct gr_module *m)
{
	char id[2 * GR_BUILD_ID_BYTES + 1] = "";
	uint64_t start, offset;
	size_t at;

	for (unsigned i = 0; i < m->build_id.n; i++)
		snprintf(id + 2 * i, 3, "%02x", m->build_id.bytes[i]);
	text_of(m, &start, &offset);
	at = gr_pb_begin(&e->mappings, PROFILE_MAPPING);
	gr_pb_uint(&e->mappings, MAPPING_ID, mapping_id(e, m));
	gr_pb_uint(&e->mappings, MAPPING_START, start);
	gr_pb_uint(&e->mappings, MAPPING_LIMIT, m->text_hi);
	gr_pb_uint(&e->mappings, MAPPING_OFFSET, offset);
	gr_pb_uint(&e->mappings, MAPPING_FILE, string_id(e, m->path));
	gr_pb_uint(&e->mappings, MAPPING_BUILD_ID, string_id(e, id));
	gr_pb_uint(&e->mappings, MAPPING_HAS_FUNCTIONS, 1);
	gr_pb_end(&e->mappings, at);
}

static void
put_mappings(struct encoder *e)
{
	if (e->first < e->modules->n)
		put_mapping(e, &e->modules->module[e->first]);
	for (uint32_t i = 0; i < e->modules->n; i++)
		if (i != e->first)
			put_mapping(e, &e->modules->module[i]);
}

static uint32_t
function_id(struct encoder *e, const char *name)
{
	uint32_t text = string_id(e, name);
	struct string *s;
	size_t at;

	if (!text)
		return 0;
	s = &e->string[text - 1];
	if (s->function)
		return s->function;
	s->function = ++e->functions_n;
	at = gr_pb_begin(&e->functions, PROFILE_FUNCTION);
	gr_pb_uint(&e->functions, FUNCTION_ID, s->function);
	gr_pb_uint(&e->functions, FUNCTION_NAME, text);
	gr_pb_uint(&e->functions, FUNCTION_SYSTEM_NAME, text);
	gr_pb_end(&e->functions, at);
	return s->function;
}

static void
put_location(struct encoder *e, uint32_t id, uintptr_t pc, uint32_t mapping,
	     const char *name)
{
	struct gr_pb *pb = &e->locations;
	uint32_t function = function_id(e, name);
	size_t at = gr_pb_begin(pb, PROFILE_LOCATION), line;

	gr_pb_uint(pb, LOCATION_ID, id);
	gr_pb_uint(pb, LOCATION_MAPPING, mapping);
	gr_pb_uint(pb, LOCATION_ADDRESS, pc);
	line = gr_pb_begin(pb, LOCATION_LINE);
	gr_pb_uint(pb, LINE_FUNCTION, function);
	gr_pb_end(pb, line);
	gr_pb_end(pb, at);
}

static uint64_t
hash_of_pc(uintptr_t pc)
{
	return pc * 0x9e3779b97f4a7c15ull >> 32;
}

static uint64_t
hash_of_location(const struct encoder *e, uint32_t i)
{
	return hash_of_pc(e->location[i - 1].pc);
}

/* A function's name, or the place of @pc, in @place. */
static const char *
text_of_pc(const struct gr_name *name, uintptr_t pc, char place[GR_NAME_MAX])
{
	if (*name->text)
		return name->text;
	snprintf(place, GR_NAME_MAX, "%s+%#zx",
		 name->module ? gr_module_name(name->module) : "",
		 pc - (name->module ? name->module->bias : 0));
	return name->module ? place : place + 1;
}

static void
describe(struct encoder *e, uint32_t id, uintptr_t pc)
{
	char place[GR_NAME_MAX];
	struct gr_name *name = gr_names_get(e->names, pc);
	const char *text = text_of_pc(name, pc, place);

	e->location[id - 1].internal = gr_name_is_internal(name, e->library);
	put_location(e, id, pc, mapping_id(e, name->module), text);
}

/* Number the location of @pc; 0 when memory is short. */
static uint32_t
location_id(struct encoder *e, uintptr_t pc)
{
	struct table *t = &e->location_table;
	uint64_t k;
	struct location *grown;

	if (e->failed || !table_grow(e, t, hash_of_location))
		goto failed;
	for (k = hash_of_pc(pc); t->slot[k & t->mask]; k++)
		if (e->location[t->slot[k & t->mask] - 1].pc == pc)
			return t->slot[k & t->mask];
	grown = array_grow(e->location, t->n, sizeof(*grown));
	if (!grown)
		goto failed;
	e->location = grown;
	e->location[t->n] = (struct location){ .pc = pc };
	t->slot[k & t->mask] = ++t->n;
	describe(e, t->n, pc);
	return t->n;
failed:
	e->failed = true;
	return 0;
}

/* --- Samples -------------------------------------------------------------- */

static void
put_label(struct encoder *e, const char *key, const char *text)
{
	size_t at = gr_pb_begin(&e->samples, SAMPLE_LABEL);

	gr_pb_uint(&e->samples, LABEL_KEY, string_id(e, key));
	gr_pb_uint(&e->samples, LABEL_STR, string_id(e, text));
	gr_pb_end(&e->samples, at);
}

/* Sums of a trace: parts of counts, and values in units of their own. */
struct sums {
	uint64_t count, value, more_count, more_value;
};

/* Of a difference each may be less than nothing. */
static uint64_t
whole_count(const struct encoder *e, uint64_t parts)
{
	unsigned shift = e->spec->count_shift;

	return (uint64_t)((int64_t)(parts + (1ull << shift >> 1)) >> shift);
}

static void
put_values(struct encoder *e, const struct sums *s)
{
	size_t at = gr_pb_begin(&e->samples, SAMPLE_VALUE);
	uint64_t value = s->value;

	gr_pb_varint(&e->samples, whole_count(e, s->count));
	if (e->spec->values_n > 1 && e->spec->scale > 0)
		value = (uint64_t)(int64_t)((double)(int64_t)value *
					    e->spec->scale);
	if (e->spec->values_n > 1)
		gr_pb_varint(&e->samples, value);
	if (e->spec->values_n > 2 && e->spec->gone) {
		gr_pb_varint(&e->samples,
			     whole_count(e, s->count - s->more_count));
		gr_pb_varint(&e->samples, value - s->more_value);
	} else if (e->spec->values_n > 2) {
		gr_pb_varint(&e->samples, s->more_count);
		gr_pb_varint(&e->samples, s->more_value);
	}
	gr_pb_end(&e->samples, at);
}

/* All frames, or those that are not the runtime's own; returns how many. */
static uint32_t
put_frames(struct encoder *e, const struct gr_trace *t, bool internal_too)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->n; i++) {
		uint32_t id = location_id(e, t->pc[i]);

		if (!id || (!internal_too && e->location[id - 1].internal))
			continue;
		gr_pb_varint(&e->samples, id);
		n++;
	}
	return n;
}

/* What a trace is summed by besides its stack. */
static void
put_labels(struct encoder *e, const struct gr_trace *t)
{
	const struct gr_labels *set = t->labels;
	uintptr_t creator = t->creator - 1; /* of a call, not behind it */
	char place[GR_NAME_MAX];

	for (uint32_t i = 0; set && i < set->n; i++)
		put_label(e, set->label[i].key, set->label[i].value);
	if (set && set->name)
		put_label(e, "goroutine name", set->name);
	if (t->creator)
		put_label(e, "creator",
			  text_of_pc(gr_names_get(e->names, creator), creator,
				     place));
	if (e->spec->tag_key && t->tag)
		put_label(e, e->spec->tag_key, e->spec->tag_text(t->tag));
}

static void
put_trace(const struct gr_trace *t, void *arg)
{
	struct encoder *e = arg;
	const struct sums sums = { gr_load_rlx(&t->count),
				   gr_load_rlx(&t->value),
				   gr_load_rlx(&t->more_count),
				   gr_load_rlx(&t->more_value) };
	size_t sample, at;

	if (!sums.count && !sums.value && !sums.more_count && !sums.more_value)
		return; /* nothing happened meanwhile */
	sample = gr_pb_begin(&e->samples, PROFILE_SAMPLE);
	at = gr_pb_begin(&e->samples, SAMPLE_LOCATION);
	if (!put_frames(e, t, e->spec->whole) && !e->spec->whole)
		put_frames(e, t, true); /* better than none */
	gr_pb_end(&e->samples, at);
	put_values(e, &sums);
	put_labels(e, t);
	gr_pb_end(&e->samples, sample);
}

/* Events whose stacks are not known, as a function of its own. */
static void
put_lost(struct encoder *e, const struct gr_traces *ts)
{
	/* Of memory: not in use any more, as far as is known. */
	const struct sums sums = { ts->lost, ts->lost_value, ts->lost,
				   ts->lost_value };
	uint32_t id = e->location_table.n + 1;
	size_t sample, at;

	if (!sums.count && !sums.value)
		return;
	put_location(e, id, 0, 0, "lost");
	sample = gr_pb_begin(&e->samples, PROFILE_SAMPLE);
	at = gr_pb_begin(&e->samples, SAMPLE_LOCATION);
	gr_pb_varint(&e->samples, id);
	gr_pb_end(&e->samples, at);
	put_values(e, &sums);
	gr_pb_end(&e->samples, sample);
}

static void
put_type(struct encoder *e, struct gr_pb *to, uint32_t field,
	 const struct gr_profile_type *type)
{
	size_t at = gr_pb_begin(to, field);

	gr_pb_uint(to, TYPE_TYPE, string_id(e, type->type));
	gr_pb_uint(to, TYPE_UNIT, string_id(e, type->unit));
	gr_pb_end(to, at);
}

/* All of it but the lists, which were put together before. */
static void
put_profile(struct encoder *e, struct gr_pb *to)
{
	const struct gr_profile_spec *spec = e->spec;
	const struct gr_pb *parts[] = { &e->samples, &e->mappings,
					&e->locations, &e->functions };

	for (unsigned i = 0; i < spec->values_n; i++)
		put_type(e, to, PROFILE_SAMPLE_TYPE, &spec->value[i]);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		gr_pb_raw(to, parts[i]->bytes, parts[i]->n);
		e->failed |= parts[i]->failed;
	}
	gr_pb_uint(to, PROFILE_TIME, (uint64_t)spec->time_ns);
	gr_pb_uint(to, PROFILE_DURATION, (uint64_t)spec->duration_ns);
	put_type(e, to, PROFILE_PERIOD_TYPE, &spec->period_type);
	gr_pb_uint(to, PROFILE_PERIOD, (uint64_t)spec->period);
	if (spec->comment)
		gr_pb_uint(to, PROFILE_COMMENT, string_id(e, spec->comment));
	if (spec->default_type)
		gr_pb_uint(to, PROFILE_DEFAULT_TYPE,
			   string_id(e, spec->default_type));
	gr_pb_bytes(to, PROFILE_STRING, "", 0); /* number 0 */
	gr_pb_raw(to, e->strings.bytes, e->strings.n);
	e->failed |= e->strings.failed;
}

static uint32_t
program_of(const struct gr_modules *ms)
{
	uintptr_t at = getauxval(AT_PHDR);

	for (uint32_t i = 0; i < ms->n; i++)
		if (at >= ms->module[i].start && at < ms->module[i].end)
			return i;
	return 0;
}

static void
encoder_fini(struct encoder *e)
{
	free(e->names);
	free(e->string_table.slot);
	free(e->location_table.slot);
	free(e->string);
	free(e->location);
	gr_pb_fini(&e->samples);
	gr_pb_fini(&e->mappings);
	gr_pb_fini(&e->locations);
	gr_pb_fini(&e->functions);
	gr_pb_fini(&e->strings);
}

/*
 * Write @ts down.
 *
 * @modules  where its PCs are
 * @ret      the compressed profile is appended
 *
 * Returns 0 or -ENOMEM
 */
int
gr_profile_encode(struct gr_traces *ts, const struct gr_profile_spec *spec,
		  const struct gr_modules *modules, struct gr_pb *ret)
{
	struct encoder e = {
		.spec = spec,
		.modules = modules,
		.first = program_of(modules),
		.names = calloc(1, sizeof(*e.names)),
		.library = gr_names_library(modules),
	};
	struct gr_pb plain = { 0 };

	if (e.names) {
		gr_names_init(e.names, modules);
		put_mappings(&e);
		gr_traces_each(ts, put_trace, &e);
		put_lost(&e, ts);
		gr_names_fini(e.names);
		put_profile(&e, &plain);
		if (!plain.failed && !e.failed)
			gr_gzip(plain.bytes, plain.n, ret);
	}
	e.failed |= !e.names || plain.failed || ret->failed;
	encoder_fini(&e);
	gr_pb_fini(&plain);
	return e.failed ? -ENOMEM : 0;
}
