// SPDX-License-Identifier: MIT
/*
 * describe.c - goroutines and objects in a few words
 */
#include "describe.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
gt_describe_goroutine(const struct gt_model *model,
		      const struct gt_goroutine *g, char *buf)
{
	char name[GT_NAME_BYTES];

	gt_clean(name, sizeof(name), model->strings + g->name, "\"");
	snprintf(buf, GT_WORDS_MAX, "goroutine %" PRIu64 "%s%s%s", g->id,
		 *name ? " \"" : "", name, *name ? "\"" : "");
}

static void
describe_channel(const struct gt_model *model, const struct gt_object *o,
		 char *buf)
{
	const struct gt_channel *ch = &model->channels[o->channel];
	char name[GT_NAME_BYTES];

	gt_clean(name, sizeof(name), model->strings + ch->name, "\"");
	snprintf(buf, GT_WORDS_MAX, "channel %" PRIu64 "%s%s%s", ch->id,
		 *name ? " \"" : "", name, *name ? "\"" : "");
}

void
gt_describe_object(const struct gt_model *model, struct gt_symbols *symbols,
		   const struct gt_object *o, char *buf)
{
	const char *kind = gt_kind_name(o->kind);
	char name[160];

	if (o->kind == GT_KIND_CHAN && o->known) {
		describe_channel(model, o, buf);
	} else if (o->kind == GT_KIND_FD) {
		gt_clean(name, sizeof(name), model->strings + o->text, "");
		snprintf(buf, GT_WORDS_MAX, "fd %" PRIu64 "%s%s%s", o->addr,
			 *name ? " (" : "", name, *name ? ")" : "");
	} else if (symbols &&
		   gt_variable_at(symbols, o->addr, name, sizeof(name))) {
		snprintf(buf, GT_WORDS_MAX, "%s %s", kind, name);
	} else {
		snprintf(buf, GT_WORDS_MAX, "%s 0x%" PRIx64, kind, o->addr);
	}
}

void
gt_describe_frame(const struct gt_frame *frame, char *buf)
{
	const char *file = frame->file ? strrchr(frame->file, '/') : NULL;
	char function[160], base[64];

	gt_clean(function, sizeof(function), frame->function, "");
	file = file ? file + 1 : frame->file;
	gt_clean(base, sizeof(base), file ? file : "", "");
	if (*base)
		snprintf(buf, GT_WORDS_MAX, "%s %s:%u", function, base,
			 frame->line);
	else
		snprintf(buf, GT_WORDS_MAX, "%s", function);
}

const struct gt_frame *
gt_where_made(const struct gt_view *view, uint32_t pc)
{
	const struct gt_symbol *symbol = pc ? gt_symbols_get(view->symbols,
							     pc) :
					      NULL;

	for (uint32_t i = 0; symbol && i < symbol->n; i++)
		if (!symbol->frames[i].internal &&
		    strncmp(symbol->frames[i].function, "goro_", 5) != 0)
			return &symbol->frames[i];
	return NULL;
}

const struct gt_frame *
gt_where(const struct gt_view *view, const struct gt_goroutine *g)
{
	const struct gt_frame *frame = NULL;

	for (uint32_t i = 0; i < g->frames_n && !frame; i++)
		frame = gt_where_made(view, view->model->frames[g->frames + i]);
	return frame;
}

/* The module that a variable belongs to. One that began as zeros lies in
 * memory behind the file's mappings, which is no module's any more. */
static Dwfl_Module *
module_of(const struct gt_modules *modules, uint64_t addr)
{
	const struct gt_module *below = NULL;

	for (size_t i = 0; i < modules->n; i++)
		if (modules->v[i].start <= addr &&
		    (!below || modules->v[i].start > below->start))
			below = &modules->v[i];
	return below ? dwfl_addrmodule(modules->dwfl, below->start) : NULL;
}

bool
gt_variable_at(struct gt_symbols *symbols, uint64_t addr, char *buf,
	       size_t bytes)
{
	GElf_Off offset;
	GElf_Sym sym;
	Dwfl_Module *mod = symbols->modules ?
				   module_of(symbols->modules, addr) :
				   NULL;
	const char *name = mod ? dwfl_module_addrinfo(mod, addr, &offset, &sym,
						      NULL, NULL, NULL) :
				 NULL;

	/* The nearest symbol is no answer: it must be inside. */
	if (!name || offset >= sym.st_size)
		return false;
	size_t n = gt_clean(buf, bytes, name, "");
	buf[strcspn(buf, "@")] = '\0';
	if (offset && n + 20 < bytes)
		sprintf(buf + strlen(buf), "+0x%" PRIx64, (uint64_t)offset);
	return true;
}
