// SPDX-License-Identifier: MIT
/*
 * test_snapshot.c - copies of goroutines that change while they are copied
 *
 * Each goroutine's stack holds its id in every word (fake_park()); a copy that
 * mixes two moments, or two goroutines, shows.
 */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake_target.h"
#include "tracer/snapshot.h"

/* What was handed over. */
struct seen {
	struct {
		uint64_t id, word;
		size_t stack_bytes;
		bool exact, ran;
		char name[GT_NAME_BYTES];
	} g[2 * FAKE_SLOTS];
	unsigned n;
	unsigned mixed;
	struct gt_snapshot_stats stats;
};

static struct gt_error *
see(const struct gt_copy *copy, void *arg)
{
	struct seen *seen = arg;
	struct fake_g g;

	T_CHECK(seen->n < 2 * FAKE_SLOTS);
	memcpy(&g, copy->record, sizeof(g));
	seen->g[seen->n].id = g.id;
	seen->g[seen->n].word = copy->word;
	seen->g[seen->n].stack_bytes = copy->stack_bytes;
	seen->g[seen->n].exact = copy->exact;
	seen->g[seen->n].ran = copy->regs != NULL;
	strcpy(seen->g[seen->n].name, copy->name);
	seen->n++;
	for (size_t at = 0; at + 8 <= copy->stack_bytes; at += 8) {
		uint64_t word;

		memcpy(&word, copy->stack + at, sizeof(word));
		seen->mixed += word != g.id && word != g.id + 0x1000;
	}
	return NULL;
}

/* Take a snapshot; the code of its error, 0 for none. */
static int
snap(struct fake *f, struct seen *seen)
{
	static struct gt_abi abi;

	memset(seen, 0, sizeof(*seen));
	fake_abi(f, &abi);
	f->reads = f->read_bytes = 0;
	struct gt_error *err = gt_snapshot(&f->target, &abi, see, seen,
					   &seen->stats);
	int code = err ? (int)err->code : 0;
	gt_error_free(err);
	assert_int_equal(f->held, f->released);
	return code;
}

static void
drop_problem(struct seen *seen, int code)
{
	assert_non_null(seen->stats.problem);
	assert_int_equal(seen->stats.problem->code, code);
	gt_error_free(seen->stats.problem);
}

static int
make(void **state)
{
	*state = fake_create();
	return 0;
}

static int
drop(void **state)
{
	fake_destroy(*state);
	return 0;
}

static void
an_empty_registry_gives_nothing(void **state)
{
	struct fake *f = *state;
	struct seen seen;

	assert_int_equal(snap(f, &seen), 0);
	assert_int_equal(seen.n, 0);
	f->mem->chunks = 0;
	assert_int_equal(snap(f, &seen), 0);
	assert_int_equal(seen.n, 0);
}

static void
parked_goroutines_are_copied_whole(void **state)
{
	struct fake *f = *state;
	struct seen seen;
	uint64_t ids = 0;

	f->mem->chunk[0].next = fake_addr(f, &f->mem->chunk[1]);
	for (unsigned slot = 0; slot < FAKE_SLOTS; slot++) {
		fake_park(f, 0, slot, slot + 1, 8 * slot);
		fake_park(f, 1, slot, slot + 1 + FAKE_SLOTS, 100 * 8);
	}
	assert_int_equal(snap(f, &seen), 0);
	assert_int_equal(seen.n, 2 * FAKE_SLOTS);
	assert_int_equal(seen.mixed, 0);
	for (unsigned i = 0; i < seen.n; i++) {
		uint64_t id = seen.g[i].id;

		assert_true(seen.g[i].exact && !seen.g[i].ran);
		assert_int_equal(seen.g[i].stack_bytes,
				 24 + (id <= FAKE_SLOTS ? 8 * (id - 1) : 800));
		ids += id;
	}
	assert_int_equal(ids, 2 * FAKE_SLOTS * (2 * FAKE_SLOTS + 1) / 2);
	/* All in a few reads: that is the point of it. */
	assert_true(f->reads < 20);
}

static void
stacks_deeper_than_the_window_are_copied_whole(void **state)
{
	struct fake *f = *state;
	struct seen seen;

	for (unsigned slot = 0; slot < FAKE_SLOTS; slot++)
		fake_park(f, 0, slot, slot + 1, 12000);
	assert_int_equal(snap(f, &seen), 0);
	assert_int_equal(seen.n, FAKE_SLOTS);
	assert_int_equal(seen.mixed, 0);
	for (unsigned i = 0; i < seen.n; i++) {
		assert_int_equal(seen.g[i].stack_bytes, 12024);
		assert_true(seen.g[i].exact);
	}
}

