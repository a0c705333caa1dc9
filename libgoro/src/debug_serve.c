// SPDX-License-Identifier: MIT
/*
 * debug_serve.c - goro_debug_serve(): a small HTTP server on its own thread
 *
 * Idea       One thread, poll(), and a record for each client: it answers
 *            while all workers are stuck, and whatever a client does or does
 *            not do costs others nothing but the time that a profile takes.
 *            One request a connection, then it is closed: who scrapes every
 *            few seconds loses nothing by that, and there is no second
 *            request to get wrong.
 * Lost       A library: libgoro links libc alone, and what we need of HTTP is
 *            two methods, a path and a length. Goroutines: they would stand
 *            still with the workers.
 * Bounds     CLIENTS at a time: descriptors are the program's. The next wait
 *            in the kernel's queue, but not for one that has said nothing
 *            whole for SILENT_MS. A request has REQUEST bytes and comes within
 *            SLOW_MS; then SLOW_MS without a byte taken of the answer, or
 *            anything sent while a profile lasts, is the end of it.
 * Trust      Who connects over TCP may be any user of this machine, or a web
 *            page in a browser on it: so only loopback addresses are served,
 *            and only a Host that means this machine. A Unix socket is for
 *            its owner.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "debug_page.h"
#include "goro/goro.h"
#include "goro/profile.h"
#include "idle.h"
#include "runtime.h"
#include "sched.h"

enum {
	CLIENTS = 128,
	REQUEST = 64 << 10,
	FIRST_READ = 2048,
	SLOW_MS = 10000,
	SILENT_MS = 1000,
	BACKLOG = 1024,
	STACK_BYTES = 512 << 10,
	NO_FD_MS = 100, /* out of descriptors: try again */
};

enum phase { READING, LASTING, WRITING, OVER };

struct client {
	int fd;
	enum phase phase;
	int64_t since_ns; /* when it came */
	int64_t until_ns; /* then it is too slow; of LASTING: the next tick */
	char *request;    /* malloc'ed, a NUL behind it */
	size_t n, room, body;
	struct gr_page page;
	struct gr_pb head; /* of the answer */
	size_t sent;
	bool head_only;
};

struct server {
	int fd;
	bool local; /* a Unix socket */
	size_t n;
	struct client *client[CLIENTS];
	struct pollfd poll[CLIENTS + 1];
};

static int64_t
in_ms(int64_t ms)
{
	return gr_now_ns() + ms * 1000000;
}

/* --- The answer ------------------------------------------------------------- */

static const char *
status_text(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 413:
		return "Content Too Large";
	default:
		return "Internal Server Error";
	}
}

/* The page is whole: send it. */
static void
answer(struct client *c)
{
	const struct gr_page *pg = &c->page;
	struct gr_pb *to = &c->head;

	gr_pb_printf(to,
		     "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n"
		     "Content-Length: %zu\r\nConnection: close\r\n"
		     "X-Content-Type-Options: nosniff\r\n"
		     "Cache-Control: no-store\r\n",
		     pg->status, status_text(pg->status), pg->type, pg->text.n);
	if (pg->complaint)
		gr_pb_printf(to, "X-Go-Pprof: 1\r\n");
	else if (*pg->file)
		gr_pb_printf(to,
			     "Content-Disposition: attachment; "
			     "filename=\"%s\"\r\n",
			     pg->file);
	gr_pb_printf(to, "\r\n");
	if (!c->head_only)
		gr_pb_raw(to, pg->text.bytes, pg->text.n);
	c->phase = to->failed ? OVER : WRITING;
	c->until_ns = in_ms(SLOW_MS);
}

static void
refuse(struct client *c, int status, const char *text)
{
	c->page.status = status;
	c->page.type = "text/plain; charset=utf-8";
	gr_pb_printf(&c->page.text, "%s\n", text);
	answer(c);
}

/* --- The request ------------------------------------------------------------ */

