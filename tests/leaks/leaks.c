// SPDX-License-Identifier: MIT
/*
 * leaks.c - the stage on which the programs of the bug suite play
 *
 * Idea       settle() has to know whether others are blocked, of which the
 *            public interface says nothing. So it looks as goro-dump does,
 *            through the debug ABI, only from inside.
 * Proof      A state word counts its changes. Two passes over all words that
 *            found nothing but blocked goroutines, and the same words twice,
 *            have between them a moment in which all were blocked. Then only a
 *            timer, a descriptor or a thread of the program's own can wake one:
 *            one that sleeps does not count as blocked, and a story with any
 *            of the others waits for it in a way of its own.
 * Ends       0 if as many goroutines are left as the story says, 3 if not.
 */
#include "leaks.h"

#include <errno.h>
#include <goro/abi.h>
#include <goro/leak.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What another thread is writing is read on purpose. */
#define NO_SANITIZE \
	__attribute__((no_sanitize("address"), no_sanitize("thread"), noinline))

enum {
	PASSES_MAX = 60000, /* a millisecond each */
	PATIENCE = 100,     /* passes without a sleep between them */
};

bool fixed, lost;

static const struct goro_abi_table *abi;

/* --- Looking at the others ------------------------------------------------ */

static NO_SANITIZE uint64_t
get(uintptr_t record, struct goro_abi_field field)
{
	const volatile unsigned char *at = (void *)(record + field.offset);

	switch (field.bytes) {
	case 1:
		return *at;
	case 2:
		return *(const volatile uint16_t *)at;
	case 4:
		return *(const volatile uint32_t *)at;
	default:
		return *(const volatile uint64_t *)at;
	}
}

static int
find_table(struct dl_phdr_info *module, size_t bytes, void *arg)
{
	const struct goro_abi_table **ret = arg;

	(void)bytes;
	for (int i = 0; i < module->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &module->dlpi_phdr[i];
		uintptr_t at = module->dlpi_addr + ph->p_vaddr;
		uintptr_t end = at + ph->p_memsz;

		while (ph->p_type == PT_NOTE && at + sizeof(ElfW(Nhdr)) < end) {
			const ElfW(Nhdr) *note = (void *)at;
			uintptr_t owner = at + sizeof(*note);
			uintptr_t desc = owner + ((note->n_namesz + 3) & ~3u);

			if (note->n_type == GORO_NOTE_TABLE &&
			    note->n_namesz == sizeof(GORO_NOTE_OWNER) &&
			    strcmp((char *)owner, GORO_NOTE_OWNER) == 0) {
				*ret = (void *)(desc + *(int64_t *)desc);
				return 1;
			}
			at = desc + ((note->n_descsz + 3) & ~3u);
		}
	}
	return 0;
}

/* Acquire: who is seen blocked, or ended, did what it did before this. */
static __attribute__((noinline)) uint64_t
load_word(uintptr_t words, uint64_t i)
{
	return __atomic_load_n((uint64_t *)words + i, __ATOMIC_ACQUIRE);
}

/*
 * Go through all goroutines but the caller once.
 *
 * @ret      a sum over their words: their states, and how often they changed
 * Returns   all are blocked
 */
