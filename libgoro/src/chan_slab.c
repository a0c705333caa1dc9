// SPDX-License-Identifier: MIT
/*
 * chan_slab.c - creating and freeing channels
 *
 * Locks      slab.lock: the free list and the slabs. A channel's own fields
 *            belong to its creator until it is published, and to whoever gave
 *            back the last reference after that.
 */
#include "chan_slab.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "chan.h"
#include "goro/goro.h"
#include "leak/test.h"
#include "san.h"

enum {
	SLAB_BYTES = 1 << 20, /* address space; pages come as they are used */
	NAME_MAX_BYTES = 128,
};

struct gr_chan_slab *gr_chan_slabs;

static struct {
	struct gr_lock lock;
	struct goro_chan *free;
} slab;

static uint64_t next_id = 1; /* [relaxed] only uniqueness matters */

static struct gr_chan_slab *
slab_create(void)
{
	struct gr_chan_slab *s =
		mmap(NULL, SLAB_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (s == MAP_FAILED)
		return NULL;
	s->stride = sizeof(struct goro_chan);
	s->base = (char *)s + s->stride; /* aligned as they are */
	s->count = (SLAB_BYTES - s->stride) / s->stride;
	s->next = gr_chan_slabs;
	gr_san_mapped(s, SLAB_BYTES);
	gr_store_rel(&gr_chan_slabs, s); /* [pair slabs] */
	return s;
}

static struct goro_chan *
take(void)
{
	struct gr_chan_slab *s;
	struct goro_chan *ch;

	gr_lock(&slab.lock);
	ch = slab.free;
	if (ch) {
		slab.free = ch->next_free;
	} else {
		s = gr_chan_slabs;
		if (!s || s->carved == s->count)
			s = slab_create();
		if (s) {
			ch = (struct goro_chan *)(s->base +
						  s->carved * s->stride);
			/* [pair slab-carved] */
			gr_store_rel(&s->carved, s->carved + 1);
		}
	}
	gr_unlock(&slab.lock);
	return ch;
}

static void
give(struct goro_chan *ch)
{
	gr_lock(&slab.lock);
	ch->next_free = slab.free;
	slab.free = ch;
	gr_unlock(&slab.lock);
}

struct goro_chan *
gr_chan_create(size_t elem_bytes, size_t capacity,
	       enum goro_abi_chan_kind kind, uint64_t creator_pc)
{
	struct goro_chan *ch;
	size_t bytes;
	char *buf = NULL;

	if (__builtin_mul_overflow(elem_bytes, capacity, &bytes) ||
	    bytes > PTRDIFF_MAX)
		return NULL;
	if (bytes && !(buf = malloc(bytes)))
		return NULL;
	ch = take();
	if (!ch) {
		free(buf);
		return NULL;
	}
	*ch = (struct goro_chan){
		.cap = capacity,
		.elem_bytes = elem_bytes,
		/* Never NULL: nothing is added to it even where it is 0. */
		.buf = buf ? buf : (char *)ch,
		.refs = 1,
		.kind = kind,
		.creator_id = goro_self(),
		.creator_pc = creator_pc,
		.test = gr_leak_test_here(),
	};
	/* [pair chan-id] release: a reader outside that sees an id sees a
	 * channel. */
	gr_store_rel(&ch->id, gr_add_rlx(&next_id, 1));
	return ch;
}

struct goro_chan *
goro_chan_create(size_t elem_bytes, size_t capacity)
{
	return gr_chan_create(elem_bytes, capacity, GORO_ABI_CHAN_PLAIN,
			      (uintptr_t)__builtin_return_address(0));
}

struct goro_chan *
goro_chan_ref(struct goro_chan *ch)
{
	/* [relaxed] the caller has a reference, so it cannot be the last. */
	if (ch)
		gr_add_rlx(&ch->refs, 1);
	return ch;
}

/* For a report: who it was that let go of what others wait on. */
static void
note_leaving(struct goro_chan *ch, uint64_t pc)
{
	const struct gr_m *m = gr_m_self();

	if (gr_load_rlx(&ch->refs) == 1 || !m || !m->g)
		return; /* [relaxed] the last one takes the channel along */
	gr_store_rlx(&ch->left_id, m->g->id); /* [relaxed] see chan.h */
	gr_store_rlx(&ch->left_pc, pc);
}

void
goro_chan_unref(struct goro_chan *ch)
{
	if (ch)
		note_leaving(ch, (uintptr_t)__builtin_return_address(0));
	/* [pair chan-refs] release what we did with it, and acquire what the
	 * others did before we free it. */
	if (!ch || gr_add_acq_rel(&ch->refs, -1) != 1)
		return;
	/* Goroutines that wait on a channel which nobody can name any more
	 * wait for ever; it stays, so that the tools can show on what. */
	gr_lock(&ch->lock);
	if (ch->recvq.first || ch->sendq.first) {
		gr_unlock(&ch->lock);
		return;
	}
	gr_unlock(&ch->lock);
	if (ch->timer)
		gr_chan_timer_free(ch->timer); /* it sends no more */
	else if (__builtin_expect(ch->len && !ch->closed, 0))
		gr_leak_dropped(ch);
	gr_store_rel(&ch->id, 0); /* [pair chan-id] */
	if (ch->buf != (char *)ch)
		free(ch->buf);
	free(ch->name);
	ch->buf = ch->name = NULL;
	give(ch);
}

void
goro_chan_set_name(struct goro_chan *ch, const char *name)
{
	char *copy = name ? strndup(name, NAME_MAX_BYTES) : NULL, *old;

	gr_lock(&ch->lock);
	old = ch->name;
	ch->name = copy;
	gr_unlock(&ch->lock);
	free(old);
}