/* The value of a header, or NULL; lines end with "\r\n" or "\n". */
static const char *
header(const char *request, const char *name)
{
	const char *line = strchr(request, '\n');
	size_t n = strlen(name);

	for (; line && line[1] != '\r' && line[1] != '\n';
	     line = strchr(line + 1, '\n'))
		if (!strncasecmp(line + 1, name, n) && line[1 + n] == ':') {
			line += n + 2;
			return line + strspn(line, " \t");
		}
	return NULL;
}

/* Does a Host mean this machine? A page from elsewhere whose name somebody
 * has pointed at 127.0.0.1 comes with that name. */
static bool
is_loopback_name(const char *host)
{
	size_t n = strcspn(host, " \t\r\n");

	if (*host == '[')
		return !strncmp(host, "[::1]", 5);
	n = strcspn(host, ": \t\r\n") < n ? strcspn(host, ": \t\r\n") : n;
	if (n == 9 && !strncasecmp(host, "localhost", 9))
		return true;
	return !strncmp(host, "127.", 4) && strspn(host, "0123456789.") == n;
}

/* Where the body begins, or 0: the head is not whole yet. */
static size_t
head_bytes(const char *request)
{
	const char *a = strstr(request, "\r\n\r\n"), *b = strstr(request, "\n"
									  "\n");

	if (a && (!b || a < b))
		return (size_t)(a - request) + 4;
	return b ? (size_t)(b - request) + 2 : 0;
}

/* Cut "METHOD /path?query HTTP/1.1" into its parts. */
static bool
parse_line(struct client *c, const char **ret_method)
{
	char *line = c->request, *path, *end, *query;

	line[strcspn(line, "\r\n")] = '\0';
	path = strchr(line, ' ');
	end = path ? strchr(path + 1, ' ') : NULL;
	if (!end || strncmp(end + 1, "HTTP/1.", 7) || path[1] != '/')
		return false;
	*path++ = *end = '\0';
	query = strchr(path, '?');
	if (query)
		*query++ = '\0';
	*ret_method = line;
	c->page.path = path;
	c->page.query = query ? query : "";
	return true;
}

/* The request is whole. */
static void
serve(const struct server *s, struct client *c)
{
	const char *host = header(c->request, "Host"), *method;
	bool local = s->local || !host || is_loopback_name(host);

	if (!parse_line(c, &method)) {
		refuse(c, 400, "400 Bad Request");
		return;
	}
	if (!local) {
		refuse(c, 403, "403 Forbidden: not the name of this machine");
		return;
	}
	if (!strcmp(method, "POST")) {
		c->page.body = c->request + c->body;
	} else if (strcmp(method, "GET") && strcmp(method, "HEAD")) {
		refuse(c, 405, "405 Method Not Allowed");
		return;
	}
	c->head_only = !strcmp(method, "HEAD");
	gr_page_open(&c->page);
	if (!c->page.lasts) {
		answer(c);
		return;
	}
	c->phase = LASTING;
	c->until_ns = gr_page_tick(&c->page);
}

/* Is it all there? Then serve it. */
static void
look_at_request(const struct server *s, struct client *c)
{
	const char *length;
	char *end;
	unsigned long n = 0;

	/* A NUL within would hide the rest. */
	if (memchr(c->request, 0, c->n)) {
		refuse(c, 400, "400 Bad Request");
		return;
	}
	if (!c->body)
		c->body = head_bytes(c->request);
	if (!c->body)
		return;
	length = header(c->request, "Content-Length");
	if (length) {
		errno = 0;
		n = strtoul(length, &end, 10);
		if (!isdigit((unsigned char)*length) || errno) {
			refuse(c, 400, "400 Bad Request");
			return;
		}
	}
	if (n >= REQUEST - c->body)
		refuse(c, 413, "413 Content Too Large");
	else if (c->n >= c->body + n)
		serve(s, c);
}

static bool
make_room(struct client *c)
{
	size_t room = c->room ? 2 * c->room : FIRST_READ;
	char *more;

	if (c->n + 1 < c->room)
		return true;
	more = realloc(c->request, room);
	if (!more)
		return false;
	c->request = more;
	c->room = room;
	return true;
}

