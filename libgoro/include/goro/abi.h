/* SPDX-License-Identifier: MIT */
/*
 * goro/abi.h - the debug ABI: all that a reader outside the runtime may know
 *
 * Idea       An ELF note in the binary that holds the runtime points to one
 *            read-only table. The table says where the runtime keeps its
 *            registries and where in each structure a field lies, so a reader
 *            needs no debug information, no symbols and not even a build of
 *            the same version. docs/DEBUG-ABI.md specifies it in words.
 * Trust      A reader treats everything here as hostile: check the cookie,
 *            the version and each offset once; bound each list and count.
 * Versions   `version` rises when an old reader would misread; `table_bytes`
 *            rises when fields are added at the end. A reader of version N
 *            reads every table of version <= N.
 */
#ifndef GORO_ABI_H
#define GORO_ABI_H

#include <stdint.h>

#define GORO_ABI_COOKIE "goro-abi" /* 8 bytes, no terminator */
#define GORO_ABI_VERSION 1

/* The note: owner "goro", this type; its descriptor is one int64_t, the
 * distance from the descriptor itself to the table. */
#define GORO_NOTE_OWNER "goro"
#define GORO_NOTE_TABLE 1

/*
 * A goroutine's state word, one uint64_t in its chunk's dense array: the state
 * in the low byte, a count of the changes above it. A state whose lowest bit
 * is set may change the goroutine's stack and record at any moment; so
 *
 *   read the word (even), copy record and stack, read the word again (equal)
 *
 * proves that the copy is exact.
 */
enum goro_abi_state {
	GORO_ABI_FREE = 0,     /* no goroutine in this slot */
	GORO_ABI_RUNNING = 1,  /* on a thread; that thread owns the stack */
	GORO_ABI_RUNNABLE = 2, /* in a run queue */
	GORO_ABI_CLAIMED = 3,  /* a waker is writing into the parked stack */
	GORO_ABI_WAITING = 4,  /* parked; `wait_*` say on what */
	GORO_ABI_SYSCALL = 5,  /* on a thread, inside a blocking section */
	GORO_ABI_STATES = 6,
};
#define GORO_ABI_STATE(word) ((unsigned)((word) & 0xff))
#define GORO_ABI_UNSTABLE(word) ((word) & 1)

/* Wait reasons, in Go's words where Go has a word (see `reason_names`). */
enum goro_abi_reason {
	GORO_WAIT_NONE,
	GORO_WAIT_CHAN_RECV,     /* obj: channel */
	GORO_WAIT_CHAN_SEND,     /* obj: channel */
	GORO_WAIT_CHAN_RECV_NIL, /* no obj, and no way out */
	GORO_WAIT_CHAN_SEND_NIL,
	GORO_WAIT_SELECT,       /* obj: first of `wait_n` waiters, an array */
	GORO_WAIT_SELECT_EMPTY, /* no cases, or only NULL channels */
	GORO_WAIT_SLEEP,  /* obj: when it ends, ns of CLOCK_MONOTONIC */
	GORO_WAIT_MUTEX,  /* obj: mutex */
	GORO_WAIT_RLOCK,  /* obj: rwmutex */
	GORO_WAIT_WLOCK,  /* obj: rwmutex */
	GORO_WAIT_GROUP,  /* obj: waitgroup */
	GORO_WAIT_COND,   /* obj: cond */
	GORO_WAIT_ONCE,   /* obj: once */
	GORO_WAIT_IO,     /* obj: the fd, as an integer */
	GORO_WAIT_REASONS,
};

/* What a channel is there for. Of the runtime's own kinds one that is left
 * open, or with an item in it, says nothing about the program. */
enum goro_abi_chan_kind {
	GORO_ABI_CHAN_PLAIN = 0,
	GORO_ABI_CHAN_TIMER = 1,   /* of a timer, a ticker or goro_after() */
	GORO_ABI_CHAN_CONTEXT = 2, /* closed when a context ends */
};

/* Where a field lies: byte offset in its structure, and its width. A field
 * that a later runtime dropped has bytes == 0. */
struct goro_abi_field {
	uint16_t offset;
	uint16_t bytes;
};

/* Registers that a parked goroutine's `sp` points to. */
struct goro_abi_saved_reg {
	uint16_t dwarf; /* the architecture's DWARF register number */
	int16_t offset; /* from the saved sp */
};
#define GORO_ABI_SAVED_REGS 16

struct goro_abi_table {
	char cookie[8];
	uint32_t version;
	uint32_t table_bytes;
	uint16_t machine;  /* ELF e_machine */
	uint16_t reserved; /* 0 */
	uint32_t state_names_n;
	uint32_t reason_names_n;
	uint32_t reserved2;

	/* Roots: addresses of variables of the runtime. */
	uint64_t chunks;      /* struct chunk *: list of stack chunks */
	uint64_t slabs;       /* struct slab *: list of channel slabs */
	uint64_t threads;     /* struct thread *: list of runtime threads */
	uint64_t clock;       /* struct goro_abi_clock */
	uint64_t reserved3;   /* 0 */
	uint64_t state_names; /* char[state_names_n][16] */
	uint64_t reason_names; /* char[reason_names_n][32] */
	/* The runtime's own code. Both 0: it is a library of its own, all code
	 * of the module that holds this table. */
	uint64_t text_lo, text_hi;

