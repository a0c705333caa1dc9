/* SPDX-License-Identifier: MIT */
#ifndef GR_LEAK_ROOTNAME_H
#define GR_LEAK_ROOTNAME_H

#include "leak/census.h"
#include "leak/leak.h"

/* What sort of a root the word at @s->addr is: fill in the rest. */
void gr_root_name(const struct gr_census *c, struct gr_leak_step *s);
/* Does it lie in a module's data? */
bool gr_root_is_variable(const struct gr_census *c, uintptr_t addr);

#endif
