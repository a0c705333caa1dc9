/* SPDX-License-Identifier: MIT */
/*
 * ctx.h - contexts that the runtime makes for the program
 */
#ifndef GR_CTX_H
#define GR_CTX_H

#include <stdint.h>

struct goro_ctx;

/* As goro_ctx_with_cancel(); @creator_pc is what the tools show. */
struct goro_ctx *gr_ctx_with_cancel(struct goro_ctx *parent,
				    uint64_t creator_pc);

#endif