static void
free_slots_and_those_never_used_are_skipped(void **state)
{
	struct fake *f = *state;
	struct seen seen;

	fake_park(f, 0, 3, 1, 64);
	fake_park(f, 0, 4, 2, 64);
	fake_park(f, 0, 40, 3, 64);
	*fake_word(f, 0, 3) = 9 << 8 | GORO_ABI_FREE;
	f->mem->chunk[0].carved = 40;
	assert_int_equal(snap(f, &seen), 0);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.g[0].id, 2);
}

static void
one_that_never_ran_has_no_stack(void **state)
{
	struct fake *f = *state;
	struct seen seen;
	struct fake_g *g = fake_park(f, 0, 0, 1, 64);

	g->flags = GORO_ABI_G_FRESH;
	g->sp = 0xdeadbeef;
	*fake_word(f, 0, 0) = 1 << 8 | GORO_ABI_RUNNABLE;
	assert_int_equal(snap(f, &seen), 0);
	assert_int_equal(seen.n, 1);
	assert_true(seen.g[0].exact);
	assert_int_equal(seen.g[0].stack_bytes, 0);
}

static void
names_come_with_their_goroutine(void **state)
{
	struct fake *f = *state;
	struct seen seen;

	strcpy(f->mem->text, "worker 7");
	fake_park(f, 0, 0, 1, 64)->name = fake_addr(f, f->mem->text);
	fake_park(f, 0, 1, 2, 64)->name = 0x666;
	fake_park(f, 0, 2, 3, 64);
	memset(f->mem->text + 64, 'x', 128);
	fake_park(f, 0, 3, 4, 9000)->name = fake_addr(f, f->mem->text + 64);
	assert_int_equal(snap(f, &seen), 0);
	assert_int_equal(seen.n, 4);
	for (unsigned i = 0; i < 4; i++) {
		const char *name = seen.g[i].name;

		if (seen.g[i].id == 1)
			assert_string_equal(name, "worker 7");
		else if (seen.g[i].id == 4)
			assert_int_equal(strlen(name), GT_NAME_BYTES - 1);
		else
			assert_string_equal(name, "");
	}
}

/* ---- goroutines that run on while they are copied ---- */

/* It wakes up when its stack is read, twice, and changes it. */
static void
wake_once(struct fake *f, const struct gt_span *span)
{
	static unsigned times;
	struct fake_g *g = fake_g(f, 0, 5);

	if (span->addr > g->sp || span->addr + span->bytes < g->sp + 8 ||
	    times++ >= 2)
		return;
	uint64_t word = *fake_word(f, 0, 5);
	fake_park(f, 0, 5, g->id + 100, 256);
	*fake_word(f, 0, 5) = ((word >> 8) + 2) << 8 | GORO_ABI_WAITING;
}

static void
one_that_changes_meanwhile_is_copied_again(void **state)
{
	struct fake *f = *state;
	struct seen seen;

	for (unsigned slot = 0; slot < 10; slot++)
		fake_park(f, 0, slot, slot + 1, 256);
	f->on_read = wake_once;
	assert_int_equal(snap(f, &seen), 0);
	assert_int_equal(seen.n, 10);
	assert_int_equal(seen.mixed, 0);
	for (unsigned i = 0; i < seen.n; i++)
		assert_true(seen.g[i].exact);
	assert_int_equal(seen.g[9].id, 206);
}

/* It never stands still: each read of anything changes it. */
static void
wake_always(struct fake *f, const struct gt_span *span)
{
	(void)span;
	*fake_word(f, 0, 5) += 0x100;
	memset((char *)fake_g(f, 0, 5) - 64, rand(), 64);
}

static void
one_that_never_stands_still_is_shown_without_a_stack(void **state)
{
	struct fake *f = *state;
	struct seen seen;

	for (unsigned slot = 0; slot < 10; slot++)
		fake_park(f, 0, slot, slot + 1, 256);
	f->on_read = wake_always;
	assert_int_equal(snap(f, &seen), 0);
	assert_int_equal(seen.n, 10);
	assert_int_equal(seen.mixed, 0);
	assert_int_equal(seen.g[9].id, 6);
	assert_false(seen.g[9].exact);
	assert_int_equal(seen.g[9].stack_bytes, 0);
	assert_int_equal(seen.stats.unresolved, 1);
	assert_true(f->reads < 1000);
}

/* ---- goroutines on a thread ---- */

static void
run_on_thread(struct fake *f, unsigned slot, unsigned thread)
{
	*fake_word(f, 0, slot) = 3 << 8 | GORO_ABI_RUNNING;
	f->mem->thread[thread].tid = 100 + thread;
	f->mem->thread[thread].g = fake_addr(f, fake_g(f, 0, slot));
	f->mem->thread[thread].next = f->mem->threads;
	f->mem->threads = fake_addr(f, &f->mem->thread[thread]);
}

