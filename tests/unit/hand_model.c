// SPDX-License-Identifier: MIT
/*
 * hand_model.c - a model and its symbols, made by hand
 */
#include "hand_model.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

void
hand_init(struct hand *h)
{
	memset(h, 0, sizeof(*h));
	strcpy(h->abi.states[GORO_ABI_RUNNING], "running");
	strcpy(h->abi.states[GORO_ABI_RUNNABLE], "runnable");
	strcpy(h->abi.states[GORO_ABI_WAITING], "waiting");
	strcpy(h->abi.states[GORO_ABI_SYSCALL], "syscall");
	strcpy(h->abi.reasons[GORO_WAIT_CHAN_RECV], "chan receive");
	strcpy(h->abi.reasons[GORO_WAIT_CHAN_SEND], "chan send");
	strcpy(h->abi.reasons[GORO_WAIT_SELECT], "select");
	strcpy(h->abi.reasons[GORO_WAIT_SLEEP], "sleep");
	strcpy(h->abi.reasons[GORO_WAIT_MUTEX], "sync.Mutex.Lock");
	strcpy(h->abi.reasons[GORO_WAIT_RLOCK], "sync.RWMutex.RLock");
	strcpy(h->abi.reasons[GORO_WAIT_WLOCK], "sync.RWMutex.Lock");
	strcpy(h->abi.reasons[GORO_WAIT_GROUP], "sync.WaitGroup.Wait");
	strcpy(h->abi.reasons[GORO_WAIT_COND], "sync.Cond.Wait");
	strcpy(h->abi.reasons[GORO_WAIT_ONCE], "sync.Once.Do");
	strcpy(h->abi.reasons[GORO_WAIT_IO], "IO wait");
	T_CHECK(!gt_model_init(&h->model, &h->abi));
	h->symbols.pcs = &h->model.pcs;
	h->next_pc = 0x1000;
}

void
hand_fini(struct hand *h)
{
	gt_symbols_fini(&h->symbols);
	gt_model_fini(&h->model);
}

uint32_t
hand_pc(struct hand *h, const struct gt_frame *frames, uint32_t n)
{
	uint32_t id = gt_pctab_id(&h->model.pcs, h->next_pc++, false);

	h->symbols.v = realloc(h->symbols.v, (id + 1) * sizeof(*h->symbols.v));
	if (id == 1)
		memset(h->symbols.v, 0, sizeof(*h->symbols.v));
	h->symbols.n = id + 1;
	h->symbols.v[id] = (struct gt_symbol){
		.frames = malloc(n * sizeof(*frames)),
		.n = n,
	};
	for (uint32_t i = 0; i < n; i++) {
		struct gt_frame *f = &h->symbols.v[id].frames[i];

		*f = frames[i];
		f->function = strdup(frames[i].function);
		f->file = frames[i].file ? strdup(frames[i].file) : NULL;
	}
	return id;
}

uint32_t
hand_plain(struct hand *h, const char *function, const char *file,
	   uint32_t line)
{
	struct gt_frame f = {
		.function = (char *)function,
		.file = (char *)file,
		.line = line,
		.offset = 0x2c,
	};

	return hand_pc(h, &f, 1);
}

void
hand_frame(struct hand *h, uint32_t id)
{
	struct gt_model *m = &h->model;

	T_CHECK(gt_grow((void **)&m->frames, m->frames_n, 1, &m->frames_room,
			sizeof(*m->frames)));
	m->frames[m->frames_n++] = id;
	m->goroutines[m->goroutines_n - 1].frames_n++;
}

struct gt_goroutine *
hand_goroutine(struct hand *h, uint64_t id, enum goro_abi_state state,
	       enum goro_abi_reason reason)
{
	struct gt_model *m = &h->model;

	T_CHECK(gt_grow((void **)&m->goroutines, m->goroutines_n, 1,
			&m->goroutines_room, sizeof(*m->goroutines)));
	m->goroutines[m->goroutines_n] = (struct gt_goroutine){
		.id = id,
		.state = state,
		.reason = reason,
		.frames = m->frames_n,
	};
	return &m->goroutines[m->goroutines_n++];
}
