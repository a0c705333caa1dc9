// SPDX-License-Identifier: MIT
/*
 * profile_lines.c - files, lines and inlined functions for a profile
 *
 * The process that wrote it knew its functions' names; their source is told by
 * the debug information, here. Each location is looked up where it lies now,
 * so the process must still be there.
 */
#include <string.h>

#include "profile.h"
#include "sort.h"

struct adding {
	struct gt_profile *p;
	struct gt_symbols symbols;
	struct gt_pctab pcs;
	bool whole;
};

uint32_t
gt_profile_add_function(struct gt_profile *p, const struct gt_frame *f)
{
	const char *file = f->file ? f->file : "";
	struct gt_profile_function fn = { .id = p->functions.n + 1 };

	/* A few hundred of them: no need for a table. */
	for (size_t i = 0; i < p->functions.n; i++) {
		const struct gt_profile_function *old = &p->functions.at[i];

		if (!strcmp(p->strings.at[old->name], f->function) &&
		    !strcmp(p->strings.at[old->file], file))
			return (uint32_t)i;
		if (old->id >= fn.id)
			fn.id = old->id + 1;
	}
	fn.name = fn.system_name = gt_profile_add_string(p, f->function);
	fn.file = gt_profile_add_string(p, file);
	if (!fn.name || (*file && !fn.file) ||
	    !GT_PROFILE_PUSH(p->functions, fn))
		return UINT32_MAX;
	return (uint32_t)p->functions.n - 1;
}

/* Replace the lines of a location, where its source is known. */
static bool
add_to(struct adding *a, struct gt_profile_location *l)
{
	struct gt_profile *p = a->p;
	uint32_t id = gt_pctab_id(&a->pcs, l->address, true);
	const struct gt_symbol *symbol = id ? gt_symbols_get(&a->symbols, id) :
					      NULL;
	uint32_t first = (uint32_t)p->lines.n;

	if (!symbol)
		return false;
	for (uint32_t i = 0; i < symbol->n; i++) {
		const struct gt_frame *f = &symbol->frames[i];
		uint32_t function;

		if (f->internal && !a->whole)
			continue;
		if (!f->file && symbol->n == 1)
			return true; /* nothing new */
		function = gt_profile_add_function(p, f);
		if (function == UINT32_MAX ||
		    !GT_PROFILE_PUSH(p->lines, { function, f->line }))
			return false;
	}
	if (p->lines.n == first)
		return true;
	l->line = first;
	l->lines_n = (uint32_t)p->lines.n - first;
	if (l->mapping >= 0) {
		struct gt_profile_mapping *m = &p->mappings.at[l->mapping];

		m->has_files = m->has_lines = m->has_inlines = true;
	}
	return true;
}

struct gt_error *
gt_profile_add_lines(struct gt_profile *p, struct gt_modules *modules,
		     const struct gt_abi *abi, bool whole)
{
	struct adding a = { .p = p, .whole = whole };
	struct gt_error *err = gt_pctab_init(&a.pcs);

	if (err)
		return err;
	gt_symbols_init(&a.symbols, modules, &a.pcs, abi);
	for (size_t i = 0; !err && i < p->locations.n; i++)
		if (p->locations.at[i].address &&
		    !add_to(&a, &p->locations.at[i]))
			err = &gt_enomem;
	gt_symbols_fini(&a.symbols);
	gt_pctab_fini(&a.pcs);
	return err;
}
