// SPDX-License-Identifier: MIT
/*
 * fuzz.c - what the fuzzers share
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "../unit/fake_target.h"
#include "test.h"
#include "tracer/model.h"

/* What fake_target.c wants of the tests' support. */
_Noreturn void
t_fail(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, condition);
	abort();
}

static void
load_model(struct gt_target *t, struct gt_modules *modules,
	   const struct gt_abi *abi)
{
	struct gt_unwinder *unwinder = NULL;
	struct gt_model model;
	struct gt_error *err = gt_model_init(&model, abi);

	if (err)
		return;
	err = gt_unwinder_table(modules, &model.pcs, &unwinder);
	if (!err)
		err = gt_model_load(&model, t, unwinder);
	gt_error_free(err);
	gt_error_free(gt_model_load_channels(&model, t));
	gt_unwinder_destroyp(&unwinder);
	gt_model_fini(&model);
}

void
fuzz_load(struct gt_target *t)
{
	static struct gt_abi abi;
	struct gt_modules modules;
	struct gt_error *err = gt_abi_find(t, &abi);

	if (!err)
		err = gt_modules_init(&modules, t);
	if (!err) {
		load_model(t, &modules, &abi);
		gt_modules_fini(&modules);
	}
	gt_error_free(err);
}

void
fuzz_populate(struct fake *f)
{
	struct fake_memory *m = f->mem;

	for (unsigned i = 0; i < 8; i++)
		fake_park(f, i % 2, i, i + 1, 64 * (i + 1));
	m->threads = fake_addr(f, &m->thread[0]);
	for (unsigned i = 0; i < 3; i++)
		m->thread[i] = (struct fake_thread){
			.next = i < 2 ? fake_addr(f, &m->thread[i + 1]) : 0,
			.g = fake_addr(f, fake_g(f, 0, 20 + i)),
			.tid = 100 + i,
		};
	*fake_word(f, 0, 20) = GORO_ABI_RUNNING | 0x100;
	m->slabs = fake_addr(f, &m->slab);
	m->slab = (struct fake_slab){
		.base = fake_addr(f, m->chan),
		.stride = sizeof(m->chan[0]),
		.count = 8,
		.carved = 8,
	};
	for (unsigned i = 0; i < 4; i++)
		m->chan[i].id = i + 1;
}
