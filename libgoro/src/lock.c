// SPDX-License-Identifier: MIT
/*
 * lock.c - waiting for a held lock
 */
#include "lock.h"

#include <sched.h>
#include <time.h>

#include "sched.h"

enum {
	SPINS = 100, /* about 2 us of pauses: a holder that runs is done */
	YIELDS = 20, /* a holder that waits for this very CPU gets it */
};

/* Between two looks at something that another thread is about to change. */
void
gr_back_off(int tries)
{
	if (tries < SPINS)
		gr_arch_relax();
	else if (tries < SPINS + YIELDS)
		sched_yield();
	else
		nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
}

void
gr_lock_slow(struct gr_lock *l)
{
	struct gr_m *m = gr_m_self();

	if (m && m->p)
		m->p->contended++;
	for (int tries = 0;; tries++) {
		/* [relaxed] only a hint; the exchange below decides. */
		if (!gr_load_rlx(&l->held) && !gr_xchg_acq(&l->held, 1))
			return; /* [pair lock] */
		gr_back_off(tries);
	}
}
