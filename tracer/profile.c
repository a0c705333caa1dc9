// SPDX-License-Identifier: MIT
/*
 * profile.c - a profile.proto, read strictly
 *
 * Two passes over the message: the first takes the fields down, with ids and
 * numbers of strings as they stand there; the second checks and resolves.
 */
#include "profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { MAX_BYTES = 1 << 30 }; /* inflated: more is an attack */

/* --- Protocol buffers ----------------------------------------------------- */

struct reader {
	const uint8_t *at, *end;
	bool bad;
};

struct field {
	uint32_t number;
	bool bytes; /* else a number */
	uint64_t value;
	struct reader body;
};

static uint64_t
read_varint(struct reader *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte;

		if (r->at == r->end)
			break;
		byte = *r->at++;
		v |= (uint64_t)(byte & 127) << shift;
		if (byte < 128)
			return v;
	}
	r->bad = true;
	return 0;
}

/* The next field; false at the end, and when the rest makes no sense. */
static bool
read_field(struct reader *r, struct field *ret)
{
	uint64_t tag;

	if (r->at == r->end || r->bad)
		return false;
	tag = read_varint(r);
	ret->number = (uint32_t)(tag >> 3);
	ret->bytes = (tag & 7) == 2;
	ret->value = read_varint(r);
	if (ret->bytes) {
		if (ret->value > (uint64_t)(r->end - r->at))
			r->bad = true;
		else
			ret->body = (struct reader){ r->at, r->at + ret->value,
						     false };
		if (!r->bad)
			r->at += ret->value;
	} else if ((tag & 7) != 0) {
		r->bad = true; /* no other kind is used in a profile */
	}
	return !r->bad && ret->number;
}

/* --- The first pass ------------------------------------------------------- */

#define PUSH GT_PROFILE_PUSH

bool
gt_profile_grow(void **at, size_t *room, size_t item_bytes)
{
	size_t more = *room ? 2 * *room : 64;
	void *p = more < UINT32_MAX ? realloc(*at, more * item_bytes) : NULL;

	if (!p)
		return false;
	*at = p;
	*room = more;
	return true;
}

static bool
take_type(struct reader r, struct gt_profile_type *ret)
{
	struct field f;

	*ret = (struct gt_profile_type){ 0 };
	while (read_field(&r, &f)) {
		if (f.number == 1)
			ret->type = (uint32_t)f.value;
		if (f.number == 2)
			ret->unit = (uint32_t)f.value;
	}
	return !r.bad;
}

static bool
take_mapping(struct gt_profile *p, struct reader r)
{
	struct gt_profile_mapping m = { 0 };
	struct field f;

	while (read_field(&r, &f))
		switch (f.number) {
		case 1:
			m.id = f.value;
			break;
		case 2:
			m.start = f.value;
			break;
		case 3:
			m.limit = f.value;
			break;
		case 4:
			m.offset = f.value;
			break;
		case 5:
			m.file = (uint32_t)f.value;
			break;
		case 6:
			m.build_id = (uint32_t)f.value;
			break;
		case 7:
			m.has_functions = f.value;
			break;
		case 8:
			m.has_files = f.value;
			break;
		case 9:
			m.has_lines = f.value;
			break;
		case 10:
			m.has_inlines = f.value;
			break;
		default:
			break;
		}
	return !r.bad && PUSH(p->mappings, m);
}

static bool
take_function(struct gt_profile *p, struct reader r)
{
	struct gt_profile_function fn = { 0 };
	struct field f;

	while (read_field(&r, &f))
		switch (f.number) {
		case 1:
			fn.id = f.value;
			break;
		case 2:
			fn.name = (uint32_t)f.value;
			break;
		case 3:
			fn.system_name = (uint32_t)f.value;
			break;
		case 4:
			fn.file = (uint32_t)f.value;
			break;
		case 5:
			fn.start_line = (int64_t)f.value;
			break;
		default:
			break;
		}
	return !r.bad && PUSH(p->functions, fn);
}

static bool
take_line(struct gt_profile *p, struct reader r)
{
	struct gt_profile_line line = { 0 };
	struct field f;

	while (read_field(&r, &f)) {
		if (f.number == 1)
			line.function = (uint32_t)f.value; /* an id as yet */
		if (f.number == 2)
			line.line = (int64_t)f.value;
	}
	return !r.bad && PUSH(p->lines, line);
}

static bool
take_location(struct gt_profile *p, struct reader r)
{
	struct gt_profile_location l = { .line = (uint32_t)p->lines.n };
	struct field f;

	while (read_field(&r, &f)) {
		if (f.number == 1)
			l.id = f.value;
		if (f.number == 2)
			l.mapping = (int32_t)f.value; /* an id as yet */
		if (f.number == 3)
			l.address = f.value;
		if (f.number == 4 && (!f.bytes || !take_line(p, f.body)))
			return false;
	}
	l.lines_n = (uint32_t)p->lines.n - l.line;
	return !r.bad && PUSH(p->locations, l);
}

