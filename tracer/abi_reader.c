// SPDX-License-Identifier: MIT
/*
 * abi_reader.c - the debug ABI table: found, checked, copied
 */
#include "abi_reader.h"

#include <stdlib.h>
#include <string.h>

#include "abi_note.h"

enum {
	TABLE_MAX_BYTES = 64 << 10,
	COLOURS_MAX = 4096,
	NS_MAX_SPAN = 1000 * 1000, /* of the clock that is too short to use */
};

static bool
is_field(struct goro_abi_field f, uint32_t bytes, bool needed)
{
	if (f.bytes == 0)
		return !needed;
	return f.bytes <= 8 && (f.bytes & (f.bytes - 1)) == 0 &&
	       f.offset % f.bytes == 0 && f.offset + f.bytes <= bytes;
}

static bool
are_fields(const struct goro_abi_field *const *fields, uint32_t bytes,
	   bool needed)
{
	for (; *fields; fields++)
		if (!is_field(**fields, bytes, needed))
			return false;
	return true;
}

#define FIELDS(...) \
	((const struct goro_abi_field *const[]){ __VA_ARGS__, NULL })

static bool
is_size(uint32_t bytes)
{
	return bytes > 0 && bytes <= GT_ABI_STRUCT_MAX;
}

static const char *
bad_structure(const struct goro_abi_table *t)
{
	if (!is_size(t->chunk.bytes) ||
	    !are_fields(FIELDS(&t->chunk.next, &t->chunk.base,
			       &t->chunk.slot_bytes, &t->chunk.slots,
			       &t->chunk.carved, &t->chunk.words),
			t->chunk.bytes, true) ||
	    !(t->chunk.word_stride & 1) || !t->chunk.colours ||
	    t->chunk.colours > COLOURS_MAX ||
	    t->chunk.colour_bytes > GT_ABI_STRUCT_MAX)
		return "chunk";
	if (!is_size(t->g.bytes) ||
	    !are_fields(FIELDS(&t->g.sp, &t->g.id, &t->g.stack_lo,
			       &t->g.stack_hi),
			t->g.bytes, true) ||
	    !are_fields(FIELDS(&t->g.creator_id, &t->g.creator_pc, &t->g.entry,
			       &t->g.thread, &t->g.wait_reason, &t->g.wait_n,
			       &t->g.wait_obj, &t->g.wait_since, &t->g.flags,
			       &t->g.name),
			t->g.bytes, false))
		return "goroutine";
	if (!is_size(t->thread.bytes) ||
	    !are_fields(FIELDS(&t->thread.next, &t->thread.tid, &t->thread.g),
			t->thread.bytes, true))
		return "thread";
	if (!is_size(t->slab.bytes) ||
	    !are_fields(FIELDS(&t->slab.next, &t->slab.base, &t->slab.stride,
			       &t->slab.count, &t->slab.carved),
			t->slab.bytes, true))
		return "slab";
	if (!is_size(t->chan.bytes) ||
	    !is_field(t->chan.id, t->chan.bytes, true) ||
	    !are_fields(FIELDS(&t->chan.elem_bytes, &t->chan.cap, &t->chan.len,
			       &t->chan.closed, &t->chan.creator_id,
			       &t->chan.creator_pc, &t->chan.recvq,
			       &t->chan.sendq, &t->chan.refs, &t->chan.name,
			       &t->chan.buf, &t->chan_more.kind),
			t->chan.bytes, false))
		return "channel";
	if (!is_size(t->waiter.bytes) ||
	    !are_fields(FIELDS(&t->waiter.next, &t->waiter.g, &t->waiter.obj,
			       &t->waiter.elem, &t->waiter.dir),
			t->waiter.bytes, false))
		return "waiter";
	if (t->mutex.bytes > GT_ABI_STRUCT_MAX ||
	    !are_fields(FIELDS(&t->mutex.owner, &t->mutex.waiters),
			t->mutex.bytes, false))
		return "mutex";
	return NULL;
}

