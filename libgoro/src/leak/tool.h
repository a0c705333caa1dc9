/* SPDX-License-Identifier: MIT */
#ifndef GR_LEAK_TOOL_H
#define GR_LEAK_TOOL_H

#include <stdbool.h>
#include <stdio.h>

#include "leak/leak.h"

/* The path of the tool's socket. */
#define GR_LEAK_TOOL_ENV "GORO_LEAKCHECK"

/* Is there a goro-leakcheck that wants to know? */
bool gr_leak_tool_wanted(void);

/* A run begins; main has returned; nobody can ever run again. */
void gr_leak_tool_start(void);
void gr_leak_tool_main_ended(void);
void gr_leak_tool_deadlock(void);
/* By a signal, which follows. */
void gr_leak_tool_told_to_end(void);

/* Check now, and write what was found; false: no memory. */
bool gr_leak_tool_answer(int fd);

#endif
