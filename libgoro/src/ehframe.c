// SPDX-License-Identifier: MIT
/*
 * ehframe.c - finding a PC's entry in the compiler's unwind tables
 */
#include "ehframe.h"

#include "arch/regs.h"

/* How an address is written: its size, what it counts from, and whether it is
 * the address of the address. */
enum {
	EH_omit = 0xff,
	EH_format = 0x0f,
	EH_absptr = 0x00,
	EH_uleb = 0x01,
	EH_udata2 = 0x02,
	EH_udata4 = 0x03,
	EH_udata8 = 0x04,
	EH_sleb = 0x09,
	EH_sdata2 = 0x0a,
	EH_sdata4 = 0x0b,
	EH_sdata8 = 0x0c,
	EH_base = 0x70,
	EH_pcrel = 0x10,
	EH_datarel = 0x30,
	EH_indirect = 0x80,
};

/* Whatever is mapped at r->p is mapped from the beginning of its page. */
bool
gr_window_fill(const struct gr_reader *r, size_t n)
{
	struct gr_window *w = r->window;

	w->at = r->p & ~(uintptr_t)(GR_WINDOW_BYTES - 1);
	if (r->p + n > w->at + GR_WINDOW_BYTES)
		w->at = r->p;
	w->n = w->hi - w->at < GR_WINDOW_BYTES ? w->hi - w->at :
						 GR_WINDOW_BYTES;
	if (r->p - w->at + n <= w->n && gr_peek(w->bytes, w->at, w->n))
		return true;
	w->n = 0;
	return false;
}

static uint64_t
take_leb(struct gr_reader *r, unsigned *ret_bits)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = (uint8_t)gr_take(r, 1);
		if (shift < 64)
			v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	*ret_bits = shift;
	return v;
}

uint64_t
gr_take_uleb(struct gr_reader *r)
{
	unsigned bits;

	return take_leb(r, &bits);
}

int64_t
gr_take_sleb(struct gr_reader *r)
{
	unsigned bits;
	uint64_t v = take_leb(r, &bits);

	if (bits < 64 && v >> (bits - 1) & 1)
		v |= -((uint64_t)1 << bits);
	return (int64_t)v;
}

/*
 * A pointer in one of the encodings. @data is what datarel counts from, 0
 * where that is not defined.
 */
uintptr_t
gr_take_pointer(struct gr_reader *r, const struct gr_module *m,
		uint8_t encoding, uintptr_t data)
{
	uintptr_t at = r->p, v = 0;

	switch (encoding & EH_format) {
	case EH_absptr:
	case EH_udata8:
	case EH_sdata8:
		v = gr_take(r, 8);
		break;
	case EH_uleb:
		v = gr_take_uleb(r);
		break;
	case EH_udata2:
		v = gr_take(r, 2);
		break;
	case EH_udata4:
		v = gr_take(r, 4);
		break;
	case EH_sleb:
		v = (uintptr_t)gr_take_sleb(r);
		break;
	case EH_sdata2:
		v = (uintptr_t)(int16_t)gr_take(r, 2);
		break;
	case EH_sdata4:
		v = (uintptr_t)(int32_t)gr_take(r, 4);
		break;
	default:
		r->bad = true;
	}
	switch (encoding & EH_base) {
	case 0:
		break;
	case EH_pcrel:
		v += at;
		break;
	case EH_datarel:
		v += data;
		r->bad |= !data;
		break;
	default:
		r->bad = true;
	}
	if (encoding & EH_indirect) {
		struct gr_reader there = { v, m->eh_hi, r->window, false };

		if (v < m->eh_lo || v > m->eh_hi) {
			r->bad = true;
			return 0;
		}
		v = gr_take(&there, 8);
		r->bad |= there.bad;
	}
	return v;
}

/* Open the entry at @at. False at the end of the table, too. */
static bool
entry_open(const struct gr_module *m, struct gr_window *w, uintptr_t at,
	   struct gr_reader *ret)
{
	struct gr_reader r = { at, m->eh_hi, w, false };
	uint64_t bytes;

	if (at < m->eh_lo || at >= m->eh_hi)
		return false;
	/* All ones would announce 64-bit lengths; .eh_frame has none. */
	bytes = gr_take(&r, 4);
	if (r.bad || !bytes || bytes > r.end - r.p)
		return false;
	r.end = r.p + bytes;
	*ret = r;
	return true;
}

/* What the letters of the augmentation announce; false: one is unknown. */
static bool
augmentation(struct gr_reader *r, const struct gr_module *m,
	     struct gr_reader letters, struct gr_cie *ret)
{
	char letter = (char)gr_take(&letters, 1);
	struct gr_reader data;
	uint64_t bytes;

