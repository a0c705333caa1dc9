// SPDX-License-Identifier: MIT
/*
 * code.c - walking stacks again and again: what is loaded, and its rows
 */
#include "code.h"

#include <string.h>
#include <sys/mman.h>

#include "atomic.h"
#include "goro/goro.h"
#include "san.h"
#include "stack.h"

enum { STATES = 32 };
#define PATIENCE_NS 1000000000ll

static struct gr_code *now; /* [pair code] */
static uint32_t states;     /* [relaxed] counts, for a bound */
static int64_t read_ns;     /* the list was read last; [pair code-read] */

static bool
same(const struct gr_modules *a, const struct gr_modules *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++) {
		const struct gr_module *x = &a->module[i], *y = &b->module[i];

		if (x->start != y->start || x->end != y->end ||
		    x->build_id.n != y->build_id.n ||
		    memcmp(x->build_id.bytes, y->build_id.bytes,
			   x->build_id.n) ||
		    strcmp(x->path, y->path))
			return false;
	}
	return true;
}

/* Read what is loaded now. The state that is right then; NULL: no memory. */
struct gr_code *
gr_code_refresh(void)
{
	struct gr_code *old = gr_load_acq(&now); /* [pair code] */
	struct gr_code *code;

	if (old && gr_load_rlx(&states) >= STATES)
		return old;
	gr_store_rlx(&read_ns, goro_now());
	code = mmap(NULL, sizeof(*code), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (code == MAP_FAILED)
		return old;
	code->rows = (struct gr_rows){ code->row_slots, GR_CODE_ROWS - 1 };
	gr_modules_read(&code->modules);
	/* [pair code] release: whole before it is found. Who comes second
	 * has read the same list. */
	if (!(old && same(&old->modules, &code->modules)) &&
	    gr_cas_acq_rel(&now, old, code)) {
		gr_add_rlx(&states, 1);
		return code;
	}
	munmap(code, sizeof(*code));
	return gr_load_acq(&now);
}

/* The present state, made if there is none yet; NULL: no memory. */
struct gr_code *
gr_code_now(void)
{
	struct gr_code *code = gr_load_acq(&now); /* [pair code] */

	return __builtin_expect(code != NULL, 1) ? code : gr_code_refresh();
}

/* A PC that nothing is known of: is something new loaded? */
static __attribute__((cold)) struct gr_code *
look_again(struct gr_code *code, uintptr_t pc)
{
	int64_t then_ns = gr_load_rlx(&read_ns), now_ns = goro_now();

	/* [pair code-read] one of those who have waited long enough looks. */
	if (gr_modules_find(&code->modules, pc) ||
	    now_ns - then_ns < PATIENCE_NS ||
	    !gr_cas_acq_rel(&read_ns, then_ns, now_ns))
		return code;
	return gr_code_refresh();
}

/*
 * Find the stack that @u is on, for gr_code_walk(): a goroutine's slot, by its
 * address; else the mapping that the stack pointer lies in, looked up once a
 * thread.
 *
 * Returns the goroutine whose it is, or NULL
 */
const struct gr_g *
gr_code_stack(struct gr_unwind *u, struct gr_own_stack *own)
{
	uintptr_t sp = u->regs.r[GR_REG_SP];
	struct gr_chunk *c = gr_stack_chunk_of(sp);

	if (c) {
		uint64_t i = (sp - (uintptr_t)c->base) / c->slot_bytes;
		const struct gr_g *g = gr_chunk_g(c, i);

		u->lo = sp;
		u->hi = g->stack_hi;
		return g;
	}
#ifndef GR_TSAN /* hands signals over late, when the stack has changed */
	if (sp < own->lo || sp >= own->hi) {
		struct gr_maps maps;

		if (!gr_mapping_of(&maps, sp, &own->lo, &own->hi))
			own->lo = own->hi = 0;
	}
#endif
	u->lo = own->lo ? sp : 0;
	u->hi = own->hi;
	return NULL;
}

/*
 * Follow a stack, keeping the PCs of its first frames as look-ups want them:
 * of a call, not behind it.
 *
 * @skip  innermost frames to leave out
 *
 * Returns how many there are in @ret_pc
 */
uint32_t
gr_code_walk(struct gr_code *code, struct gr_unwind *u, unsigned skip,
	     uintptr_t *ret_pc, uint32_t max)
{
	uint32_t n = 0;

	do {
		uintptr_t pc = gr_unwind_pc(u);
		const struct gr_row *row;
		struct gr_row scratch;

		if (skip)
			skip--;
		else
			ret_pc[n++] = pc;
		if (n == max)
			break;
		row = gr_rows_get(&code->rows, &code->modules, pc, &scratch);
		if (__builtin_expect(row->flags & GR_ROW_NONE, 0)) {
			struct gr_code *newer = look_again(code, pc);

			if (newer != code)
				row = gr_rows_get(&newer->rows, &newer->modules,
						  pc, &scratch);
			code = newer;
		}
		if (gr_unwind_step(u, row) != GR_STEP_CALLER)
			break;
	} while (true);
	return n;
}
