// SPDX-License-Identifier: MIT
/*
 * guard.c - the inaccessible page below each stack
 *
 * Idea       MADV_GUARD_INSTALL (Linux 6.13) marks pages inaccessible in the
 *            page table alone: 0.2 us each in batches, no mapping, no limit.
 *            Before that there is only mprotect(), which splits mappings: two
 *            for each guard, and the process may have vm.max_map_count of
 *            them (65,530), so only as many stacks as half of that allows
 *            get a page. Stacks are reused last in, first out, so these are
 *            the ones that most programs ever use. Beyond, the page stays
 *            accessible but unused, and its last word, a canary, is
 *            looked at each time the goroutine parks.
 */
#include "stack.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static uint64_t protected_n; /* [relaxed] a count for the limit below */

/* How many guards mprotect may make. */
static uint64_t
protect_limit(void)
{
	static uint64_t limit; /* [relaxed] the same whoever works it out */
	uint64_t l = gr_load_rlx(&limit);

	if (!l) {
		char text[32] = "65530";
		int fd = open("/proc/sys/vm/max_map_count",
			      O_RDONLY | O_CLOEXEC);

		if (fd >= 0) {
			ssize_t got = read(fd, text, sizeof(text) - 1);
			if (got > 0)
				text[got] = '\0';
			close(fd);
		}
		/* Half of it for our pairs, half for everybody else. */
		l = strtoull(text, NULL, 10) / 4 + 1;
		gr_store_rlx(&limit, l);
	}
	return l;
}

static char *
guard_page(const struct gr_chunk *c, uint64_t slot)
{
	return c->base + slot * c->slot_bytes;
}

static bool
install(const struct gr_chunk *c, uint64_t slot)
{
	return madvise(guard_page(c, slot), GR_PAGE, MADV_GUARD_INSTALL) == 0;
}

static bool
protect(const struct gr_chunk *c, uint64_t slot)
{
	if (gr_add_rlx(&protected_n, 1) >= protect_limit())
		return false;
	return mprotect(guard_page(c, slot), GR_PAGE, PROT_NONE) == 0;
}

/* The best kind that this kernel has; GORODEBUG=guard= makes it worse. */
static enum gr_guard best_kind;

/* Give a slot its guard. False: it has to be checked by its canary. */
bool
gr_guard_slot(const struct gr_chunk *c, uint64_t slot)
{
	/* [relaxed] several threads may find out the same thing. */
	enum gr_guard best = gr_load_rlx(&best_kind);

	if (best == GR_GUARD_INSTALL) {
		if (install(c, slot))
			return true;
		gr_store_rlx(&best_kind, best = GR_GUARD_PROTECT);
	}
	return best == GR_GUARD_PROTECT && protect(c, slot);
}

/* Has the stack of a goroutine without a guard kept within its bounds? */
bool
gr_guard_intact(const struct gr_g *g, const void *sp)
{
	return (uintptr_t)sp >= g->stack_lo &&
	       ((const uint64_t *)g->stack_lo)[-1] == 0;
}

/* No slot has a guard yet: a new run may protect anew. */
void
gr_guard_init(enum gr_guard best)
{
	gr_store_rlx(&protected_n, 0);
	gr_store_rlx(&best_kind, best);
}
