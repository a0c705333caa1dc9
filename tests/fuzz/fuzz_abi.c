// SPDX-License-Identifier: MIT
/*
 * fuzz_abi.c - a runtime whose table, lists, records and stacks are damaged
 *
 * Changes are made among all that a reader looks at, not in the stacks' depth.
 */
#include "fuzz.h"

#include "../unit/fake_target.h"

static int
hold(struct fake *f, int tid, struct gt_regs *ret)
{
	*ret = (struct gt_regs){ 0 };
	gt_regs_set(ret, GT_ARCH_SP,
		    fake_addr(f, fake_g(f, 0, 20 + (unsigned)tid % 3)) - 64);
	gt_regs_set(ret, GT_ARCH_PC, 0x1000);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct fake *f;
	struct fuzz_changes books = { .n = 0 }, stacks = { .n = 0 };
	size_t books_bytes = offsetof(struct fake_memory, stacks);

	if (!f) {
		f = fake_create();
		fuzz_populate(f);
		f->on_hold = hold;
		f->target.frozen = true; /* to wait would change nothing */
	}
	/* Every fourth in the records. */
	size_t quarter = bytes / 4;
	fuzz_change(&books, (unsigned char *)f->mem, books_bytes, data,
		    bytes - quarter);
	fuzz_change(&stacks, (unsigned char *)fake_g(f, 0, 0) - 512,
		    8 * FAKE_SLOT_BYTES, data + bytes - quarter, quarter);
	fuzz_load(&f->target);
	fuzz_undo(&stacks);
	fuzz_undo(&books);
	return 0;
}
