/* SPDX-License-Identifier: MIT */
/*
 * hand_model.h - a model and its symbols, made by hand
 *
 * What analyses and renderers are tested with: no process, no files.
 */
#ifndef HAND_MODEL_H
#define HAND_MODEL_H

#include "tracer/view.h"

struct hand {
	struct gt_abi abi;
	struct gt_model model;
	struct gt_symbols symbols;
	uint64_t next_pc;
};

void hand_init(struct hand *h);
void hand_fini(struct hand *h);

/* A frame; add .inlined and so on. */
#define HAND_FRAME(name, path, ...)                                 \
	(struct gt_frame)                                           \
	{                                                           \
		.function = (char *)(name), .file = (char *)(path), \
		__VA_ARGS__                                         \
	}

/* A PC whose frames are the @n given, innermost first; its id. */
uint32_t hand_pc(struct hand *h, const struct gt_frame *frames, uint32_t n);

/* One with a single frame. */
uint32_t hand_plain(struct hand *h, const char *function, const char *file,
		    uint32_t line);

/* A goroutine, without a stack as yet. The pointer is valid until the next. */
struct gt_goroutine *hand_goroutine(struct hand *h, uint64_t id,
				    enum goro_abi_state state,
				    enum goro_abi_reason reason);

/* The next frame of the last goroutine. */
void hand_frame(struct hand *h, uint32_t id);

#endif
