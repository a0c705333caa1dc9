// SPDX-License-Identifier: MIT
/*
 * fds.c - what descriptors are: /proc/PID/fd, and for sockets /proc/PID/net
 */
#include "fds.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "procfs.h"

enum { NET_MAX = 64 << 20, TEXT_MAX = 160, TABLES = 4 };

/* The socket tables of the process's network namespace. */
static const struct {
	const char *file, *name;
} tables[TABLES] = {
	{ "tcp", "TCP" },
	{ "tcp6", "TCP" },
	{ "udp", "UDP" },
	{ "udp6", "UDP" },
};

struct socket {
	unsigned long inode;
	const char *line;
	const char *name; /* of its protocol */
};

struct sockets {
	struct socket *v;
	size_t n, room;
	char *texts[TABLES];
};

/* Address and port as /proc/net/tcp has them, in the host's order of words. */
static bool
parse_address(const char *hex, char *buf, size_t bytes)
{
	uint32_t words[4];
	unsigned port;
	char text[INET6_ADDRSTRLEN];
	size_t n = strcspn(hex, ":") / 8;

	if ((n != 1 && n != 4) || sscanf(hex + 8 * n, ":%x", &port) != 1)
		return false;
	for (size_t i = 0; i < n; i++)
		if (sscanf(hex + 8 * i, "%8" SCNx32, &words[i]) != 1)
			return false;
	if (!inet_ntop(n == 1 ? AF_INET : AF_INET6, words, text, sizeof(text)))
		return false;
	snprintf(buf, bytes, n == 1 ? "%s:%u" : "[%s]:%u", text, port);
	return true;
}

/* "0: 0100007F:1F90 00000000:0000 0A ... inode" */
static bool
describe_socket(const struct socket *it, char *buf)
{
	char local[64], remote[64], from[64], to[64];
	unsigned state;

	if (sscanf(it->line, "%*s %63s %63s %x", local, remote, &state) != 3 ||
	    !parse_address(local, from, sizeof(from)) ||
	    !parse_address(remote, to, sizeof(to)))
		return false;
	if (state == 10)
		snprintf(buf, TEXT_MAX, "%s %s, listening", it->name, from);
	else
		snprintf(buf, TEXT_MAX, "%s %s to %s", it->name, from, to);
	return true;
}

static int
by_inode(const void *a, const void *b)
{
	const struct socket *x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

static void
read_table(struct sockets *s, const char *text, const char *name)
{
	for (const char *line = text; line; line = strchr(line, '\n')) {
		struct socket it = { .line = line += *line == '\n' };

		it.name = name;
		if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %lu",
			   &it.inode) != 1)
			continue; /* the heading, or the end */
		if (!gt_grow((void **)&s->v, s->n, 1, &s->room, sizeof(*s->v)))
			return;
		s->v[s->n++] = it;
	}
}

static void
read_sockets(pid_t pid, struct sockets *s)
{
	for (unsigned i = 0; i < TABLES; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/net/%s", pid,
			 tables[i].file);
		s->texts[i] = gt_procfs_slurp(AT_FDCWD, path, NET_MAX);
		read_table(s, s->texts[i], tables[i].name);
	}
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), by_inode);
}

void
gt_fds_name(pid_t pid, struct gt_model *model, struct gt_objects *objects)
{
	struct sockets sockets = { 0 };
	bool read = false;

	for (size_t i = 0; i < objects->n; i++) {
		struct gt_object *o = &objects->v[i];
		char path[64], text[TEXT_MAX];
		struct socket it, *found = NULL;

		if (o->kind != GT_KIND_FD)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/fd/%" PRIu64, pid,
			 o->addr);
		ssize_t n = readlink(path, text, sizeof(text) - 1);
		if (n < 0)
			continue;
		text[n] = '\0';
		o->known = true;
		if (sscanf(text, "socket:[%lu]", &it.inode) == 1) {
			if (!read)
				read_sockets(pid, &sockets);
			read = true;
			if (sockets.n)
				found = bsearch(&it, sockets.v, sockets.n,
						sizeof(it), by_inode);
			if (found)
				describe_socket(found, text);
		}
		o->text = gt_model_string(model, text);
	}
	for (unsigned i = 0; i < TABLES; i++)
		free(sockets.texts[i]);
	free(sockets.v);
}
