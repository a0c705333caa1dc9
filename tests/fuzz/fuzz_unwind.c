// SPDX-License-Identifier: MIT
/*
 * fuzz_unwind.c - unwind tables, program headers and stacks that are damaged
 *
 * The file is this process's vdso: small, and with all that unwinding needs.
 * The rest of the input is the stack.
 */
#include "fuzz.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>

#include "tracer/unwind.h"

enum { BASE = 0x400000, PAGES = 2 * 4096, PCS = 16 };

static unsigned char image[PAGES];

static struct gt_error *
read_image(struct gt_target *t, struct gt_span *spans, size_t n)
{
	(void)t;
	for (size_t i = 0; i < n; i++) {
		uint64_t at = spans[i].addr - BASE;

		spans[i].ok = at <= PAGES && spans[i].bytes <= PAGES - at;
		if (spans[i].ok)
			memcpy(spans[i].buf, image + at, spans[i].bytes);
	}
	return NULL;
}

static int
no_file(struct gt_target *t, const struct gt_map *map)
{
	(void)t;
	(void)map;
	return -ENOENT;
}

static const struct gt_target_ops ops = {
	.read = read_image,
	.open_file = no_file,
};

static void
unwind(struct gt_modules *modules, const uint8_t *data, size_t bytes)
{
	struct gt_unwinder *unwinder = NULL;
	struct gt_pctab pcs;
	struct gt_trace trace;
	struct gt_stack stack = {
		.lo = 0x7000,
		.data = data,
		.bytes = bytes & ~7ul,
	};

	if (gt_pctab_init(&pcs))
		return;
	struct gt_error *err = gt_unwinder_table(modules, &pcs, &unwinder);
	for (unsigned i = 0; !err && i < PCS; i++) {
		for (unsigned r = 0; r < GT_ARCH_REGS; r++)
			gt_regs_set(&stack.regs, r, 0x7000 + 8 * r);
		/* All over the code, on and between instructions. */
		gt_regs_set(&stack.regs, GT_ARCH_PC,
			    BASE + 0x400 + i * (PAGES - 0x400) / PCS + i);
		stack.exact = i & 1;
		memset(&trace, 0, sizeof(trace));
		unwinder->ops->unwind(unwinder, &stack, &trace);
	}
	gt_error_free(err);
	gt_unwinder_destroyp(&unwinder);
	gt_pctab_fini(&pcs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static struct gt_map map = {
		.start = BASE,
		.end = BASE + PAGES,
		.prot = GT_MAP_READ | GT_MAP_EXEC,
		.path = "[vdso]",
	};
	struct gt_target t = { .ops = &ops, .maps = { .v = &map, .n = 1 } };
	struct fuzz_changes changes;
	struct gt_modules modules;

	if (!image[0])
		memcpy(image, (void *)getauxval(AT_SYSINFO_EHDR), PAGES);
	fuzz_change(&changes, image, PAGES, data, bytes / 2);
	if (!gt_modules_init(&modules, &t)) {
		unwind(&modules, data + bytes / 2, bytes - bytes / 2);
		gt_modules_fini(&modules);
	}
	fuzz_undo(&changes);
	return 0;
}
