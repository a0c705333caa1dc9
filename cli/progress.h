/* SPDX-License-Identifier: MIT */
/*
 * progress.h - a line on stderr that says that work goes on
 *
 * Only on a terminal, only for work of more than a second, and gone when
 * anything else is said.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

/* Show this instead of what was shown before; cheap enough to be called often.
 * The first call is when the work begins. */
__attribute__((format(printf, 1, 2))) void cli_progress(const char *format,
							...);

/* Take the line away. */
void cli_progress_end(void);

#endif
