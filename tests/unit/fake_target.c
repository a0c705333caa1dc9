// SPDX-License-Identifier: MIT
/*
 * fake_target.c - a process with a runtime in it, made of arrays
 */
#include "fake_target.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

#define FIELD(type, member)                                \
	{                                                  \
		offsetof(struct type, member),             \
			sizeof(((struct type *)0)->member) \
	}

enum { NOTE_AT = 512, CONTEXT_BYTES = 24 };

static const struct goro_abi_table table = {
	.cookie = { 'g', 'o', 'r', 'o', '-', 'a', 'b', 'i' },
	.version = GORO_ABI_VERSION,
	.table_bytes = sizeof(struct goro_abi_table),
	.machine = GT_ARCH_MACHINE,
	.state_names_n = GORO_ABI_STATES,
	.reason_names_n = GORO_WAIT_REASONS,
	.chunk = {
		.bytes = sizeof(struct fake_chunk),
		.next = FIELD(fake_chunk, next),
		.base = FIELD(fake_chunk, base),
		.slot_bytes = FIELD(fake_chunk, slot_bytes),
		.slots = FIELD(fake_chunk, slots),
		.carved = FIELD(fake_chunk, carved),
		.words = FIELD(fake_chunk, words),
		.word_stride = FAKE_STRIDE,
		.colours = FAKE_COLOURS,
		.colour_bytes = FAKE_COLOUR_BYTES,
	},
	.g = {
		.bytes = sizeof(struct fake_g),
		.sp = FIELD(fake_g, sp),
		.id = FIELD(fake_g, id),
		.creator_id = FIELD(fake_g, creator_id),
		.creator_pc = FIELD(fake_g, creator_pc),
		.entry = FIELD(fake_g, entry),
		.stack_lo = FIELD(fake_g, stack_lo),
		.stack_hi = FIELD(fake_g, stack_hi),
		.thread = FIELD(fake_g, thread),
		.wait_reason = FIELD(fake_g, wait_reason),
		.wait_n = FIELD(fake_g, wait_n),
		.wait_obj = FIELD(fake_g, wait_obj),
		.wait_since = FIELD(fake_g, wait_since),
		.flags = FIELD(fake_g, flags),
		.name = FIELD(fake_g, name),
	},
	.thread = {
		.bytes = sizeof(struct fake_thread),
		.next = FIELD(fake_thread, next),
		.tid = FIELD(fake_thread, tid),
		.g = FIELD(fake_thread, g),
	},
	.context_bytes = CONTEXT_BYTES,
	.saved_regs_n = 2,
	.saved_regs = { { 6, 0 }, { GT_ARCH_PC, 16 } },
	.slab = {
		.bytes = sizeof(struct fake_slab),
		.next = FIELD(fake_slab, next),
		.base = FIELD(fake_slab, base),
		.stride = FIELD(fake_slab, stride),
		.count = FIELD(fake_slab, count),
		.carved = FIELD(fake_slab, carved),
	},
	.chan = {
		.bytes = sizeof(struct fake_chan),
		.id = FIELD(fake_chan, id),
		.name = FIELD(fake_chan, name),
		.elem_bytes = FIELD(fake_chan, elem_bytes),
		.cap = FIELD(fake_chan, cap),
		.len = FIELD(fake_chan, len),
		.closed = FIELD(fake_chan, closed),
	},
	.waiter = { .bytes = 64 },
};

static struct gt_error *
fake_read(struct gt_target *t, struct gt_span *spans, size_t n)
{
	struct fake *f = (struct fake *)t;

	f->reads++;
	for (size_t i = 0; i < n; i++) {
		struct gt_span *span = &spans[i];
		uint64_t at = span->addr - FAKE_BASE;

		if (f->on_read)
			f->on_read(f, span);
		if (f->ended)
			return gt_error(GT_ENDED, ESRCH, "process 1 ended");
		span->ok = at <= sizeof(*f->mem) &&
			   span->bytes <= sizeof(*f->mem) - at;
		if (!span->ok)
			continue;
		memcpy(span->buf, (char *)f->mem + at, span->bytes);
		f->read_bytes += span->bytes;
	}
	return NULL;
}

static int
fake_open_file(struct gt_target *t, const struct gt_map *map)
{
	(void)t;
	(void)map;
	return -ENOENT;
}

static int
fake_hold(struct gt_target *t, int tid, struct gt_regs *ret)
{
	struct fake *f = (struct fake *)t;
	int rc = f->on_hold ? f->on_hold(f, tid, ret) : -ESRCH;

	f->held += rc == 0;
	return rc;
}

static void
fake_release(struct gt_target *t, int tid)
{
	(void)tid;
	((struct fake *)t)->released++;
}

/* Cycles are half nanoseconds here. */
static void
fake_now(struct gt_target *t, uint64_t *cycles, uint64_t *ns)
{
	(void)t;
	*cycles = 2000 * UINT64_C(1000000000);
	*ns = 1000 * UINT64_C(1000000000);
}

static void
fake_free(struct gt_target *t)
{
	struct fake *f = (struct fake *)t;

	gt_maps_fini(&t->maps);
	free(f->mem);
	free(f);
}

