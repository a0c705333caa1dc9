// SPDX-License-Identifier: MIT
/*
 * test_clock.c - the clock that a core's reader goes by
 */
#include "test.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "goro/abi.h"
#include "goro/goro.h"
#include "sched.h"

extern struct goro_abi_clock gr_clock;

static uint64_t
last_ns(void)
{
	return gr_load_rlx(&gr_clock.last_ns);
}

static uint64_t
old_ns(void)
{
	return (uint64_t)gr_now_ns() - last_ns();
}

/* Nobody has anything to do until this writes. */
static void *
watch_clock(void *arg)
{
	uint64_t seen;

	/* So the monitor has gone to sleep, and wakes up for the clock. */
	T_EVENTUALLY(old_ns() > 500000000);
	seen = last_ns();
	T_EVENTUALLY(last_ns() != seen);
	T_CHECK_EQ(write(*(int *)arg, "", 1), 1);
	return NULL;
}

T_GORO(clock_is_stamped_while_all_is_idle)
{
	pthread_t thread;
	int ends[2];
	char c;

	T_CHECK(!pipe(ends));
	T_CHECK(!pthread_create(&thread, NULL, watch_clock, &ends[1]));
	T_CHECK_EQ(goro_read(ends[0], &c, 1), 1);
	T_CHECK(!pthread_join(thread, NULL));
	close(ends[0]);
	close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clock_is_stamped_while_all_is_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
