// SPDX-License-Identifier: MIT
/*
 * abi.c - the debug ABI's table and the note that leads to it
 *
 * All that the tools know of the runtime is said here, with offsetof(), so it
 * cannot go out of date. docs/DEBUG-ABI.md says what it means.
 */
#include "goro/abi.h"

#include <stddef.h>

#include "chan.h"
#include "chan_slab.h"
#include "goro/goro.h"
#include "labels.h"
#include "sched.h"

#define FIELD(type, member) \
	{ offsetof(struct type, member), sizeof(((struct type *)0)->member) }

const char gr_state_names[GORO_ABI_STATES][16] = {
	[GORO_ABI_FREE] = "dead",        [GORO_ABI_RUNNING] = "running",
	[GORO_ABI_RUNNABLE] = "runnable", [GORO_ABI_CLAIMED] = "runnable",
	[GORO_ABI_WAITING] = "waiting",  [GORO_ABI_SYSCALL] = "syscall",
};

const char gr_reason_names[GORO_WAIT_REASONS][32] = {
	[GORO_WAIT_NONE] = "",
	[GORO_WAIT_CHAN_RECV] = "chan receive",
	[GORO_WAIT_CHAN_SEND] = "chan send",
	[GORO_WAIT_CHAN_RECV_NIL] = "chan receive (nil chan)",
	[GORO_WAIT_CHAN_SEND_NIL] = "chan send (nil chan)",
	[GORO_WAIT_SELECT] = "select",
	[GORO_WAIT_SELECT_EMPTY] = "select (no cases)",
	[GORO_WAIT_SLEEP] = "sleep",
	[GORO_WAIT_MUTEX] = "sync.Mutex.Lock",
	[GORO_WAIT_RLOCK] = "sync.RWMutex.RLock",
	[GORO_WAIT_WLOCK] = "sync.RWMutex.Lock",
	[GORO_WAIT_GROUP] = "sync.WaitGroup.Wait",
	[GORO_WAIT_COND] = "sync.Cond.Wait",
	[GORO_WAIT_ONCE] = "sync.Once.Do",
	[GORO_WAIT_IO] = "IO wait",
};

extern struct goro_abi_clock gr_clock;

/* Bounds of libgoro.a's text, whose section has a name of its own. */
extern char __start_goro_text[] __attribute__((weak, visibility("hidden")));
extern char __stop_goro_text[] __attribute__((weak, visibility("hidden")));