/* Thread n stands in the goroutine that it says it runs, 128 bytes deep. */
static int
hold_honest(struct fake *f, int tid, struct gt_regs *ret)
{
	if (tid < 100 || tid >= 100 + FAKE_THREADS)
		return -ESRCH;
	ret->valid = 0;
	gt_regs_set(ret, GT_ARCH_SP, f->mem->thread[tid - 100].g - 128);
	gt_regs_set(ret, GT_ARCH_PC, 0x1234);
	return 0;
}

static void
a_running_one_is_taken_from_its_thread(void **state)
{
	struct fake *f = *state;
	struct seen seen;

	for (unsigned slot = 0; slot < 3; slot++) {
		fake_park(f, 0, slot, slot + 1, 512);
		run_on_thread(f, slot, slot);
	}
	fake_park(f, 0, 3, 4, 512);
	f->on_hold = hold_honest;
	assert_int_equal(snap(f, &seen), 0);
	assert_int_equal(seen.n, 4);
	assert_int_equal(seen.mixed, 0);
	assert_int_equal(seen.stats.held, 3);
	assert_int_equal(f->held, 3);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(seen.g[i].exact);
		assert_int_equal(seen.g[i].ran, seen.g[i].id < 4);
		if (seen.g[i].ran)
			assert_int_equal(seen.g[i].stack_bytes,
					 128 + GT_ARCH_RED_ZONE);
	}
}

static int
hold_nobody(struct fake *f, int tid, struct gt_regs *ret)
{
	(void)f;
	(void)tid;
	(void)ret;
	return -EPERM;
}

/* The thread is on its scheduler's stack each time that it is looked at. */
static int
hold_elsewhere(struct fake *f, int tid, struct gt_regs *ret)
{
	(void)tid;
	ret->valid = 0;
	gt_regs_set(ret, GT_ARCH_SP, fake_addr(f, f->mem->text));
	gt_regs_set(ret, GT_ARCH_PC, 0x1234);
	return 0;
}

static void
one_whose_thread_cannot_be_had_is_shown_without_a_stack(void **state)
{
	struct fake *f = *state;
	struct seen seen;

	fake_park(f, 0, 0, 1, 512);
	run_on_thread(f, 0, 0);
	f->on_hold = hold_nobody;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(snap(f, &seen), 0);
		assert_int_equal(seen.n, 1);
		assert_false(seen.g[0].exact);
		assert_int_equal(seen.g[0].stack_bytes, 0);
		assert_int_equal(seen.stats.unresolved, 1);
		f->on_hold = hold_elsewhere;
	}
	assert_true(f->held < 10);
}

/* Holding any thread makes the goroutine that hops between them rest. */
static int
hold_hopper(struct fake *f, int tid, struct gt_regs *ret)
{
	hold_elsewhere(f, tid, ret);
	if (tid == 100) {
		*fake_word(f, 0, 0) = 8 << 8 | GORO_ABI_RUNNABLE;
		f->on_read = NULL;
	}
	return 0;
}

static void
one_that_hops_is_caught_with_all_threads_held(void **state)
{
	struct fake *f = *state;
	struct seen seen;

	fake_park(f, 0, 0, 1, 512);
	fake_park(f, 0, 5, 2, 512);
	run_on_thread(f, 0, 0);
	f->mem->thread[0].g = 0;
	f->on_hold = hold_hopper;
	f->on_read = wake_always;
	assert_int_equal(snap(f, &seen), 0);
	assert_int_equal(seen.n, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(seen.g[i].exact);
		assert_int_equal(seen.g[i].stack_bytes, 536);
	}
}

/* ---- damage ---- */

static void
records_that_cannot_be_true_are_left_out(void **state)
{
	struct fake *f = *state;
	struct seen seen;

	for (unsigned slot = 0; slot < 10; slot++)
		fake_park(f, 0, slot, slot + 1, 256);
	fake_g(f, 0, 0)->id = 0;
	fake_g(f, 0, 1)->sp = 0;
	fake_g(f, 0, 2)->sp += 1;
	fake_g(f, 0, 3)->sp = UINT64_MAX - 7;
	fake_g(f, 0, 4)->stack_lo = 0;
	fake_g(f, 0, 5)->stack_hi = UINT64_MAX;
	fake_g(f, 0, 6)->stack_hi = fake_g(f, 0, 6)->stack_lo - 8;
	fake_g(f, 0, 7)->sp = fake_g(f, 0, 7)->stack_hi - 8;
	assert_int_equal(snap(f, &seen), 0);
	assert_int_equal(seen.n, 2);
	assert_int_equal(seen.stats.damaged, 8);
	assert_int_equal(seen.mixed, 0);
}

