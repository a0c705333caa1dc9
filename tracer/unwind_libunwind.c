// SPDX-License-Identifier: MIT
/*
 * unwind_libunwind.c - libunwind over a copied stack
 *
 * Idea       Its remote interface, with accessors of our own: the stack comes
 *            from the copy, everything else from the modules' files. So it
 *            never touches the target, and its cache stays true for a dump.
 *            (Its own _UPT accessors re-read /proc/PID/maps and take one
 *            ptrace call per word: 37 to 88 us a frame, not 0.4.)
 * Use        As the whole unwinder, and for single frames that the table
 *            refuses: a signal's, a realigned stack's.
 */
#include <libunwind.h>
#include <stdlib.h>
#include <string.h>

#include "eh_frame.h"
#include "unwind.h"

/* Exported for perf's use and ours, but in no header. */
#define dwarf_search_unwind_table UNW_OBJ(dwarf_search_unwind_table)
int dwarf_search_unwind_table(unw_addr_space_t as, unw_word_t ip,
			      unw_dyn_info_t *di, unw_proc_info_t *pi,
			      int need_unwind_info, void *arg);

/* What the accessors work on. */
struct walk {
	struct gt_unwinder *u;
	const struct gt_stack *stack;
	struct gt_regs regs;   /* the frame that the walk begins in */
	int32_t made_index[2]; /* see find_index() */
};

/* The head of .eh_frame_hdr in the one form that linkers write. */
struct eh_frame_hdr {
	uint8_t version, frame_enc, count_enc, table_enc;
	int32_t frame;
	uint32_t count;
};
enum { PCREL_SDATA4 = 0x1b, UDATA4 = 0x03, DATAREL_SDATA4 = 0x3b };

/* For a module without one, an index of one entry is made up, for the FDE that
 * is asked for, at an address where nothing else can be. */
#define MADE_INDEX UINT64_C(0xffff800000000000)

static bool
find_index(struct walk *w, Elf *elf, GElf_Addr bias, unw_word_t ip,
	   unw_dyn_info_t *di)
{
	struct eh_frame_hdr hdr;
	uint64_t start, fde;
	size_t n;

	if (elf_getphdrnum(elf, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(elf, i, &ph) || ph.p_type != PT_GNU_EH_FRAME)
			continue;
		di->u.rti.segbase = ph.p_vaddr + bias;
		if (!gt_modules_read(w->u->modules, di->u.rti.segbase, &hdr,
				     sizeof(hdr)) ||
		    hdr.version != 1 || hdr.frame_enc != PCREL_SDATA4 ||
		    hdr.count_enc != UDATA4 || hdr.table_enc != DATAREL_SDATA4)
			break;
		di->u.rti.table_data = di->u.rti.segbase + sizeof(hdr);
		di->u.rti.table_len = hdr.count;
		return true;
	}
	if (!gt_eh_frame_find(elf, ip - bias, &start, &fde))
		return false;
	w->made_index[0] = 0;
	w->made_index[1] = (int32_t)(fde - start);
	di->u.rti.segbase = start + bias;
	di->u.rti.table_data = MADE_INDEX;
	di->u.rti.table_len = 1;
	return true;
}

static int
find_proc_info(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t *pi,
	       int need, void *arg)
{
	struct walk *w = arg;
	const struct gt_module *module = gt_modules_find(w->u->modules, ip);
	Dwfl_Module *mod = dwfl_addrmodule(w->u->modules->dwfl, ip);
	GElf_Addr bias;
	Elf *elf = mod ? dwfl_module_getelf(mod, &bias) : NULL;
	unw_dyn_info_t di = { .format = UNW_INFO_FORMAT_REMOTE_TABLE };

	if (!module || !elf || !find_index(w, elf, bias, ip, &di))
		return -UNW_ENOINFO;
	di.start_ip = module->start;
	di.end_ip = module->end;
	return dwarf_search_unwind_table(as, ip, &di, pi, need, arg);
}

static void
put_unwind_info(unw_addr_space_t as, unw_proc_info_t *pi, void *arg)
{
	(void)as;
	(void)pi;
	(void)arg;
}

static int
no_dyn_info_list(unw_addr_space_t as, unw_word_t *addr, void *arg)
{
	(void)as;
	(void)addr;
	(void)arg;
	return -UNW_ENOINFO;
}

static int
access_mem(unw_addr_space_t as, unw_word_t addr, unw_word_t *value, int write,
	   void *arg)
{
	const struct walk *w = arg;
	const struct gt_stack *stack = w->stack;
	uint64_t at = addr - stack->lo;

	(void)as;
	if (write)
		return -UNW_EINVAL;
	if (at < stack->bytes && stack->bytes - at >= sizeof(*value)) {
		memcpy(value, stack->data + at, sizeof(*value));
		return 0;
	}
	if (addr == MADE_INDEX) {
		memcpy(value, w->made_index, sizeof(*value));
		return 0;
	}
	return gt_modules_read(w->u->modules, addr, value, sizeof(*value)) ?
		       0 :
		       -UNW_EINVAL;
}

/* libunwind numbers registers as DWARF does. */
static int
access_reg(unw_addr_space_t as, unw_regnum_t reg, unw_word_t *value, int write,
	   void *arg)
{
	const struct walk *w = arg;

	(void)as;
	if (write || reg < 0 || reg >= GT_REGS_MAX ||
	    !(w->regs.valid >> reg & 1))
		return -UNW_EBADREG;
	*value = w->regs.r[reg];
	return 0;
}

