// SPDX-License-Identifier: MIT
/*
 * maps.c - a target's mappings
 *
 * The file is not one moment: the kernel writes it page by page, and a
 * process changes its mappings meanwhile. So neighbours may overlap; what
 * matters here is only that the list is sorted, and it is made so.
 */
#include "maps.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DELETED " (deleted)"

enum { PAGE = 4096 };

/* The kernel writes a newline in a path as \012; the rest is as it is. */
static void
unescape(char *path)
{
	char *to = path;

	for (const char *from = path; *from; to++) {
		if (strncmp(from, "\\012", 4) == 0) {
			*to = '\n';
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

static bool
parse_line(char *line, struct gt_map *map)
{
	char r, w, x;
	int path_at = 0;

	if (sscanf(line,
		   "%" SCNx64 "-%" SCNx64 " %c%c%c%*c %" SCNx64 " %x:%x "
		   "%" SCNu64 " %"
		   "n",
		   &map->start, &map->end, &r, &w, &x, &map->offset,
		   &map->major, &map->minor, &map->inode, &path_at) < 9 ||
	    !path_at || map->start >= map->end)
		return false;

	char *path = line + path_at;
	size_t len = strlen(path), tail = sizeof(DELETED) - 1;

	if (len > tail && strcmp(path + len - tail, DELETED) == 0) {
		path[len - tail] = '\0';
		map->deleted = true;
	}
	unescape(path);
	map->path = path;
	map->prot = (r == 'r' ? GT_MAP_READ : 0) |
		    (w == 'w' ? GT_MAP_WRITE : 0) |
		    (x == 'x' ? GT_MAP_EXEC : 0);
	return true;
}

static int
by_start(const void *a, const void *b)
{
	const struct gt_map *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

struct gt_error *
gt_maps_parse(char *text, struct gt_maps *ret)
{
	struct gt_maps maps = { .text = text };
	size_t lines = 1;
	bool sorted = true;

	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	maps.v = calloc(lines, sizeof(*maps.v));
	if (!maps.v) {
		free(text);
		return &gt_enomem;
	}
	char *rest = text, *line;
	while ((line = strsep(&rest, "\n"))) {
		struct gt_map *map = &maps.v[maps.n];

		if (!parse_line(line, map))
			continue;
		if (maps.n && map->start < map[-1].start)
			sorted = false;
		maps.n++;
	}
	if (!sorted)
		qsort(maps.v, maps.n, sizeof(*maps.v), by_start);
	*ret = maps;
	return NULL;
}

void
gt_maps_fini(struct gt_maps *maps)
{
	free(maps->v);
	free(maps->text);
	*maps = (struct gt_maps){ 0 };
}

const struct gt_map *
gt_maps_find(const struct gt_maps *maps, uint64_t addr)
{
	size_t lo = 0, hi = maps->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (addr < maps->v[mid].start)
			hi = mid;
		else
			lo = mid + 1;
	}
	/* The last one that starts at or below @addr. */
	if (lo && addr < maps->v[lo - 1].end)
		return &maps->v[lo - 1];
	return NULL;
}

/*
 * Does a file begin anew here, beside another mapping of it? Offset 0 says so,
 * but not after a mapping of no more than the first page: linkers that do not
 * align segments in the file (lld) have several begin within it.
 */
static bool
begins_anew(const struct gt_map *map)
{
	const struct gt_map *prev = map - 1;

	return map->offset == 0 &&
	       (prev->offset > 0 || prev->end - prev->start > PAGE);
}

size_t
gt_maps_file_end(const struct gt_maps *maps, size_t first)
{
	const struct gt_map *head = &maps->v[first];
	size_t i = first + 1;

	while (i < maps->n && maps->v[i].inode == head->inode &&
	       maps->v[i].major == head->major &&
	       maps->v[i].minor == head->minor &&
	       strcmp(maps->v[i].path, head->path) == 0 &&
	       !begins_anew(&maps->v[i]))
		i++;
	return i;
}