	/*
	 * A chunk: `slots` (a power of two) stacks of `slot_bytes` each from
	 * `base` up, of which the first `carved` were ever used. Slot i has
	 *   its state word at   words[(i * word_stride) & (slots - 1)]
	 *   its record at       base + (i + 1) * slot_bytes
	 *                       - (i % colours) * colour_bytes - g.bytes
	 * The stack grows down from the record.
	 */
	struct {
		struct goro_abi_field next, base, slot_bytes, slots, carved,
			words;
		uint32_t bytes, word_stride, colours, colour_bytes;
	} chunk;

	/* A goroutine's record. */
	struct {
		uint32_t bytes, reserved;
		struct goro_abi_field sp; /* of the saved context */
		struct goro_abi_field id, creator_id, creator_pc, entry;
		struct goro_abi_field stack_lo, stack_hi; /* usable bytes */
		struct goro_abi_field thread; /* the thread it is on, or was */
		struct goro_abi_field wait_reason, wait_n, wait_obj;
		struct goro_abi_field wait_since; /* in cycles of `clock` */
		struct goro_abi_field flags;      /* GORO_ABI_G_* */
		struct goro_abi_field name;       /* char *, NULL */
	} g;

	/* A runtime thread. */
	struct {
		uint32_t bytes, reserved;
		struct goro_abi_field next, tid, g /* running here, or NULL */;
	} thread;

	/* The saved context that a goroutine's `sp` points to: after it has
	 * been popped the stack pointer is sp + context_bytes. */
	uint32_t context_bytes;
	uint32_t saved_regs_n;
	struct goro_abi_saved_reg saved_regs[GORO_ABI_SAVED_REGS];

	/* A slab: `count` channels of `stride` bytes each from `base` up, of
	 * which the first `carved` were ever used. A channel of id 0 is free. */
	struct {
		struct goro_abi_field next, base, stride, count, carved;
		uint32_t bytes, reserved;
	} slab;

	struct {
		uint32_t bytes, reserved;
		struct goro_abi_field id, elem_bytes, cap, len, closed;
		struct goro_abi_field creator_id, creator_pc;
		struct goro_abi_field recvq, sendq; /* struct waiter *: first */
		struct goro_abi_field refs, name, buf;
	} chan;

	/* One goroutine in one queue; lies on the waiting goroutine's stack. */
	struct {
		uint32_t bytes, reserved;
		struct goro_abi_field next; /* NULL ends the queue */
		struct goro_abi_field g, obj, elem;
		struct goro_abi_field dir; /* 0 send, 1 receive, 2 other */
	} waiter;

	/* Locks: who holds them, and who waits. Owners are goroutine ids. */
	struct {
		uint32_t bytes, reserved;
		struct goro_abi_field owner, waiters;
	} mutex;

	/* More of a channel. */
	struct {
		struct goro_abi_field kind; /* enum goro_abi_chan_kind */
		uint32_t reserved;
	} chan_more;

	/* A goroutine's list of what it has locked for reading. The first
	 * entry is in its record. */
	struct {
		uint32_t bytes, reserved;
		struct goro_abi_field first; /* in the goroutine's record */
		struct goro_abi_field obj;   /* rwmutex; NULL: unused entry */
		struct goro_abi_field count; /* how many times */
		struct goro_abi_field next;  /* NULL ends the list */
	} hold;

	struct {
		uint32_t bytes, reserved;
		struct goro_abi_field owner; /* that writes, or 0 */
		struct goro_abi_field state; /* GORO_ABI_RW_* */
		struct goro_abi_field readers, writers; /* that wait */
	} rwmutex;

	struct {
		uint32_t bytes, reserved;
		struct goro_abi_field state; /* GORO_ABI_WG_* */
		struct goro_abi_field waiters;
	} waitgroup;

	struct {
		uint32_t bytes, reserved;
		struct goro_abi_field waiters;
	} cond;

	struct {
		uint32_t bytes, reserved;
		struct goro_abi_field owner; /* that runs the function, or 0 */
		struct goro_abi_field waiters;
	} once;

	/* A goroutine's labels: a set that never changes, `n` pairs in an
	 * array of pointers to two strings each. */
	struct {
		uint32_t bytes, pair_bytes;
		struct goro_abi_field set; /* in the goroutine's record; NULL */
		struct goro_abi_field n, pairs; /* the array itself is there */
		struct goro_abi_field key, value; /* in a pair: char * */
		uint32_t reserved;
	} labels;
};

/* The state of an rwmutex: is a writer inside, and how many readers? More
 * than are to be found in the goroutines' lists have ended without unlocking. */
#define GORO_ABI_RW_WRITER(state) ((state) & 1)
#define GORO_ABI_RW_READERS(state) ((state) >> 2)

/* The state of a waitgroup: its counter, and how many wait. */
#define GORO_ABI_WG_COUNT(state) ((int32_t)((state) >> 32))
#define GORO_ABI_WG_WAITING(state) ((uint32_t)(state))

#define GORO_ABI_G_FRESH 1  /* has never run: will start at `entry`; there is
				no saved context, whatever `sp` holds */
#define GORO_ABI_G_SYSTEM 2 /* the runtime's own */
#define GORO_ABI_G_LOCKED 4 /* locked to its thread */

/* Two moments on both clocks: they give the cycle counter's rate, and the
 * second tells a core's reader when the process was last seen alive. */
struct goro_abi_clock {
	uint64_t start_cycles, start_ns; /* CLOCK_MONOTONIC */
	uint64_t last_cycles, last_ns;
	uint64_t flags; /* GORO_ABI_CLOCK_* */
};

/* This machine has no steady cycle counter: `cycles` are CLOCK_MONOTONIC. */
#define GORO_ABI_CLOCK_CYCLES_ARE_NS 1

#endif
