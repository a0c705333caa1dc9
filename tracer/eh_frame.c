// SPDX-License-Identifier: MIT
/*
 * eh_frame.c - unwind information in files that have no index of it
 *
 * libdw splits the section into its entries; what is left to do is to decode
 * the two addresses of an FDE, in the encoding that its CIE gives.
 */
#include "eh_frame.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <string.h>

struct section {
	const unsigned char *ident;
	Elf_Data *data;
	uint64_t addr;
};

static bool
find_section(Elf *elf, struct section *s)
{
	size_t names;
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;

	if (elf_getshdrstrndx(elf, &names) < 0)
		return false;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name = NULL;

		if (gelf_getshdr(scn, &shdr))
			name = elf_strptr(elf, names, shdr.sh_name);
		if (name && strcmp(name, ".eh_frame") == 0)
			break;
	}
	if (!scn || shdr.sh_type == SHT_NOBITS)
		return false;
	s->ident = (const unsigned char *)elf_getident(elf, NULL);
	s->data = elf_getdata(scn, NULL);
	s->addr = shdr.sh_addr;
	return s->ident && s->data && s->data->d_buf;
}

static unsigned
encoded_bytes(uint8_t encoding)
{
	switch (encoding & 7) {
	case DW_EH_PE_udata2:
		return 2;
	case DW_EH_PE_udata4:
		return 4;
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
		return 8;
	default: /* of variable length: nobody writes addresses so */
		return 0;
	}
}

/* How a CIE says that the addresses of its FDEs are encoded. */
static bool
address_encoding(const Dwarf_CIE *cie, uint8_t *ret)
{
	const uint8_t *data = cie->augmentation_data;
	const uint8_t *end = data + cie->augmentation_data_size;

	*ret = DW_EH_PE_absptr;
	if (cie->augmentation[0] != 'z')
		return cie->augmentation[0] == '\0';
	for (const char *c = cie->augmentation + 1; *c && data < end; c++) {
		if (*c == 'R') {
			*ret = *data;
			return true;
		}
		if (*c == 'P')
			data += 1 + encoded_bytes(*data);
		else if (*c == 'L')
			data++;
		else if (*c != 'S' && *c != 'B') /* those have no data */
			return false;
	}
	return true;
}

/* A value of up to eight bytes at *p; @p moves behind it. */
static bool
take(const uint8_t **p, const uint8_t *end, uint8_t encoding, uint64_t *ret)
{
	unsigned bytes = encoded_bytes(encoding);
	uint64_t value = 0;

	if (!bytes || (size_t)(end - *p) < bytes)
		return false;
	memcpy(&value, *p, bytes);
	if (encoding & DW_EH_PE_signed && bytes < 8 && value >> (bytes * 8 - 1))
		value |= ~UINT64_C(0) << (bytes * 8);
	*p += bytes;
	*ret = value;
	return true;
}

/* The range of addresses that an FDE is for. */
static bool
decode(const struct section *s, const Dwarf_FDE *fde, uint64_t *start,
       uint64_t *bytes)
{
	Dwarf_CFI_Entry cie;
	Dwarf_Off next;
	uint8_t encoding;
	const uint8_t *p = fde->start;

	if (dwarf_next_cfi(s->ident, s->data, true, fde->CIE_pointer, &next,
			   &cie) != 0 ||
	    !dwarf_cfi_cie_p(&cie) || !address_encoding(&cie.cie, &encoding) ||
	    !take(&p, fde->end, encoding, start) ||
	    !take(&p, fde->end, encoding & 7, bytes))
		return false;
	if ((encoding & 0x70) == DW_EH_PE_pcrel)
		*start += s->addr +
			  (fde->start - (const uint8_t *)s->data->d_buf);
	else if (encoding & 0x70)
		return false;
	return true;
}

bool
gt_eh_frame_find(Elf *elf, uint64_t addr, uint64_t *ret_start,
		 uint64_t *ret_fde)
{
	struct section s;
	Dwarf_Off at = 0, next;

	if (!find_section(elf, &s))
		return false;
	for (;; at = next) {
		Dwarf_CFI_Entry entry;
		uint64_t start, bytes;
		int rc = dwarf_next_cfi(s.ident, s.data, true, at, &next,
					&entry);

		if (rc > 0 || next <= at)
			return false;
		if (rc < 0 || dwarf_cfi_cie_p(&entry) ||
		    !decode(&s, &entry.fde, &start, &bytes) || addr < start ||
		    addr - start >= bytes)
			continue;
		*ret_start = start;
		*ret_fde = s.addr + at;
		return true;
	}
}