static bool
take_label(struct gt_profile *p, struct reader r)
{
	struct gt_profile_label l = { 0 };
	struct field f;

	while (read_field(&r, &f))
		switch (f.number) {
		case 1:
			l.key = (uint32_t)f.value;
			break;
		case 2:
			l.str = (uint32_t)f.value;
			break;
		case 3:
			l.num = (int64_t)f.value;
			break;
		case 4:
			l.unit = (uint32_t)f.value;
			break;
		default:
			break;
		}
	return !r.bad && PUSH(p->labels, l);
}

/* Numbers, one by one or packed. */
static bool
take_frames(struct gt_profile *p, struct field *f)
{
	if (!f->bytes)
		return PUSH(p->frames, f->value);
	while (f->body.at < f->body.end && !f->body.bad)
		if (!PUSH(p->frames, read_varint(&f->body)))
			return false;
	return !f->body.bad;
}

static bool
take_values(struct gt_profile_sample *s, size_t *n, struct field *f)
{
	if (!f->bytes) {
		if (*n == GT_PROFILE_TYPES)
			return false;
		s->value[(*n)++] = (int64_t)f->value;
		return true;
	}
	while (f->body.at < f->body.end && !f->body.bad) {
		if (*n == GT_PROFILE_TYPES)
			return false;
		s->value[(*n)++] = (int64_t)read_varint(&f->body);
	}
	return !f->body.bad;
}

/* @types_n  values that there must be, or are: it is known after the first */
static bool
take_sample(struct gt_profile *p, struct reader r, size_t *types_n)
{
	struct gt_profile_sample s = { .frame = (uint32_t)p->frames.n,
				       .label = (uint32_t)p->labels.n };
	struct field f;
	size_t n = 0;

	while (read_field(&r, &f)) {
		if (f.number == 1 && !take_frames(p, &f))
			return false;
		if (f.number == 2 && !take_values(&s, &n, &f))
			return false;
		if (f.number == 3 && (!f.bytes || !take_label(p, f.body)))
			return false;
	}
	if (!p->samples.n)
		*types_n = n;
	s.frames_n = (uint32_t)p->frames.n - s.frame;
	s.labels_n = (uint32_t)p->labels.n - s.label;
	return !r.bad && n == *types_n && PUSH(p->samples, s);
}

static bool
take_string(struct gt_profile *p, struct reader r, char **text)
{
	size_t n = (size_t)(r.end - r.at);
	char *s = *text;

	/* A NUL within would cut it short: nobody writes one. */
	if (memchr(r.at, 0, n))
		return false;
	memcpy(s, r.at, n);
	s[n] = '\0';
	*text += n + 1;
	return PUSH(p->strings, s);
}

static struct gt_error *
take_all(struct gt_profile *p, struct reader r)
{
	size_t values_n = 0;
	struct field f;
	char *text;

	/* A string takes a tag and a length: room for its terminator. */
	p->text = text = malloc((size_t)(r.end - r.at) + 1);
	if (!text)
		return &gt_enomem;
	while (read_field(&r, &f)) {
		bool ok = true;

		if ((f.number <= 6 || f.number == 11) && !f.bytes)
			return gt_damaged(0,
					  "field %u of the profile is no "
					  "message",
					  f.number);
		switch (f.number) {
		case 1:
			ok = p->types_n < GT_PROFILE_TYPES &&
			     take_type(f.body, &p->type[p->types_n++]);
			break;
		case 2:
			ok = take_sample(p, f.body, &values_n);
			break;
		case 3:
			ok = take_mapping(p, f.body);
			break;
		case 4:
			ok = take_location(p, f.body);
			break;
		case 5:
			ok = take_function(p, f.body);
			break;
		case 6:
			ok = take_string(p, f.body, &text);
			break;
		case 9:
			ok = !p->time_ns; /* or two were concatenated */
			p->time_ns = (int64_t)f.value;
			break;
		case 10:
			p->duration_ns = (int64_t)f.value;
			break;
		case 11:
			ok = take_type(f.body, &p->period_type);
			break;
		case 12:
			p->period = (int64_t)f.value;
			break;
		case 13:
			ok = PUSH(p->comments, (uint32_t)f.value);
			break;
		case 14:
			p->default_type = (uint32_t)f.value;
			break;
		default:
			break;
		}
		if (!ok)
			return gt_damaged(0,
					  "field %u of the profile is "
					  "malformed, or memory is short",
					  f.number);
	}
	if (r.bad)
		return gt_damaged(0, "the profile ends within a field");
	if (p->samples.n && values_n != p->types_n)
		return gt_damaged(0, "samples have %zu values for %zu types",
				  values_n, p->types_n);
	return NULL;
}

