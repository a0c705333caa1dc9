// SPDX-License-Identifier: MIT
/*
 * profile_write.c - a profile back into its file
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "libgoro/src/pb.h"
#include "profile.h"

static void
put_type(struct gr_pb *pb, uint32_t field, const struct gt_profile_type *t)
{
	size_t at = gr_pb_begin(pb, field);

	gr_pb_uint(pb, 1, t->type);
	gr_pb_uint(pb, 2, t->unit);
	gr_pb_end(pb, at);
}

static void
put_mapping(struct gr_pb *pb, const struct gt_profile_mapping *m)
{
	size_t at = gr_pb_begin(pb, 3);

	gr_pb_uint(pb, 1, m->id);
	gr_pb_uint(pb, 2, m->start);
	gr_pb_uint(pb, 3, m->limit);
	gr_pb_uint(pb, 4, m->offset);
	gr_pb_uint(pb, 5, m->file);
	gr_pb_uint(pb, 6, m->build_id);
	gr_pb_uint(pb, 7, m->has_functions);
	gr_pb_uint(pb, 8, m->has_files);
	gr_pb_uint(pb, 9, m->has_lines);
	gr_pb_uint(pb, 10, m->has_inlines);
	gr_pb_end(pb, at);
}

static void
put_function(struct gr_pb *pb, const struct gt_profile_function *f)
{
	size_t at = gr_pb_begin(pb, 5);

	gr_pb_uint(pb, 1, f->id);
	gr_pb_uint(pb, 2, f->name);
	gr_pb_uint(pb, 3, f->system_name);
	gr_pb_uint(pb, 4, f->file);
	gr_pb_uint(pb, 5, (uint64_t)f->start_line);
	gr_pb_end(pb, at);
}

static void
put_location(struct gr_pb *pb, const struct gt_profile *p,
	     const struct gt_profile_location *l)
{
	size_t at = gr_pb_begin(pb, 4);

	gr_pb_uint(pb, 1, l->id);
	if (l->mapping >= 0)
		gr_pb_uint(pb, 2, p->mappings.at[l->mapping].id);
	gr_pb_uint(pb, 3, l->address);
	for (uint32_t i = 0; i < l->lines_n; i++) {
		const struct gt_profile_line *line = &p->lines.at[l->line + i];
		size_t in = gr_pb_begin(pb, 4);

		gr_pb_uint(pb, 1, p->functions.at[line->function].id);
		gr_pb_uint(pb, 2, (uint64_t)line->line);
		gr_pb_end(pb, in);
	}
	gr_pb_end(pb, at);
}

static void
put_label(struct gr_pb *pb, const struct gt_profile_label *l)
{
	size_t at = gr_pb_begin(pb, 3);

	gr_pb_uint(pb, 1, l->key);
	gr_pb_uint(pb, 2, l->str);
	gr_pb_uint(pb, 3, (uint64_t)l->num);
	gr_pb_uint(pb, 4, l->unit);
	gr_pb_end(pb, at);
}

static void
put_sample(struct gr_pb *pb, const struct gt_profile *p,
	   const struct gt_profile_sample *s)
{
	size_t at = gr_pb_begin(pb, 2), in = gr_pb_begin(pb, 1);

	for (uint32_t i = 0; i < s->frames_n; i++)
		gr_pb_varint(pb,
			     p->locations.at[p->frames.at[s->frame + i]].id);
	gr_pb_end(pb, in);
	in = gr_pb_begin(pb, 2);
	for (size_t i = 0; i < p->types_n; i++)
		gr_pb_varint(pb, (uint64_t)s->value[i]);
	gr_pb_end(pb, in);
	for (uint32_t i = 0; i < s->labels_n; i++)
		put_label(pb, &p->labels.at[s->label + i]);
	gr_pb_end(pb, at);
}

static void
put_profile(struct gr_pb *pb, const struct gt_profile *p)
{
	for (size_t i = 0; i < p->types_n; i++)
		put_type(pb, 1, &p->type[i]);
	for (size_t i = 0; i < p->samples.n; i++)
		put_sample(pb, p, &p->samples.at[i]);
	for (size_t i = 0; i < p->mappings.n; i++)
		put_mapping(pb, &p->mappings.at[i]);
	for (size_t i = 0; i < p->locations.n; i++)
		put_location(pb, p, &p->locations.at[i]);
	for (size_t i = 0; i < p->functions.n; i++)
		put_function(pb, &p->functions.at[i]);
	for (size_t i = 0; i < p->strings.n; i++)
		gr_pb_bytes(pb, 6, p->strings.at[i], strlen(p->strings.at[i]));
	gr_pb_uint(pb, 9, (uint64_t)p->time_ns);
	gr_pb_uint(pb, 10, (uint64_t)p->duration_ns);
	put_type(pb, 11, &p->period_type);
	gr_pb_uint(pb, 12, (uint64_t)p->period);
	for (size_t i = 0; i < p->comments.n; i++)
		gr_pb_uint(pb, 13, p->comments.at[i]);
	gr_pb_uint(pb, 14, p->default_type);
}

static struct gt_error *
compress_all(const struct gr_pb *pb, void **ret, size_t *ret_bytes)
{
	z_stream z = { .next_in = pb->bytes, .avail_in = (uInt)pb->n };
	size_t room;

	/* 16: as a gzip file. */
	if (pb->n > UINT32_MAX / 2 ||
	    deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 16 + MAX_WBITS, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return &gt_enomem;
	room = deflateBound(&z, pb->n);
	*ret = malloc(room);
	z.next_out = *ret;
	z.avail_out = *ret ? (uInt)room : 0;
	if (*ret && deflate(&z, Z_FINISH) != Z_STREAM_END) {
		free(*ret);
		*ret = NULL;
	}
	*ret_bytes = z.total_out;
	deflateEnd(&z);
	return *ret ? NULL : &gt_enomem;
}

struct gt_error *
gt_profile_write(const struct gt_profile *p, void **ret, size_t *ret_bytes)
{
	struct gr_pb pb = { 0 };
	struct gt_error *err = &gt_enomem;

	put_profile(&pb, p);
	if (!pb.failed)
		err = compress_all(&pb, ret, ret_bytes);
	gr_pb_fini(&pb);
	return err;
}