static void
a_chunk_without_words_is_a_problem_and_no_end(void **state)
{
	struct fake *f = *state;
	struct seen seen;

	f->mem->chunk[0].next = fake_addr(f, &f->mem->chunk[1]);
	f->mem->chunk[0].words = 0x66660000;
	fake_park(f, 1, 0, 1, 256);
	assert_int_equal(snap(f, &seen), 0);
	assert_int_equal(seen.n, 1);
	drop_problem(&seen, GT_DAMAGED);
}

static void
stacks_that_are_gone_are_left_out(void **state)
{
	struct fake *f = *state;
	struct seen seen;

	fake_park(f, 0, 0, 1, 256);
	f->mem->chunk[0].base = 0x66660000;
	assert_int_equal(snap(f, &seen), 0);
	assert_int_equal(seen.n, 0);
	assert_int_equal(seen.stats.unreadable, 1);
}

static void
a_list_that_goes_round_shows_each_once(void **state)
{
	struct fake *f = *state;
	struct seen seen;

	f->mem->chunk[0].next = fake_addr(f, &f->mem->chunk[1]);
	f->mem->chunk[1].next = fake_addr(f, &f->mem->chunk[0]);
	fake_park(f, 0, 0, 1, 256);
	fake_park(f, 1, 0, 2, 256);
	assert_int_equal(snap(f, &seen), 0);
	assert_int_equal(seen.n, 2);
	drop_problem(&seen, GT_DAMAGED);
}

static void
end_after_stacks(struct fake *f, const struct gt_span *span)
{
	f->ended |= span->bytes > 1000 && f->reads > 5;
}

static void
what_was_copied_before_the_end_stays(void **state)
{
	struct fake *f = *state;
	struct seen seen;

	f->mem->chunk[0].next = fake_addr(f, &f->mem->chunk[1]);
	fake_park(f, 0, 0, 1, 256);
	fake_park(f, 1, 0, 2, 256);
	f->on_read = end_after_stacks;
	assert_int_equal(snap(f, &seen), GT_ENDED);
	assert_int_equal(seen.n, 1);
}

/* Any word of the registry may hold anything. */
static void
no_word_of_the_registry_leads_astray(void **state)
{
	struct fake *f = *state;
	static struct seen seen;
	static const uint64_t values[] = { 0, UINT64_MAX, FAKE_BASE + 4096 };
	uint64_t *from = &f->mem->chunks, *to = (uint64_t *)f->mem->text;

	f->mem->chunk[0].next = fake_addr(f, &f->mem->chunk[1]);
	for (unsigned slot = 0; slot < 4; slot++) {
		fake_park(f, 0, slot, slot + 1, 2000);
		fake_park(f, 1, slot, slot + 5, 200);
	}
	run_on_thread(f, 0, 0);
	run_on_thread(f, 1, 1);
	f->on_hold = hold_honest;
	for (uint64_t *p = from; p < to + FAKE_SLOTS; p++) {
		/* The records come after the lists. */
		uint64_t *at = p < to ? p :
					(uint64_t *)fake_g(f, 0, 0) + (p - to);
		uint64_t before = *at;

		for (unsigned i = 0; i < 3; i++) {
			*at = values[i];
			snap(f, &seen);
			gt_error_free(seen.stats.problem);
			assert_true(f->read_bytes < 64 << 20);
		}
		*at = before;
	}
}

int
main(void)
{
#define FAKE(test) cmocka_unit_test_setup_teardown(test, make, drop)
	const struct CMUnitTest tests[] = {
		FAKE(an_empty_registry_gives_nothing),
		FAKE(parked_goroutines_are_copied_whole),
		FAKE(stacks_deeper_than_the_window_are_copied_whole),
		FAKE(free_slots_and_those_never_used_are_skipped),
		FAKE(one_that_never_ran_has_no_stack),
		FAKE(names_come_with_their_goroutine),
		FAKE(one_that_changes_meanwhile_is_copied_again),
		FAKE(one_that_never_stands_still_is_shown_without_a_stack),
		FAKE(a_running_one_is_taken_from_its_thread),
		FAKE(one_whose_thread_cannot_be_had_is_shown_without_a_stack),
		FAKE(one_that_hops_is_caught_with_all_threads_held),
		FAKE(records_that_cannot_be_true_are_left_out),
		FAKE(a_chunk_without_words_is_a_problem_and_no_end),
		FAKE(stacks_that_are_gone_are_left_out),
		FAKE(a_list_that_goes_round_shows_each_once),
		FAKE(what_was_copied_before_the_end_stays),
		FAKE(no_word_of_the_registry_leads_astray),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