/* --- The second pass ------------------------------------------------------ */

struct id {
	uint64_t id;
	uint32_t index;
};

struct ids {
	struct id *at;
	size_t n;
};

static int
by_id(const void *a, const void *b)
{
	uint64_t x = ((const struct id *)a)->id, y = ((const struct id *)b)->id;

	return (x > y) - (x < y);
}

/* Sort the ids of @n items that lie @stride apart, an id first in each. */
static struct gt_error *
ids_init(struct ids *ids, const void *items, size_t n, size_t stride,
	 const char *what)
{
	ids->n = n;
	ids->at = calloc(n + 1, sizeof(*ids->at));
	if (!ids->at)
		return &gt_enomem;
	for (size_t i = 0; i < n; i++) {
		memcpy(&ids->at[i].id, (const char *)items + i * stride,
		       sizeof(uint64_t));
		ids->at[i].index = (uint32_t)i;
	}
	qsort(ids->at, n, sizeof(*ids->at), by_id);
	for (size_t i = 0; i < n; i++)
		if (!ids->at[i].id || (i && ids->at[i].id == ids->at[i - 1].id))
			return gt_damaged(0, "a %s has the id 0 or another's",
					  what);
	return NULL;
}

static bool
ids_find(const struct ids *ids, uint64_t id, uint32_t *ret)
{
	struct id key = { .id = id };
	const struct id *found = bsearch(&key, ids->at, ids->n, sizeof(key),
					 by_id);

	if (found)
		*ret = found->index;
	return found;
}

static void
ids_fini(struct ids *ids)
{
	free(ids->at);
}

static struct gt_error *
check_strings(const struct gt_profile *p)
{
	size_t n = p->strings.n;
	uint32_t most = p->default_type;

#define SEE(i) (most = (i) > most ? (i) : most)
	if (!n || *p->strings.at[0])
		return gt_damaged(0, "the first string is not empty");
	for (size_t i = 0; i < p->types_n; i++)
		SEE(p->type[i].type), SEE(p->type[i].unit);
	SEE(p->period_type.type), SEE(p->period_type.unit);
	for (size_t i = 0; i < p->mappings.n; i++)
		SEE(p->mappings.at[i].file), SEE(p->mappings.at[i].build_id);
	for (size_t i = 0; i < p->functions.n; i++) {
		SEE(p->functions.at[i].name);
		SEE(p->functions.at[i].system_name);
		SEE(p->functions.at[i].file);
	}
	for (size_t i = 0; i < p->labels.n; i++) {
		SEE(p->labels.at[i].key);
		SEE(p->labels.at[i].str);
		SEE(p->labels.at[i].unit);
	}
	for (size_t i = 0; i < p->comments.n; i++)
		SEE(p->comments.at[i]);
#undef SEE
	return most < n ? NULL : gt_damaged(0, "there is no string %u", most);
}

/* Labels that pprof would drop or mix up. */
static struct gt_error *
check_labels(const struct gt_profile *p)
{
	for (size_t i = 0; i < p->labels.n; i++) {
		const struct gt_profile_label *l = &p->labels.at[i];

		if (!l->key || (!l->str && !l->num && !l->unit) ||
		    (l->str && l->num))
			return gt_damaged(0, "a label without key or value");
	}
	return NULL;
}

static struct gt_error *
check_types(const struct gt_profile *p)
{
	if (!p->types_n)
		return gt_damaged(0, "there is no sample type");
	for (size_t i = 0; i < p->types_n; i++)
		if (!p->type[i].type || !p->type[i].unit)
			return gt_damaged(0, "a sample type without a name");
	return NULL;
}

static struct gt_error *
resolve_locations(struct gt_profile *p, const struct ids *mappings)
{
	for (size_t i = 0; i < p->locations.n; i++) {
		struct gt_profile_location *l = &p->locations.at[i];
		uint32_t index;

		if (!l->mapping) {
			l->mapping = -1;
			continue;
		}
		if (!ids_find(mappings, (uint32_t)l->mapping, &index))
			return gt_damaged(l->address, "there is no mapping %d",
					  l->mapping);
		l->mapping = (int32_t)index;
		if (l->address < p->mappings.at[index].start ||
		    l->address >= p->mappings.at[index].limit)
			return gt_damaged(l->address, "a location lies outside "
						      "of its mapping");
	}
	return NULL;
}

static struct gt_error *
resolve_lines(struct gt_profile *p, const struct ids *functions)
{
	for (size_t i = 0; i < p->lines.n; i++)
		if (!ids_find(functions, p->lines.at[i].function,
			      &p->lines.at[i].function))
			return gt_damaged(0, "there is no function %u",
					  p->lines.at[i].function);
	return NULL;
}