static const struct gt_target_ops ops = {
	.read = fake_read,
	.open_file = fake_open_file,
	.hold = fake_hold,
	.release = fake_release,
	.now = fake_now,
	.destroy = fake_free,
};

static void
make_elf(struct fake *f)
{
	Elf64_Ehdr *ehdr = (Elf64_Ehdr *)f->mem->elf;
	Elf64_Phdr *phdr = (Elf64_Phdr *)(ehdr + 1);
	unsigned char *note = f->mem->elf + NOTE_AT;
	uint32_t head[] = { sizeof("goro"), 8, GORO_NOTE_TABLE };
	int64_t distance = (char *)&f->mem->table - (char *)(note + 20);

	memcpy(ehdr->e_ident, ELFMAG, SELFMAG);
	ehdr->e_ident[EI_CLASS] = ELFCLASS64;
	ehdr->e_ident[EI_DATA] = ELFDATA2LSB;
	ehdr->e_phoff = sizeof(*ehdr);
	ehdr->e_phentsize = sizeof(*phdr);
	ehdr->e_phnum = 2;
	phdr[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_filesz = 4096 };
	phdr[1] = (Elf64_Phdr){
		.p_type = PT_NOTE,
		.p_vaddr = NOTE_AT,
		.p_memsz = 28,
	};
	memcpy(note, head, sizeof(head));
	memcpy(note + 12, "goro", sizeof("goro"));
	memcpy(note + 20, &distance, sizeof(distance));
}

struct fake *
fake_create(void)
{
	struct fake *f = calloc(1, sizeof(*f));
	struct fake_memory *m = aligned_alloc(4096, sizeof(*m));
	char maps[] = "10000000-10400000 rw-p 00000000 08:01 42 /bin/fake\n";

	T_CHECK(f && m);
	memset(m, 0, sizeof(*m));
	f->mem = m;
	f->target.ops = &ops;
	f->target.pid = 1;
	strcpy(f->target.name, "process 1");
	T_CHECK(!gt_maps_parse(strdup(maps), &f->target.maps));
	make_elf(f);
	m->table = table;
	m->table.chunks = fake_addr(f, &m->chunks);
	m->table.slabs = fake_addr(f, &m->slabs);
	m->table.threads = fake_addr(f, &m->threads);
	m->table.clock = fake_addr(f, &m->clock);
	m->table.state_names = fake_addr(f, m->states);
	m->table.reason_names = fake_addr(f, m->reasons);
	strcpy(m->states[GORO_ABI_RUNNING], "running");
	strcpy(m->states[GORO_ABI_RUNNABLE], "runnable");
	strcpy(m->states[GORO_ABI_WAITING], "waiting");
	strcpy(m->states[GORO_ABI_SYSCALL], "syscall");
	strcpy(m->reasons[GORO_WAIT_CHAN_RECV], "chan receive");
	m->clock = (struct goro_abi_clock){
		.start_cycles = 0,
		.start_ns = 0,
		.last_cycles = UINT64_C(20000000000),
		.last_ns = UINT64_C(10000000000),
	};
	m->chunks = fake_addr(f, &m->chunk[0]);
	for (unsigned i = 0; i < 2; i++)
		m->chunk[i] = (struct fake_chunk){
			.words = fake_addr(f, m->words[i]),
			.base = fake_addr(f, m->stacks[i]),
			.slot_bytes = FAKE_SLOT_BYTES,
			.slots = FAKE_SLOTS,
			.carved = FAKE_SLOTS,
		};
	return f;
}

void
fake_destroy(struct fake *f)
{
	fake_free(&f->target);
}

struct fake_g *
fake_g(struct fake *f, unsigned chunk, unsigned slot)
{
	return (struct fake_g *)(f->mem->stacks[chunk] +
				 (slot + 1) * FAKE_SLOT_BYTES -
				 slot % FAKE_COLOURS * FAKE_COLOUR_BYTES -
				 sizeof(struct fake_g));
}

uint64_t *
fake_word(struct fake *f, unsigned chunk, unsigned slot)
{
	return &f->mem->words[chunk][slot * FAKE_STRIDE % FAKE_SLOTS];
}

struct fake_g *
fake_park(struct fake *f, unsigned chunk, unsigned slot, uint64_t id,
	  unsigned depth)
{
	struct fake_g *g = fake_g(f, chunk, slot);
	uint64_t *sp = (uint64_t *)((char *)g - depth - CONTEXT_BYTES);
	uint64_t lo = fake_addr(f, f->mem->stacks[chunk]) +
		      slot * FAKE_SLOT_BYTES;

	for (uint64_t *p = sp; p < (uint64_t *)g; p++)
		*p = id;
	sp[2] = 0x1000 + id;
	*g = (struct fake_g){
		.sp = fake_addr(f, sp),
		.id = id,
		.stack_lo = lo,
		.stack_hi = fake_addr(f, g),
		.wait_reason = GORO_WAIT_CHAN_RECV,
	};
	*fake_word(f, chunk, slot) = 7 << 8 | GORO_ABI_WAITING;
	return g;
}

void
fake_abi(struct fake *f, struct gt_abi *abi)
{
	struct gt_error *err = gt_abi_find(&f->target, abi);

	if (err)
		fail_msg("%s", err->text);
}