static void
read_some(const struct server *s, struct client *c)
{
	ssize_t n;

	if (c->n >= REQUEST) {
		refuse(c, 413, "413 Content Too Large");
		return;
	}
	if (!make_room(c)) {
		c->phase = OVER;
		return;
	}
	n = recv(c->fd, c->request + c->n, c->room - c->n - 1, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		c->phase = OVER;
		return;
	}
	c->n += (size_t)n;
	c->request[c->n] = '\0';
	look_at_request(s, c);
}

static void
write_some(struct client *c)
{
	ssize_t n = send(c->fd, c->head.bytes + c->sent, c->head.n - c->sent,
			 MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		c->phase = OVER;
		return;
	}
	c->sent += (size_t)n;
	c->until_ns = in_ms(SLOW_MS);
	if (c->sent == c->head.n)
		c->phase = OVER;
}

/* While a profile lasts a client has nothing to say; it is gone, or noise. */
static void
gone_meanwhile(struct client *c)
{
	char byte;
	ssize_t n = recv(c->fd, &byte, 1, MSG_DONTWAIT);

	if (n >= 0 || (errno != EAGAIN && errno != EINTR))
		c->phase = OVER;
}

/* --- Clients ------------------------------------------------------------------ */

static void
client_free(struct client *c)
{
	gr_page_drop(&c->page);
	gr_pb_fini(&c->head);
	free(c->request);
	/* What we have not read would make the kernel take back the answer. */
	shutdown(c->fd, SHUT_WR);
	for (char rest[4096];
	     recv(c->fd, rest, sizeof(rest), MSG_DONTWAIT) > 0;)
		;
	close(c->fd);
	free(c);
}

static void
step(const struct server *s, struct client *c, short revents)
{
	int64_t now_ns = gr_now_ns();

	if (c->phase == READING && revents)
		read_some(s, c);
	else if (c->phase == WRITING && revents)
		write_some(c);
	else if (c->phase == LASTING && revents)
		gone_meanwhile(c);
	else if (c->phase != LASTING && now_ns >= c->until_ns)
		c->phase = OVER;
	if (c->phase != LASTING || now_ns < c->until_ns)
		return;
	if (now_ns < c->page.until_ns) {
		c->until_ns = gr_page_tick(&c->page);
		return;
	}
	gr_page_close(&c->page);
	answer(c);
}

/* Who has waited longest to say what it wants, or NULL. */
static struct client *
most_silent(const struct server *s)
{
	struct client *found = NULL;

	for (size_t i = 0; i < s->n; i++)
		if (s->client[i]->phase == READING &&
		    (!found || s->client[i]->since_ns < found->since_ns))
			found = s->client[i];
	return found;
}

/* When there will be room for one more: now is 0. */
static int64_t
room_ns(const struct server *s)
{
	const struct client *c;

	if (s->n < CLIENTS)
		return 0;
	c = most_silent(s);
	return c ? c->since_ns + SILENT_MS * 1000000ll : INT64_MAX;
}

static void
drop_those_over(struct server *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->client[i]->phase == OVER)
			client_free(s->client[i]);
		else
			s->client[kept++] = s->client[i];
	s->n = kept;
}

