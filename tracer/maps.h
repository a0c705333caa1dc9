/* SPDX-License-Identifier: MIT */
/*
 * maps.h - a target's mappings, sorted by address
 */
#ifndef GT_MAPS_H
#define GT_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum { GT_MAP_READ = 1, GT_MAP_WRITE = 2, GT_MAP_EXEC = 4 };

struct gt_map {
	uint64_t start, end;
	uint64_t offset; /* in the file */
	uint64_t inode;  /* 0: no file */
	uint32_t major, minor;
	uint32_t prot;    /* GT_MAP_* */
	const char *path; /* "" when it has no name; never NULL */
	bool deleted;     /* the file is no longer where `path` says */
};

struct gt_maps {
	struct gt_map *v;
	size_t n;
	char *text; /* what the paths point into */
};

/* Parse the text of a /proc/PID/maps file; takes @text, NUL-terminated and
 * allocated, in any case. Lines that are no mappings are skipped. */
struct gt_error *gt_maps_parse(char *text, struct gt_maps *ret);
void gt_maps_fini(struct gt_maps *maps);

/* The mapping that holds @addr, or NULL. */
const struct gt_map *gt_maps_find(const struct gt_maps *maps, uint64_t addr);

/* The end of the run of neighbours from maps->v[first] that map one file:
 * an index one past the last. */
size_t gt_maps_file_end(const struct gt_maps *maps, size_t first);

#endif