static int
no_fpreg(unw_addr_space_t as, unw_regnum_t reg, unw_fpreg_t *value, int write,
	 void *arg)
{
	(void)as;
	(void)reg;
	(void)value;
	(void)write;
	(void)arg;
	return -UNW_EBADREG;
}

static int
no_resume(unw_addr_space_t as, unw_cursor_t *cursor, void *arg)
{
	(void)as;
	(void)cursor;
	(void)arg;
	return -UNW_EINVAL;
}

static int
no_name(unw_addr_space_t as, unw_word_t addr, char *buf, size_t bytes,
	unw_word_t *off, void *arg)
{
	(void)as;
	(void)addr;
	(void)buf;
	(void)bytes;
	(void)off;
	(void)arg;
	return -UNW_ENOINFO;
}

static unw_accessors_t accessors = {
	.find_proc_info = find_proc_info,
	.put_unwind_info = put_unwind_info,
	.get_dyn_info_list_addr = no_dyn_info_list,
	.access_mem = access_mem,
	.access_reg = access_reg,
	.access_fpreg = no_fpreg,
	.resume = no_resume,
	.get_proc_name = no_name,
};

static bool
cursor_init(unw_cursor_t *cursor, struct walk *w, bool exact)
{
	struct gt_unwinder *u = w->u;

	if (!u->libunwind) {
		u->libunwind = unw_create_addr_space(&accessors, 0);
		if (!u->libunwind)
			return false;
		unw_set_caching_policy(u->libunwind, UNW_CACHE_GLOBAL);
	}
	/* It takes the first PC as exact, and looks rules up for it. */
	w->regs.r[GT_ARCH_PC] -= !exact;
	return unw_init_remote(cursor, u->libunwind, w) == 0;
}

void
gt_libunwind_fini(struct gt_unwinder *u)
{
	if (u->libunwind)
		unw_destroy_addr_space(u->libunwind);
	u->libunwind = NULL;
}

/*
 * One step that goes up the stack. A function that was interrupted before it
 * touched the stack has its caller's stack pointer only one word up, so "up"
 * is all there is to check. Where there are no rules for a PC, libunwind would
 * guess by frame pointers, and a guess is no answer here; its information on
 * such a PC is a function of one byte.
 */
static bool
step_up(struct gt_unwinder *u, unw_cursor_t *cursor, uint64_t *pc, bool *exact,
	bool *ret_end)
{
	unw_word_t sp_before, sp, ip;
	unw_proc_info_t rules;

	if (!gt_cfi_is_sane(u->modules, *pc - !*exact) ||
	    unw_get_reg(cursor, UNW_REG_SP, &sp_before) != 0 ||
	    unw_get_proc_info(cursor, &rules) != 0 ||
	    rules.end_ip - rules.start_ip <= 1)
		return false;
	*exact = unw_is_signal_frame(cursor) > 0;
	int rc = unw_step(cursor);
	if (rc < 0 || unw_get_reg(cursor, UNW_REG_IP, &ip) != 0)
		return false;
	if (rc == 0 || ip == 0) {
		*ret_end = ip == 0;
		return false;
	}
	if (unw_get_reg(cursor, UNW_REG_SP, &sp) != 0 || sp <= sp_before ||
	    !gt_modules_find(u->modules, ip - !*exact))
		return false;
	*pc = ip;
	return true;
}

bool
gt_libunwind_step(struct gt_unwinder *u, const struct gt_stack *stack,
		  struct gt_regs *regs, bool *exact, bool *ret_end)
{
	struct walk w = { .u = u, .stack = stack, .regs = *regs };
	uint64_t pc = regs->r[GT_ARCH_PC];
	unw_cursor_t cursor;

	if (!cursor_init(&cursor, &w, *exact) ||
	    !step_up(u, &cursor, &pc, exact, ret_end))
		return false;
	*regs = (struct gt_regs){ 0 };
	for (unsigned reg = 0; reg < GT_ARCH_REGS; reg++) {
		unw_word_t value;

		if (unw_get_reg(&cursor, reg, &value) == 0)
			gt_regs_set(regs, reg, value);
	}
	gt_regs_set(regs, GT_ARCH_PC, pc);
	return true;
}

static void
libunwind_unwind(struct gt_unwinder *u, const struct gt_stack *stack,
		 struct gt_trace *trace)
{
	struct walk w = { .u = u, .stack = stack, .regs = stack->regs };
	uint64_t pc = stack->regs.r[GT_ARCH_PC];
	bool exact = stack->exact;
	unw_cursor_t cursor;

	if (!cursor_init(&cursor, &w, exact))
		return;
	do {
		uint32_t id = gt_pctab_id(u->pcs, pc, exact);

		if (!id)
			return;
		gt_trace_push(trace, id);
	} while (step_up(u, &cursor, &pc, &exact, &trace->complete));
}

static void
libunwind_destroy(struct gt_unwinder *u)
{
	gt_libunwind_fini(u);
	free(u);
}

static const struct gt_unwinder_ops libunwind_ops = {
	.name = "libunwind",
	.unwind = libunwind_unwind,
	.destroy = libunwind_destroy,
};

struct gt_error *
gt_unwinder_libunwind(struct gt_modules *modules, struct gt_pctab *pcs,
		      struct gt_unwinder **ret)
{
	struct gt_unwinder *u = calloc(1, sizeof(*u));

	if (!u)
		return &gt_enomem;
	u->ops = &libunwind_ops;
	u->modules = modules;
	u->pcs = pcs;
	*ret = u;
	return NULL;
}