static NO_SANITIZE bool
all_blocked(uint64_t *ret)
{
	uint64_t self = goro_self(), sum = 0;
	uintptr_t chunk = *(volatile uint64_t *)abi->chunks;

	for (; chunk; chunk = get(chunk, abi->chunk.next)) {
		uint64_t slots = get(chunk, abi->chunk.slots);
		uint64_t slot_bytes = get(chunk, abi->chunk.slot_bytes);
		uint64_t carved = get(chunk, abi->chunk.carved);
		uintptr_t base = get(chunk, abi->chunk.base);
		uintptr_t words = get(chunk, abi->chunk.words);

		for (uint64_t i = 0; i < carved; i++) {
			uint64_t word = load_word(words,
						  (i * abi->chunk.word_stride) &
							  (slots - 1));
			uintptr_t g = base + (i + 1) * slot_bytes -
				      (i % abi->chunk.colours) *
					      abi->chunk.colour_bytes -
				      abi->g.bytes;

			if (GORO_ABI_STATE(word) == GORO_ABI_FREE ||
			    get(g, abi->g.id) == self ||
			    (get(g, abi->g.flags) & GORO_ABI_G_SYSTEM))
				continue;
			if (GORO_ABI_STATE(word) != GORO_ABI_WAITING ||
			    get(g, abi->g.wait_reason) == GORO_WAIT_SLEEP)
				return false;
			sum += word * (i + 1) + (word << 32 | word >> 32);
		}
	}
	*ret = sum;
	return true;
}

void
settle(void)
{
	uint64_t before, after;

	for (int i = 0; i < PASSES_MAX; i++) {
		if (all_blocked(&before) && all_blocked(&after) &&
		    before == after)
			return;
		if (i < PATIENCE)
			goro_yield();
		else
			goro_sleep(MS);
	}
	fail("the others never come to rest");
}

void
settle_with(size_t others)
{
	int64_t deadline = goro_now() + (int64_t)PASSES_MAX * MS;

	while (goro_count() != others + 1 && goro_now() < deadline)
		goro_sleep(MS / 10);
	settle();
}

/* --- Small things --------------------------------------------------------- */

void *
make(size_t bytes)
{
	void *p = calloc(1, bytes);

	if (!p)
		fail("out of memory");
	return p;
}

void
drop_chans(struct goro_chan **chans, size_t n)
{
	while (n--)
		goro_chan_unref(chans[n]);
}

static void
await_close(void *arg)
{
	struct goro_chan *handle = arg;

	goro_chan_recv(handle, NULL);
	goro_chan_unref(handle);
}

struct goro_chan *
park(void)
{
	struct goro_chan *handle = goro_chan_create(0, 0);

	goro_go(await_close, goro_chan_ref(handle));
	settle();
	return handle;
}

void
unpark(struct goro_chan *handle)
{
	goro_chan_close(handle);
	goro_chan_unref(handle);
}

/* Overwrite what those who were called before have left on the stack: it would
 * lie in the gaps of the next frames, and keep alive what a control lets hang
 * on one place. */
static __attribute__((noinline)) void
wipe(void)
{
	volatile char left[8192];

	for (size_t i = 0; i < sizeof(left); i++)
		left[i] = 0;
}

static __attribute__((noinline)) void
check_here(void)
{
	static const enum goro_leak_kind kinds[] = {
		GORO_LEAK_PROVEN,
		GORO_LEAK_DEADLOCK,
		GORO_LEAK_UNCLOSED_CHAN,
	};
	int found = goro_leak_check(stderr);

	if (found == -ENOTSUP)
		return; /* under ThreadSanitizer */
	if (found < 0)
		fail("no check was possible");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (goro_leak_count(kinds[i]) != 0)
			fail("what can be woken was called a leak");
}

void
check(void)
{
	wipe();
	check_here();
}

_Noreturn void
fail(const char *why)
{
	fprintf(stderr, "leaks: %s\n", why);
	exit(3);
}

/* --- Goroutine 1 ---------------------------------------------------------- */

static int
run(void *arg)
{
	int left = story();

	(void)arg;
	settle();
	if (goro_count() == (size_t)left + 1)
		return 0;
	fprintf(stderr, "leaks: %d goroutines should be left, %zu are\n", left,
		goro_count() - 1);
	return 3;
}

int
main(int argc, char **argv)
{
	fixed = argc > 1 && strcmp(argv[1], "fixed") == 0;
	lost = argc > 1 && strcmp(argv[1], "lost") == 0;
	dl_iterate_phdr(find_table, &abi);
	if (!abi)
		fail("no debug ABI in this program");
	return goro_run(run, NULL);
}
