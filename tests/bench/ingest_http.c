/*
 * ingest_http PORT TOKEN KIND BATCHES PROJECT:DEVICE... - posts so many
 * batches of changes to each project, one connection and one batch in flight
 * each, as agents do.  Prints the seconds from the first byte to the last
 * answer.  The bodies are made before that, and what is to be renamed is
 * posted before.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/proto/batch.h"
#include "tests/bench/load.h"

#define BODY_MAX (4 * 1024 * 1024)
#define ANSWER_MAX (1024 * 1024) /* bytes of an answer */

/* One sender. */
struct sender {
	pthread_t thread;
	const char *project;
	const char *device;
	uint64_t first; /* its first change */
	int fd;
	struct vs_buf *requests; /* with their headers */
	char *answer; /* ANSWER_MAX */
};

/* What all senders share. */
static struct {
	int port;
	const char *token;
	enum load_kind kind;
	int before; /* batches that are not measured */
	int batches; /* all */
	pthread_barrier_t start;
} all;

static void make_request(struct sender *s, int i)
{
	struct vs_batch_id id = { .counter = i + 1 };
	bool early = i < all.before;
	uint64_t n =
	    s->first + (uint64_t)(early ? i : i - all.before) * LOAD_BATCH;
	struct load_row row;
	struct vs_buf body;

	snprintf(id.epoch, sizeof(id.epoch), "%s", s->device);
	vs_buf_init(&body, BODY_MAX);
	vs_batch_open(&body, s->device, &id);
	for (int k = 0; k < LOAD_BATCH; k++) {
		load_row(&row, early ? LOAD_GROWING : all.kind, n++);
		vs_batch_put(&body, k == 0, &row.c);
	}
	vs_batch_shut(&body);
	vs_buf_init(&s->requests[i], BODY_MAX);
	vs_buf_addf(&s->requests[i],
	    "POST /api/projects/%s/files/update HTTP/1.1\r\n"
	    "Host: localhost\r\nAuthorization: Bearer %s\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
	    s->project, all.token, body.len);
	vs_buf_add(&s->requests[i], body.data, body.len);
	if (vs_buf_error(&s->requests[i]) != VS_OK)
		load_die("a batch", "does not fit");
	vs_buf_release(&body);
}

static void call_server(struct sender *s)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)all.port) };
	int one = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		load_die("connect", "no server");
	(void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* Bytes of the whole answer, once its head is there; else 0. */
static size_t answer_size(const char *answer)
{
	const char *end = strstr(answer, "\r\n\r\n");
	const char *len = strcasestr(answer, "\r\ncontent-length:");

	if (end == NULL)
		return 0;
	if (len == NULL || strncmp(answer, "HTTP/1.1 200", 12) != 0)
		load_die("the server answered", answer);
	return (size_t)(end + 4 - answer) + (size_t)strtoul(len + 17, NULL, 10);
}

static void read_answer(struct sender *s)
{
	size_t have = 0, want = 0;

	while (want == 0 || have < want) {
		ssize_t n =
		    read(s->fd, s->answer + have, ANSWER_MAX - 1 - have);

		if (n <= 0)
			load_die("read", "the server hung up");
		have += (size_t)n;
		s->answer[have] = '\0';
		if (want == 0)
			want = answer_size(s->answer);
	}
	if (strstr(s->answer, "\"synced\":500,\"total\":500,") == NULL)
		load_die("not all were taken", s->answer);
}

static void post(struct sender *s, const struct vs_buf *b)
{
	size_t at = 0;

	while (at < b->len) {
		ssize_t n = write(s->fd, b->data + at, b->len - at);

		if (n <= 0)
			load_die("write", "the server hung up");
		at += (size_t)n;
	}
	read_answer(s);
}

static void *run(void *arg)
{
	struct sender *s = arg;

	for (int i = 0; i < all.batches; i++)
		make_request(s, i);
	call_server(s);
	for (int i = 0; i < all.before; i++)
		post(s, &s->requests[i]);
	pthread_barrier_wait(&all.start);
	for (int i = all.before; i < all.batches; i++)
		post(s, &s->requests[i]);
	close(s->fd);
	return NULL;
}

static void init_sender(struct sender *s, char *name, int number)
{
	char *colon = strchr(name, ':');

	if (colon == NULL)
		load_die(name, "not PROJECT:DEVICE");
	*colon = '\0';
	s->project = name;
	s->device = colon + 1;
	s->first = (uint64_t)number * (uint64_t)all.batches * LOAD_BATCH;
	s->requests = calloc((size_t)all.batches, sizeof(*s->requests));
	s->answer = malloc(ANSWER_MAX);
	if (s->requests == NULL || s->answer == NULL)
		load_die("a sender", "out of memory");
}

int main(int argc, char **argv)
{
	struct sender *senders;
	double start;
	int n = argc - 5;

	if (n < 1)
		load_die("usage",
		    "ingest_http PORT TOKEN KIND BATCHES PROJECT:DEVICE...");
	all.port = (int)strtol(argv[1], NULL, 10);
	all.token = argv[2];
	all.kind = load_kind_parse(argv[3]);
	all.batches = (int)strtol(argv[4], NULL, 10);
	if (all.kind == LOAD_RENAME) {
		all.before = all.batches / 2;
		all.batches += all.before;
	}
	senders = calloc((size_t)n, sizeof(*senders));
	if (senders == NULL || all.batches < 1)
		load_die("senders", "none");
	pthread_barrier_init(&all.start, NULL, (unsigned)n + 1);
	for (int i = 0; i < n; i++) {
		init_sender(&senders[i], argv[5 + i], i);
		pthread_create(&senders[i].thread, NULL, run, &senders[i]);
	}
	pthread_barrier_wait(&all.start);
	start = load_now();
	for (int i = 0; i < n; i++)
		pthread_join(senders[i].thread, NULL);
	printf("%.6f\n", load_now() - start);
	return 0;
}