	if (!letter)
		return true;
	if (letter != 'z')
		return false;
	bytes = gr_take_uleb(r);
	data = *r;
	gr_skip(r, bytes);
	data.end = r->p;
	ret->augmented = true;
	while ((letter = (char)gr_take(&letters, 1))) {
		uint8_t encoding;

		switch (letter) {
		case 'R':
			ret->encoding = (uint8_t)gr_take(&data, 1);
			break;
		case 'S':
			ret->signal = true;
			break;
		case 'L':
			gr_take(&data, 1);
			break;
		case 'P':
			/* The address is not ours to look at. */
			encoding = (uint8_t)gr_take(&data, 1);
			gr_take_pointer(&data, m, encoding & EH_format, 0);
			break;
		default:
			return false;
		}
	}
	return !data.bad;
}

static bool
cie_parse(const struct gr_module *m, struct gr_window *w, uintptr_t at,
	  struct gr_cie *ret)
{
	struct gr_reader r, letters;
	unsigned version;

	if (ret->at == at)
		return true;
	memset(ret, 0, sizeof(*ret));
	ret->encoding = EH_absptr;
	if (!entry_open(m, w, at, &r) || gr_take(&r, 4) != 0)
		return false;
	version = (unsigned)gr_take(&r, 1);
	letters = r;
	while (gr_take(&r, 1))
		;
	if (r.bad || (version != 1 && version != 3))
		return false;
	ret->code_align = gr_take_uleb(&r);
	ret->data_align = gr_take_sleb(&r);
	if ((version == 1 ? gr_take(&r, 1) : gr_take_uleb(&r)) != GR_REG_PC)
		return false;
	if (!augmentation(&r, m, letters, ret) || r.bad)
		return false;
	ret->program = r;
	ret->at = at;
	return true;
}

/*
 * Parse the entry at @at. False when it is no FDE, or not a good one;
 * ret->next is then set if the table goes on, else 0.
 */
static bool
fde_parse(const struct gr_module *m, struct gr_window *w, uintptr_t at,
	  struct gr_fde *ret)
{
	struct gr_reader r;
	uintptr_t id_at;
	uint64_t distance;

	ret->next = 0;
	if (!entry_open(m, w, at, &r))
		return false;
	ret->next = r.end;
	id_at = r.p;
	distance = gr_take(&r, 4);
	if (!distance || distance > id_at ||
	    !cie_parse(m, w, id_at - distance, &ret->cie))
		return false;
	ret->start = gr_take_pointer(&r, m, ret->cie.encoding, 0);
	ret->end = ret->start +
		   gr_take_pointer(&r, m, ret->cie.encoding & EH_format, 0);
	if (ret->cie.augmented)
		gr_skip(&r, gr_take_uleb(&r));
	ret->program = r;
	return !r.bad;
}

/* Without a usable index: entry by entry. Slow; rows are cached. */
static bool
fde_scan(const struct gr_module *m, struct gr_window *w, uintptr_t at,
	 uintptr_t pc, struct gr_fde *ret)
{
	ret->cie.at = 0;
	do {
		if (fde_parse(m, w, at, ret) && pc >= ret->start &&
		    pc < ret->end)
			return true;
		at = ret->next;
	} while (at);
	return false;
}

/* The entry of the function that holds @pc. False: there is none. */
bool
gr_fde_find(const struct gr_module *m, struct gr_window *w, uintptr_t pc,
	    struct gr_fde *ret)
{
	struct gr_reader r = { m->eh_hdr, m->eh_hi, w, false }, index;
	uint8_t eh_frame_encoding, n_encoding, table_encoding;
	uintptr_t eh_frame;
	uint64_t lo = 0, hi;
	int64_t want = (int64_t)(pc - m->eh_hdr);

	if (!m->eh_lo)
		return false;
	w->hi = m->eh_hi;
	w->stays = m->stays;
	w->n = 0;
	if (!m->eh_hdr)
		return fde_scan(m, w, m->eh_frame, pc, ret);
	if (gr_take(&r, 1) != 1)
		return false;
	eh_frame_encoding = (uint8_t)gr_take(&r, 1);
	n_encoding = (uint8_t)gr_take(&r, 1);
	table_encoding = (uint8_t)gr_take(&r, 1);
	eh_frame = gr_take_pointer(&r, m, eh_frame_encoding, m->eh_hdr);
	if (n_encoding == EH_omit || table_encoding != (EH_datarel | EH_sdata4))
		return !r.bad && fde_scan(m, w, eh_frame, pc, ret);
	hi = gr_take_pointer(&r, m, n_encoding, m->eh_hdr);
	if (r.bad || hi > (r.end - r.p) / 8)
		return false;

	/* The index: pairs of text address and FDE, by ascending address.
	 * Find the first past @pc; the one before it is ours. */
	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;

		index = r;
		index.p += mid * 8;
		if ((int32_t)gr_take(&index, 4) <= want)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return false;
	r.p += (lo - 1) * 8 + 4;
	ret->cie.at = 0;
	return fde_parse(m, w, m->eh_hdr + (uintptr_t)(int32_t)gr_take(&r, 4),
			 ret) &&
	       pc >= ret->start && pc < ret->end;
}