static struct gt_error *
resolve_frames(struct gt_profile *p, const struct ids *locations)
{
	for (size_t i = 0; i < p->frames.n; i++)
		if (!ids_find(locations, p->frames.at[i], &p->frames.at[i]))
			return gt_damaged(0, "there is no location %u",
					  p->frames.at[i]);
	return NULL;
}

static struct gt_error *
resolve(struct gt_profile *p)
{
	GT_CLEANUP(ids_fini) struct ids mappings = { 0 };
	GT_CLEANUP(ids_fini) struct ids functions = { 0 };
	GT_CLEANUP(ids_fini) struct ids locations = { 0 };
	struct gt_error *err = check_types(p);

	if (!err)
		err = check_strings(p);
	if (!err)
		err = check_labels(p);
	if (!err)
		err = ids_init(&mappings, p->mappings.at, p->mappings.n,
			       sizeof(*p->mappings.at), "mapping");
	if (!err)
		err = ids_init(&functions, p->functions.at, p->functions.n,
			       sizeof(*p->functions.at), "function");
	if (!err)
		err = ids_init(&locations, p->locations.at, p->locations.n,
			       sizeof(*p->locations.at), "location");
	if (!err)
		err = resolve_locations(p, &mappings);
	if (!err)
		err = resolve_lines(p, &functions);
	if (!err)
		err = resolve_frames(p, &locations);
	return err;
}

/* --- Bytes ---------------------------------------------------------------- */

static struct gt_error *
inflate_all(const void *bytes, size_t n, uint8_t **ret, size_t *ret_n)
{
	size_t room = n < MAX_BYTES / 8 ? 8 * n + 4096 : MAX_BYTES;
	z_stream z = { .next_in = (Bytef *)bytes, .avail_in = (uInt)n };
	uint8_t *to = malloc(room);
	int r = Z_MEM_ERROR;

	/* 16: gzip, and nothing else. */
	if (to && n < MAX_BYTES)
		r = inflateInit2(&z, 16 + MAX_WBITS);
	while (r == Z_OK) {
		z.next_out = to + z.total_out;
		z.avail_out = (uInt)(room - z.total_out);
		r = inflate(&z, Z_FINISH);
		if (r != Z_BUF_ERROR || z.avail_out || room >= MAX_BYTES)
			break;
		room *= 2;
		uint8_t *more = realloc(to, room);
		if (!more)
			break;
		to = more;
		r = Z_OK;
	}
	*ret = to;
	*ret_n = z.total_out;
	if (to)
		inflateEnd(&z);
	if (!to)
		return &gt_enomem;
	if (r == Z_STREAM_END && !z.avail_in)
		return NULL;
	return gt_damaged(0, "the profile is no whole gzip file");
}

/* Read a profile. What is in @ret is to be ended by gt_profile_fini(). */
struct gt_error *
gt_profile_read(const void *bytes, size_t n, struct gt_profile *ret)
{
	GT_CLEANUP(gt_freep) uint8_t *plain = NULL;
	struct gt_profile p = { 0 };
	size_t plain_n;
	struct gt_error *err = inflate_all(bytes, n, &plain, &plain_n);

	if (!err)
		err = take_all(&p, (struct reader){ plain, plain + plain_n,
						    false });
	if (!err)
		err = resolve(&p);
	if (err)
		gt_profile_fini(&p);
	else
		*ret = p;
	return err;
}

struct gt_error *
gt_profile_read_fd(int fd, struct gt_profile *ret)
{
	GT_CLEANUP(gt_freep) char *bytes = NULL;
	size_t n = 0, room = 0;

	for (;;) {
		if (n == room && !gt_profile_grow((void **)&bytes, &room, 1))
			return &gt_enomem;
		ssize_t got = read(fd, bytes + n, room - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return gt_error(GT_SYSTEM, errno,
					"cannot read the profile: %s",
					strerror(errno));
		if (!got)
			return gt_profile_read(bytes, n, ret);
		n += (size_t)got;
	}
}

uint32_t
gt_profile_add_string(struct gt_profile *p, const char *text)
{
	char *copy = *text ? strdup(text) : NULL;

	if (!copy)
		return 0;
	if (!PUSH(p->added, copy)) {
		free(copy);
		return 0;
	}
	return PUSH(p->strings, copy) ? (uint32_t)p->strings.n - 1 : 0;
}

void
gt_profile_fini(struct gt_profile *p)
{
	for (size_t i = 0; i < p->added.n; i++)
		free(p->added.at[i]);
	free(p->added.at);
	free(p->strings.at);
	free(p->mappings.at);
	free(p->functions.at);
	free(p->locations.at);
	free(p->lines.at);
	free(p->samples.at);
	free(p->labels.at);
	free(p->frames.at);
	free(p->comments.at);
	free(p->text);
	*p = (struct gt_profile){ 0 };
}