/* Take who waits at the door; false: there is no descriptor for it. */
static bool
let_in(struct server *s)
{
	while (room_ns(s) <= gr_now_ns()) {
		struct client *c;
		int fd = accept4(s->fd, NULL, NULL,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return errno == EAGAIN || errno == EINTR ||
			       errno == ECONNABORTED;
		if (s->n == CLIENTS) {
			most_silent(s)->phase = OVER;
			drop_those_over(s);
		}
		c = calloc(1, sizeof(*c));
		if (!c) {
			close(fd);
			return false;
		}
		c->fd = fd;
		c->since_ns = gr_now_ns();
		c->until_ns = in_ms(SLOW_MS);
		s->client[s->n++] = c;
	}
	return true;
}

/* Fill in whom to wait for; returns for how long, in ms. @door  somebody may
 * be let in, if there is room */
static int
prepare(struct server *s, bool door)
{
	int64_t now_ns = gr_now_ns(), room = room_ns(s);
	int64_t first_ns = room > now_ns ? room : INT64_MAX;

	for (size_t i = 0; i < s->n; i++) {
		const struct client *c = s->client[i];

		s->poll[i] = (struct pollfd){
			c->fd, c->phase == WRITING ? POLLOUT : POLLIN, 0
		};
		first_ns = GR_MIN(first_ns, c->until_ns);
	}
	s->poll[s->n] = (struct pollfd){ door && room <= now_ns ? s->fd : -1,
					 POLLIN, 0 };
	if (!door)
		first_ns = GR_MIN(first_ns, in_ms(NO_FD_MS));
	if (first_ns == INT64_MAX)
		return -1;
	return first_ns <= now_ns ? 0 :
				    (int)((first_ns - now_ns) / 1000000) + 1;
}

static void *
server_main(void *arg)
{
	struct server *s = arg;
	bool door = true;

	prctl(PR_SET_NAME, "goro-debug");
	for (;;) {
		int ms = prepare(s, door);
		size_t n = s->n;

		poll(s->poll, n + 1, ms);
		for (size_t i = 0; i < n; i++)
			step(s, s->client[i], s->poll[i].revents);
		drop_those_over(s);
		door = let_in(s);
	}
	return NULL;
}

/* --- Starting ------------------------------------------------------------------ */

/* Left by a process that is no more? Then away with it. */
static void
remove_stale(const struct sockaddr_un *at, socklen_t bytes)
{
	struct stat st;
	int fd;

	if (lstat(at->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)at, bytes) &&
	    errno == ECONNREFUSED)
		unlink(at->sun_path);
	close(fd);
}

static int
open_local(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd;

	if (!*path)
		return -EINVAL;
	if (strlen(path) >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	strcpy(at.sun_path, path);
	remove_stale(&at, sizeof(at));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Nobody can connect before it listens; then only the owner. */
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || chmod(path, 0600) ||
	    listen(fd, BACKLOG)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

static int
listen_on(const struct sockaddr *at, socklen_t bytes)
{
	int on = 1, err;
	int fd = socket(at->sa_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, at, bytes) && !listen(fd, BACKLOG))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* "127.0.0.1:6060", "localhost:6060", "[::1]:6060". Names are not looked up:
 * what they would stand for is another machine. */
static int
open_tcp(const char *address)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	const char *colon = strrchr(address, ':');
	char host[64] = "", *end;
	unsigned long port;

	if (!colon || !isdigit((unsigned char)colon[1]) ||
	    (size_t)(colon - address) >= sizeof(host))
		return -EINVAL;
	port = strtoul(colon + 1, &end, 10);
	if (*end || port > UINT16_MAX)
		return -EINVAL;
	memcpy(host, address, (size_t)(colon - address));
	in.sin_port = in6.sin6_port = htons((uint16_t)port);
	if (!strcmp(host, "localhost"))
		strcpy(host, "127.0.0.1");
	if (inet_pton(AF_INET, host, &in.sin_addr) == 1)
		return ntohl(in.sin_addr.s_addr) >> 24 != 127 ?
			       -EACCES :
			       listen_on((struct sockaddr *)&in, sizeof(in));
	end = strchr(host, ']');
	if (host[0] != '[' || !end || end[1])
		return -EINVAL;
	*end = '\0';
	if (inet_pton(AF_INET6, host + 1, &in6.sin6_addr) != 1)
		return -EINVAL;
	return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) ?
		       listen_on((struct sockaddr *)&in6, sizeof(in6)) :
		       -EACCES;
}

static int
start(struct server *s)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;
	int err;

	/* Signals are for others; a blocked fault would be the end. */
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGFPE);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	gr_add_rlx(&gr_service_threads, 1); /* [pair service-threads] */
	err = pthread_create(&thread, &attr, server_main, s);
	if (err)
		gr_add_rlx(&gr_service_threads, -1);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}

int
goro_debug_serve(const char *address)
{
	struct server *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->local = !strncmp(address, "unix:", 5);
	s->fd = s->local ? open_local(address + 5) : open_tcp(address);
	err = s->fd < 0 ? s->fd : start(s);
	if (!err)
		return 0;
	if (s->fd >= 0)
		close(s->fd);
	free(s);
	return err;
}