/* What came after version 1's first table; sizes of 0 where it is missing. */
static const char *
bad_later_structure(const struct goro_abi_table *t)
{
	if (t->hold.bytes > GT_ABI_STRUCT_MAX ||
	    t->hold.first.offset + t->hold.bytes > t->g.bytes ||
	    !are_fields(FIELDS(&t->hold.obj, &t->hold.count, &t->hold.next),
			t->hold.bytes, false))
		return "read lock";
	if (t->rwmutex.bytes > GT_ABI_STRUCT_MAX ||
	    !are_fields(FIELDS(&t->rwmutex.owner, &t->rwmutex.state,
			       &t->rwmutex.readers, &t->rwmutex.writers),
			t->rwmutex.bytes, false))
		return "rwmutex";
	if (t->waitgroup.bytes > GT_ABI_STRUCT_MAX ||
	    !are_fields(FIELDS(&t->waitgroup.state, &t->waitgroup.waiters),
			t->waitgroup.bytes, false))
		return "waitgroup";
	if (t->cond.bytes > GT_ABI_STRUCT_MAX ||
	    !is_field(t->cond.waiters, t->cond.bytes, false))
		return "cond";
	if (t->once.bytes > GT_ABI_STRUCT_MAX ||
	    !are_fields(FIELDS(&t->once.owner, &t->once.waiters), t->once.bytes,
			false))
		return "once";
	if (t->labels.bytes > GT_ABI_STRUCT_MAX ||
	    t->labels.pairs.offset > GT_ABI_STRUCT_MAX ||
	    t->labels.pair_bytes > GT_LABEL_PAIR_MAX ||
	    !is_field(t->labels.set, t->g.bytes, false) ||
	    !is_field(t->labels.n, t->labels.bytes, false) ||
	    !are_fields(FIELDS(&t->labels.key, &t->labels.value),
			t->labels.pair_bytes, false))
		return "label";
	return NULL;
}

/* The saved context: each register inside it, and the PC among them. */
static bool
is_context(const struct goro_abi_table *t)
{
	bool has_pc = false;

	if (t->context_bytes > GT_ABI_STRUCT_MAX ||
	    t->saved_regs_n > GORO_ABI_SAVED_REGS)
		return false;
	for (uint32_t i = 0; i < t->saved_regs_n; i++) {
		struct goro_abi_saved_reg reg = t->saved_regs[i];

		if (reg.dwarf >= GT_ARCH_REGS || reg.offset < 0 ||
		    reg.offset + sizeof(uint64_t) > t->context_bytes)
			return false;
		has_pc |= reg.dwarf == GT_ARCH_PC;
	}
	return has_pc;
}

struct gt_error *
gt_abi_check(const struct goro_abi_table *table, uint64_t addr)
{
	if (memcmp(table->cookie, GORO_ABI_COOKIE, sizeof(table->cookie)))
		return gt_damaged(addr, "the debug ABI table is damaged: its "
					"cookie is wrong");
	if (table->version > GORO_ABI_VERSION)
		return gt_error_hint(gt_error(GT_NEWER, 0,
					      "the process's libgoro has "
					      "version %u of the debug ABI, "
					      "this tool knows up to %d",
					      table->version, GORO_ABI_VERSION),
				     "use the goro-dump that came with that "
				     "libgoro, or a newer one");
	if (table->version == 0 || table->table_bytes < GT_ABI_TABLE_MIN ||
	    table->table_bytes > TABLE_MAX_BYTES)
		return gt_damaged(addr,
				  "the debug ABI table is damaged: version %u, "
				  "%u bytes",
				  table->version, table->table_bytes);
	if (table->machine != GT_ARCH_MACHINE)
		return gt_error(GT_NO_RUNTIME, 0,
				"the process's libgoro is for another "
				"processor (ELF machine %u)",
				table->machine);
	const char *bad = bad_structure(table);
	if (!bad)
		bad = bad_later_structure(table);
	if (bad)
		return gt_damaged(addr,
				  "the debug ABI table is damaged: its "
				  "description of a %s cannot be true",
				  bad);
	if (!is_context(table))
		return gt_damaged(addr, "the debug ABI table is damaged: its "
					"description of a saved context cannot "
					"be true");
	return NULL;
}

/* An array of @n names of @bytes each; a name that cannot be read is "". */
static void
read_names(struct gt_target *t, uint64_t addr, uint32_t n, uint32_t max,
	   char *names, size_t bytes)
{
	for (uint32_t i = 0; i < n && i < max; i++)
		gt_error_free(gt_target_read_string(t, addr + i * bytes,
						    names + i * bytes, bytes));
}

/*
 * The cycle counter's rate, from the two moments that the runtime noted, or
 * from the first and now. Only the first way is right when the process lives
 * in a time namespace, so it comes first.
 */
static void
read_clock(struct gt_target *t, struct gt_abi *abi)
{
	struct goro_abi_clock c;
	uint64_t now_ns;

	/* 0 and 0: it is past, and the last moment noted is the present. */
	t->ops->now(t, &abi->now_cycles, &now_ns);
	abi->cycle_ns = 0;
	struct gt_error *err = gt_target_read(t, abi->t.clock, &c, sizeof(c));
	gt_error_free(err);
	if (err)
		return;
	if (!now_ns) {
		abi->now_cycles = c.last_cycles;
		now_ns = c.last_ns;
	}
	if (c.flags & GORO_ABI_CLOCK_CYCLES_ARE_NS) {
		abi->now_cycles = now_ns;
		abi->cycle_ns = 1;
		return;
	}
	if (c.last_ns <= c.start_ns + NS_MAX_SPAN ||
	    c.last_cycles <= c.start_cycles) {
		c.last_cycles = abi->now_cycles;
		c.last_ns = now_ns;
	}
	if (c.last_ns > c.start_ns && c.last_cycles > c.start_cycles)
		abi->cycle_ns = (double)(c.last_ns - c.start_ns) /
				(double)(c.last_cycles - c.start_cycles);
}

