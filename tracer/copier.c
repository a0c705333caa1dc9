// SPDX-License-Identifier: MIT
/*
 * copier.c - one goroutine that has been copied: is it true?
 */
#include "copier.h"

#include <stdlib.h>
#include <string.h>

static struct gt_error *
too_many(const struct gt_slot *slot)
{
	return gt_damaged(slot->record,
			  "the registry of goroutines is damaged: there are "
			  "more than %d",
			  GT_GOROUTINES_MAX);
}

struct gt_error *
gt_copier_pend(struct gt_copier *s, const struct gt_slot *slot)
{
	if (s->pending_n == GT_GOROUTINES_MAX)
		return too_many(slot);
	if (s->pending_n == s->pending_room) {
		size_t room = s->pending_room ? s->pending_room * 2 : 256;
		struct gt_slot *more = reallocarray(s->pending, room,
						    sizeof(*more));

		if (!more)
			return &gt_enomem;
		s->pending = more;
		s->pending_room = room;
	}
	s->pending[s->pending_n++] = *slot;
	return NULL;
}

enum verdict { TAKE, AGAIN, GONE, UNREADABLE, DAMAGED };

/* A stack that cannot be read this often is given up: in a process it may have
 * been another one each time, in a core it is not there. */
enum { FAULTS_MAX = 3 };

/*
 * Is a copy made between two equal even words what it should be? Fills @copy
 * in; a stack that the copy does not reach down to makes the slot want more.
 */
static enum verdict
judge(struct gt_copier *s, struct gt_entry *e, struct gt_copy *copy)
{
	const struct goro_abi_table *t = &s->abi->t;
	struct gt_slot *slot = &e->slot;
	uint64_t from = gt_record_end(s, slot) - slot->want;
	const unsigned char *record = e->copy + slot->want - t->g.bytes;

	if (GORO_ABI_STATE(e->before) == GORO_ABI_FREE)
		return GONE;
	if (!e->copied) {
		/* Perhaps only what is below the record cannot be read. */
		if (slot->want == t->g.bytes)
			return UNREADABLE;
		slot->want = t->g.bytes;
		slot->faults++;
		return AGAIN;
	}
	if (GORO_ABI_UNSTABLE(e->before) || e->before != e->after)
		return AGAIN;
	uint64_t sp = gt_abi_load(record, t->g.sp);
	uint64_t lo = gt_abi_load(record, t->g.stack_lo);
	uint64_t hi = gt_abi_load(record, t->g.stack_hi);

	if (!gt_abi_load(record, t->g.id) || lo < slot->lo || hi < lo ||
	    hi > slot->record)
		return DAMAGED;
	*copy = (struct gt_copy){
		.word = e->before,
		.addr = slot->record,
		.record = record,
		.name = e->name,
		.labels = e->labels,
		.holds = e->holds,
		.holds_n = e->holds_n,
		.exact = true,
	};
	if (gt_abi_load(record, t->g.flags) & GORO_ABI_G_FRESH)
		return TAKE;
	if (sp < lo || sp % sizeof(uint64_t) || sp > hi ||
	    hi - sp < t->context_bytes)
		return DAMAGED;
	uint64_t want = gt_record_end(s, slot) - sp;
	if (sp < from && (want > GT_COPY_MAX_BYTES ||
			  s->deep_bytes + want > GT_DEEP_MAX_BYTES)) {
		s->stats->too_deep++;
		return TAKE;
	}
	if (sp < from && slot->faults >= FAULTS_MAX) {
		s->stats->no_stack++;
		return TAKE;
	}
	if (sp < from) {
		s->deep_bytes += want;
		slot->want = want;
		return AGAIN;
	}
	copy->stack_lo = sp;
	copy->stack = e->copy + (sp - from);
	copy->stack_bytes = hi - sp;
	return TAKE;
}

struct gt_error *
gt_copier_settle(struct gt_copier *s, struct gt_entry *e)
{
	struct gt_copy copy;

	switch (judge(s, e, &copy)) {
	case TAKE:
		if (s->taken == GT_GOROUTINES_MAX)
			return too_many(&e->slot);
		s->taken++;
		return s->take(&copy, s->arg);
	case AGAIN:
		return gt_copier_pend(s, &e->slot);
	case UNREADABLE:
		/* A core that is cut off may lack any number. */
		s->stats->unreadable++;
		if (!s->t->pid || s->stats->unreadable < GT_DAMAGED_MAX)
			return NULL;
		__attribute__((fallthrough));
	case DAMAGED:
		if (++s->stats->damaged > GT_DAMAGED_MAX)
			return gt_damaged(e->slot.record, "the registry of "
							  "goroutines is "
							  "damaged: its "
							  "records cannot be "
							  "true");
		return NULL;
	case GONE:
		break;
	}
	return NULL;
}
