// SPDX-License-Identifier: MIT
/*
 * clock.c - CLOCK_MONOTONIC, and the cycle counter beside it
 *
 * Idea       Each park notes the time. clock_gettime() takes 18 ns, the cycle
 *            counter 8, so the counter it is; readers convert with two
 *            moments on both clocks that the debug ABI publishes. Where the
 *            counter is not steady, "cycles" are nanoseconds.
 */
#include <time.h>

#include "goro/goro.h"
#include "sched.h"

struct goro_abi_clock gr_clock; /* the monitor writes `last`; [pair clock] */
static bool cycles_are_ns;

int64_t
gr_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

int64_t
goro_now(void)
{
	return gr_now_ns();
}

int64_t
gr_deadline(int64_t duration_ns)
{
	int64_t at_ns;

	if (__builtin_add_overflow(gr_now_ns(), duration_ns, &at_ns))
		return GORO_FOREVER;
	return at_ns;
}

uint64_t
gr_cycles(void)
{
	if (__builtin_expect(cycles_are_ns, 0))
		return gr_now_ns();
	return gr_arch_cycles();
}

/* Take both clocks at one moment, as nearly as it goes. */
static void
both(uint64_t *ret_cycles, uint64_t *ret_ns)
{
	uint64_t before, best = UINT64_MAX;

	for (int i = 0; i < 5; i++) {
		uint64_t c0 = gr_cycles(), ns = gr_now_ns(), c1 = gr_cycles();

		if (c1 - c0 < best) {
			best = c1 - c0;
			before = c0 + best / 2;
			*ret_cycles = before;
			*ret_ns = ns;
		}
	}
}

void
gr_clock_init(void)
{
	if (gr_clock.start_ns)
		return; /* an earlier run has the better base */
	cycles_are_ns = !gr_arch_cycles_steady();
	if (cycles_are_ns)
		gr_clock.flags |= GORO_ABI_CLOCK_CYCLES_ARE_NS;
	both(&gr_clock.start_cycles, &gr_clock.start_ns);
	/* Long enough for a first rate within 1 %; the monitor refines it. */
	while (gr_now_ns() - (int64_t)gr_clock.start_ns < 20000)
		gr_arch_relax();
	gr_clock_tick();
}

/* Refresh the second moment. */
void
gr_clock_tick(void)
{
	uint64_t cycles = 0, ns = 0;

	both(&cycles, &ns);
	/* [relaxed] [pair clock] a reader that gets one new and one old value
	 * is wrong by the pace of the monitor: 10 ms of the process's age. */
	gr_store_rlx(&gr_clock.last_cycles, cycles);
	gr_store_rlx(&gr_clock.last_ns, ns);
}

uint64_t
gr_cycles_in(int64_t ns)
{
	/* [relaxed] see gr_clock_tick(). */
	uint64_t cycles = gr_load_rlx(&gr_clock.last_cycles) -
			  gr_clock.start_cycles;
	uint64_t span_ns = gr_load_rlx(&gr_clock.last_ns) - gr_clock.start_ns;
	double rate = (double)cycles / (double)(span_ns ? span_ns : 1);

	if (ns <= 0)
		return 0;
	if (ns > 3600ll * 1000000000) /* looked at again every hour */
		ns = 3600ll * 1000000000;
	/* Early by 1 %: looking in vain costs less than firing late. */
	return (uint64_t)((double)ns * rate * 0.99);
}

double
gr_cycle_ns(void)
{
	uint64_t cycles = 0, ns = 0;

	if (!gr_clock.start_ns)
		return 1;
	/* A span that is short yet would be off by the time that it takes to
	 * read two clocks. */
	do
		both(&cycles, &ns);
	while (ns - gr_clock.start_ns < 1000000);
	return (double)(ns - gr_clock.start_ns) /
	       (double)(cycles - gr_clock.start_cycles);
}