const struct goro_abi_table gr_abi_table = {
	.cookie = { 'g', 'o', 'r', 'o', '-', 'a', 'b', 'i' },
	.version = GORO_ABI_VERSION,
	.table_bytes = sizeof(struct goro_abi_table),
	.machine = GR_ARCH_MACHINE,
	.state_names_n = GORO_ABI_STATES,
	.reason_names_n = GORO_WAIT_REASONS,

	.chunks = (uintptr_t)&gr_chunks,
	.slabs = (uintptr_t)&gr_chan_slabs,
	.threads = (uintptr_t)&gr_threads,
	.clock = (uintptr_t)&gr_clock,
	.state_names = (uintptr_t)gr_state_names,
	.reason_names = (uintptr_t)gr_reason_names,
	.text_lo = (uintptr_t)__start_goro_text,
	.text_hi = (uintptr_t)__stop_goro_text,

	.chunk = {
		.bytes = sizeof(struct gr_chunk),
		.next = FIELD(gr_chunk, next),
		.base = FIELD(gr_chunk, base),
		.slot_bytes = FIELD(gr_chunk, slot_bytes),
		.slots = FIELD(gr_chunk, slots),
		.carved = FIELD(gr_chunk, carved),
		.words = FIELD(gr_chunk, words),
		.word_stride = GR_WORD_STRIDE,
		.colours = GR_COLOURS,
		.colour_bytes = GR_COLOUR_BYTES,
	},
	.g = {
		.bytes = sizeof(struct gr_g),
		.sp = FIELD(gr_g, sp),
		.id = FIELD(gr_g, id),
		.creator_id = FIELD(gr_g, creator_id),
		.creator_pc = FIELD(gr_g, creator_pc),
		.entry = FIELD(gr_g, fn),
		.stack_lo = FIELD(gr_g, stack_lo),
		.stack_hi = FIELD(gr_g, stack_hi),
		.thread = FIELD(gr_g, m),
		.wait_reason = FIELD(gr_g, wait_reason),
		.wait_n = FIELD(gr_g, wait_n),
		.wait_obj = FIELD(gr_g, wait_obj),
		.wait_since = FIELD(gr_g, wait_since),
		.flags = FIELD(gr_g, flags),
		.name = FIELD(gr_g, name),
	},
	.thread = {
		.bytes = sizeof(struct gr_m),
		.next = FIELD(gr_m, next),
		.tid = FIELD(gr_m, tid),
		.g = FIELD(gr_m, g),
	},
	.context_bytes = sizeof(struct gr_context),
	.saved_regs_n = GR_ARCH_SAVED_REGS_N,
	.saved_regs = GR_ARCH_SAVED_REGS,

	.slab = {
		.bytes = sizeof(struct gr_chan_slab),
		.next = FIELD(gr_chan_slab, next),
		.base = FIELD(gr_chan_slab, base),
		.stride = FIELD(gr_chan_slab, stride),
		.count = FIELD(gr_chan_slab, count),
		.carved = FIELD(gr_chan_slab, carved),
	},
	.chan = {
		.bytes = sizeof(struct goro_chan),
		.id = FIELD(goro_chan, id),
		.elem_bytes = FIELD(goro_chan, elem_bytes),
		.cap = FIELD(goro_chan, cap),
		.len = FIELD(goro_chan, len),
		.closed = FIELD(goro_chan, closed),
		.creator_id = FIELD(goro_chan, creator_id),
		.creator_pc = FIELD(goro_chan, creator_pc),
		.recvq = FIELD(goro_chan, recvq.first),
		.sendq = FIELD(goro_chan, sendq.first),
		.refs = FIELD(goro_chan, refs),
		.name = FIELD(goro_chan, name),
		.buf = FIELD(goro_chan, buf),
	},
	.waiter = {
		.bytes = sizeof(struct gr_waiter),
		.next = FIELD(gr_waiter, next),
		.g = FIELD(gr_waiter, g),
		.obj = FIELD(gr_waiter, obj),
		.elem = FIELD(gr_waiter, elem),
		.dir = FIELD(gr_waiter, dir),
	},
	.mutex = {
		.bytes = sizeof(struct goro_mutex),
		.owner = FIELD(goro_mutex, owner_),
		.waiters = FIELD(goro_mutex, waiters_.first),
	},
	.chan_more = {
		.kind = FIELD(goro_chan, kind),
	},
	.hold = {
		.bytes = sizeof(struct gr_hold),
		.first = FIELD(gr_g, hold),
		.obj = FIELD(gr_hold, obj),
		.count = FIELD(gr_hold, n),
		.next = FIELD(gr_hold, next),
	},
	.rwmutex = {
		.bytes = sizeof(struct goro_rwmutex),
		.owner = FIELD(goro_rwmutex, owner_),
		.state = FIELD(goro_rwmutex, state_),
		.readers = FIELD(goro_rwmutex, readers_.first),
		.writers = FIELD(goro_rwmutex, writers_.first),
	},
	.waitgroup = {
		.bytes = sizeof(struct goro_waitgroup),
		.state = FIELD(goro_waitgroup, state_),
		.waiters = FIELD(goro_waitgroup, waiters_.first),
	},
	.cond = {
		.bytes = sizeof(struct goro_cond),
		.waiters = FIELD(goro_cond, waiters_.first),
	},
	.once = {
		.bytes = sizeof(struct goro_once),
		.owner = FIELD(goro_once, owner_),
		.waiters = FIELD(goro_once, waiters_.first),
	},
	.labels = {
		.bytes = sizeof(struct gr_labels),
		.pair_bytes = sizeof(struct gr_label),
		.set = FIELD(gr_g, labels),
		.n = FIELD(gr_labels, n),
		.pairs = { offsetof(struct gr_labels, label), 0 },
		.key = FIELD(gr_label, key),
		.value = FIELD(gr_label, value),
	},
};

/* The note. Its descriptor is a distance, so nothing has to relocate it. */
__asm__(".pushsection .note.goro, \"a\", @note\n"
	".balign 4\n"
	".long 5, 8, 1\n" /* bytes of owner and descriptor, GORO_NOTE_TABLE */
	".asciz \"goro\"\n"
	".balign 4\n"
	"1: .quad gr_abi_table - 1b\n"
	".popsection");

/* What gdb reads when it loads the program: goroutines for debuggers. A byte 4
 * says that the script itself follows its name. */
__asm__(".pushsection .debug_gdb_scripts, \"MS\", @progbits, 1\n"
	".byte 4\n"
	".ascii \"goro-gdb.py\\n\"\n"
	".incbin \"" GORO_GDB_SCRIPT "\"\n"
	".byte 0\n"
	".popsection");