static struct gt_error *
read_table(struct gt_target *t, uint64_t addr, struct gt_abi *ret)
{
	/* Cookie and version first: an older table may be shorter. */
	enum { HEAD = offsetof(struct goro_abi_table, machine) };

	memset(ret, 0, sizeof(*ret));
	ret->table = addr;
	struct gt_error *err = gt_target_read(t, addr, &ret->t, HEAD);
	size_t bytes = ret->t.table_bytes < sizeof(ret->t) ?
			       ret->t.table_bytes :
			       sizeof(ret->t);
	if (!err && ret->t.version <= GORO_ABI_VERSION &&
	    bytes >= GT_ABI_TABLE_MIN)
		err = gt_target_read(t, addr, &ret->t, bytes);
	if (err && err->code == GT_FAULT) {
		gt_error_free(err);
		return gt_damaged(addr,
				  "the debug ABI table is damaged: its note "
				  "points to 0x%llx, where nothing is",
				  (unsigned long long)addr);
	}
	return err ? err : gt_abi_check(&ret->t, addr);
}

struct search {
	struct gt_target *t;
	struct gt_abi abi, best;
	bool have_best;
	struct gt_error *err; /* of the first table that was refused */
};

/* A process may hold the runtime twice, in the program and in a library; the
 * one that has goroutines is the one that is meant. */
static bool
try_table(uint64_t table, void *arg)
{
	struct search *s = arg;
	struct gt_error *err = read_table(s->t, table, &s->abi);
	uint64_t first_chunk = 0;

	if (err) {
		if (s->err)
			gt_error_free(err);
		else
			s->err = err;
		return true;
	}
	gt_error_free(gt_target_read(s->t, s->abi.t.chunks, &first_chunk,
				     sizeof(first_chunk)));
	if (!s->have_best || first_chunk)
		s->best = s->abi;
	s->have_best = true;
	return !first_chunk;
}

struct gt_error *
gt_abi_find(struct gt_target *t, struct gt_abi *ret)
{
	GT_CLEANUP(gt_freep) struct search *s = calloc(1, sizeof(*s));

	if (!s)
		return &gt_enomem;
	s->t = t;
	struct gt_error *err = gt_abi_notes(t, try_table, s);
	if (!s->have_best || err) {
		if (err)
			gt_error_free(s->err);
		else
			err = s->err;
		if (err)
			return err;
		err = gt_error(GT_NO_RUNTIME, 0, "%s does not run libgoro",
			       t->name);
		if (t->pid)
			gt_error_hint(err, "for other programs: eu-stack -p %d",
				      t->pid);
		return err;
	}
	gt_error_free(s->err);
	*ret = s->best;
	read_names(t, ret->t.state_names, ret->t.state_names_n,
		   GT_ABI_STATES_MAX, ret->states[0], GT_ABI_STATE_BYTES);
	read_names(t, ret->t.reason_names, ret->t.reason_names_n,
		   GT_ABI_REASONS_MAX, ret->reasons[0], GT_ABI_REASON_BYTES);
	read_clock(t, ret);
	return NULL;
}

struct gt_error *
gt_abi_check_again(struct gt_target *t, const struct gt_abi *abi)
{
	struct goro_abi_table table;
	struct gt_error *err = gt_target_read(t, abi->table, &table,
					      GT_ABI_TABLE_MIN);

	if (err && err->code != GT_FAULT)
		return err;
	gt_error_free(err);
	if (err || memcmp(&table, &abi->t, GT_ABI_TABLE_MIN))
		return gt_error(GT_ENDED, 0, "%s ended or ran another program",
				t->name);
	return NULL;
}

const char *
gt_abi_state_name(const struct gt_abi *abi, unsigned state)
{
	if (state >= GT_ABI_STATES_MAX || !abi->states[state][0])
		return "???";
	return abi->states[state];
}

const char *
gt_abi_reason_name(const struct gt_abi *abi, unsigned reason)
{
	if (reason >= GT_ABI_REASONS_MAX || !abi->reasons[reason][0])
		return "unknown wait reason";
	return abi->reasons[reason];
}

uint64_t
gt_abi_age_ns(const struct gt_abi *abi, uint64_t cycles)
{
	if (!cycles || cycles >= abi->now_cycles)
		return 0;
	return (uint64_t)((double)(abi->now_cycles - cycles) * abi->cycle_ns);
}
