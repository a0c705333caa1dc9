// SPDX-License-Identifier: MIT
/*
 * futex.c - the kernel's wait on a word; futex(2)
 */
#include "futex.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "goro/goro.h"

void
gr_futex_wait(uint32_t *word, uint32_t value, int64_t deadline_ns)
{
	struct timespec at = { .tv_sec = deadline_ns / 1000000000,
			       .tv_nsec = deadline_ns % 1000000000 };

	/* FUTEX_WAIT_BITSET takes an instant, FUTEX_WAIT only a duration. */
	syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, value,
		deadline_ns == GORO_FOREVER ? NULL : &at, NULL,
		FUTEX_BITSET_MATCH_ANY);
}

void
gr_futex_wake(uint32_t *word, int n)
{
	syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, n, NULL, NULL,
		0);
}
