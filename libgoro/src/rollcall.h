/* SPDX-License-Identifier: MIT */
/*
 * rollcall.h - all goroutines, in the order in which they were started
 *
 * Idea       The registry is in order of stacks, which are used again last in
 *            first out: no order that a reader could follow. Ids rise, so
 *            pointers are collected and sorted by id.
 * Memory     16 bytes a goroutine, by mmap(); if there is none, the order of
 *            the registry has to do.
 * Signals    Safe in a handler; mmap() is a system call.
 */
#ifndef GR_ROLLCALL_H
#define GR_ROLLCALL_H

struct gr_g;

void gr_roll_call(void (*fn)(const struct gr_g *g, void *arg), void *arg);

#endif
