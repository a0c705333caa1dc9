// SPDX-License-Identifier: MIT
/*
 * channels.c - the channels of a target
 *
 * A channel has no state word: each of its fields is true, and together they
 * are as true as anything is that is read beside a running program.
 */
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "registry.h"

enum { PIECE_BYTES = 1 << 20, CHANNELS_MAX = 1 << 24 };
#define SLABS_MAX_BYTES (UINT64_C(1) << 34) /* of all slabs */

static struct gt_error *
take(struct gt_model *model, struct gt_target *t, const unsigned char *chan,
     uint64_t addr)
{
	const struct goro_abi_table *abi = &model->abi->t;
	uint64_t id = gt_abi_load(chan, abi->chan.id);
	uint64_t name = gt_abi_load(chan, abi->chan.name);
	uint64_t creator = gt_abi_load(chan, abi->chan.creator_pc);
	char text[GT_NAME_BYTES] = "";

	if (!id)
		return NULL;
	if (model->channels_n == CHANNELS_MAX)
		return gt_damaged(addr,
				  "the list of channel slabs is damaged: there "
				  "are more than %d channels",
				  CHANNELS_MAX);
	if (!gt_grow((void **)&model->channels, model->channels_n, 1,
		     &model->channels_room, sizeof(*model->channels)))
		return &gt_enomem;
	if (name) {
		struct gt_error *err = gt_target_read_string(t, name, text,
							     sizeof(text));
		if (err)
			return err;
	}
	model->channels[model->channels_n++] = (struct gt_channel){
		.id = id,
		.addr = addr,
		.elem_bytes = gt_abi_load(chan, abi->chan.elem_bytes),
		.cap = gt_abi_load(chan, abi->chan.cap),
		.len = gt_abi_load(chan, abi->chan.len),
		.refs = gt_abi_load(chan, abi->chan.refs),
		.creator_id = gt_abi_load(chan, abi->chan.creator_id),
		.recvq = gt_abi_load(chan, abi->chan.recvq),
		.sendq = gt_abi_load(chan, abi->chan.sendq),
		.creator = creator ? gt_pctab_id(&model->pcs, creator, false) :
				     0,
		.name = gt_model_string(model, text),
		.kind = gt_abi_load(chan, abi->chan_more.kind),
		.closed = gt_abi_load(chan, abi->chan.closed) != 0,
	};
	return NULL;
}

static struct gt_error *
no_channels(uint64_t addr, struct gt_error *err)
{
	if (err->code != GT_FAULT)
		return err;
	gt_error_free(err);
	return gt_damaged(addr,
			  "the list of channel slabs is damaged: there are no "
			  "channels at 0x%llx",
			  (unsigned long long)addr);
}

static struct gt_error *
load_slab(struct gt_model *model, struct gt_target *t,
	  const struct gt_slab *slab, unsigned char *buf)
{
	uint64_t each = PIECE_BYTES / slab->stride;
	struct gt_error *err = NULL;

	for (uint64_t at = 0; at < slab->carved && !err; at += each) {
		uint64_t n = slab->carved - at < each ? slab->carved - at :
							each;
		uint64_t addr = slab->base + at * slab->stride;

		err = gt_target_read(t, addr, buf, n * slab->stride);
		if (err)
			return no_channels(addr, err);
		for (uint64_t i = 0; i < n && !err; i++)
			err = take(model, t, buf + i * slab->stride,
				   addr + i * slab->stride);
	}
	return err;
}

struct gt_error *
gt_model_load_channels(struct gt_model *model, struct gt_target *t)
{
	struct gt_slabs slabs = { 0 };
	GT_CLEANUP(gt_freep) unsigned char *buf = malloc(PIECE_BYTES);
	struct gt_error *err = gt_registry_slabs(t, model->abi, &slabs);

	if (!buf && !err)
		err = &gt_enomem;
	uint64_t bytes = 0;
	for (size_t i = 0; i < slabs.n && buf; i++) {
		struct gt_error *slab_err = NULL;

		bytes += slabs.v[i].carved * slabs.v[i].stride;
		if (bytes > SLABS_MAX_BYTES)
			break;
		slab_err = load_slab(model, t, &slabs.v[i], buf);
		if (!err)
			err = slab_err;
		else
			gt_error_free(slab_err);
	}
	free(slabs.v);
	return err;
}
