#include "tests/sim/worldnet.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/plainbox.h"
#include "tests/sim/world.h"

#define ROLE_MS \
	(2 * 60 * 1000) /* an answer to a batch of before comes by then */

/* A request on its way, and later its answer. */
struct packet {
	struct world *w;
	const struct world_end *end;
	uint64_t id;
	int life; /* of the engine that sent it */
	enum world_fate fate;
	bool mute; /* nobody hears the answer */
	char *method;
	char *path;
	char *body; /* or NULL */
	size_t len;
	struct engine_answer answer;
	char *text; /* of the answer */
};

static char *text_copy(const char *s, size_t len)
{
	char *out = malloc(len + 1);

	if (!out)
		abort();
	if (len)
		memcpy(out, s, len);
	out[len] = '\0';
	return out;
}

static void packet_free(struct packet *p)
{
	free(p->method);
	free(p->path);
	free(p->body);
	free(p->text);
	free(p);
}

static struct packet *packet_new(struct world *w, const struct world_end *end,
    const struct engine_send *s, enum world_fate fate)
{
	struct packet *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	p->w = w;
	p->id = s->id;
	p->end = end;
	p->life = *end->life;
	p->fate = fate;
	p->method = text_copy(s->method, strlen(s->method));
	p->path = text_copy(s->path, strlen(s->path));
	p->body = s->body ? text_copy(s->body, s->len) : NULL;
	p->len = s->len;
	p->answer.retry_after_ms = -1;
	return p;
}

const char *worldnet_fate(enum world_fate fate)
{
	static const char *const name[] = {
		[WORLD_SERVED] = "served",
		[WORLD_REQUEST_LOST] = "request lost",
		[WORLD_ANSWER_LOST] = "answer lost",
		[WORLD_DOUBLED] = "doubled",
		[WORLD_LATE] = "late",
		[WORLD_CUT] = "answer cut",
		[WORLD_HTML] = "200 HTML",
		[WORLD_BAD_GATEWAY] = "502",
		[WORLD_UNAVAILABLE] = "503",
		[WORLD_TOO_MANY] = "429",
		[WORLD_TOO_LARGE] = "413",
		[WORLD_UNAUTHORIZED] = "401",
	};

	assert(fate < WORLD_FATES);
	return name[fate];
}

static void answer_comes(void *arg, void *data, bool due)
{
	struct world *w = arg;
	struct packet *p = data;

	if (due && p->life == *p->end->life) {
		trace_add(&w->trace, world_now(w).mono_ms, "answer %d %ld %llx",
		    p->answer.code, p->answer.status,
		    (unsigned long long)trace_digest(
			p->answer.body, p->answer.len));
		p->end->answered(p->end->arg, p->id, &p->answer);
	}
	packet_free(p);
}

static void answer_send(struct packet *p, int64_t delay)
{
	if (!p->text)
		p->text = text_copy("", 0);
	p->answer.body = p->text;
	sched_add(p->w->sched, delay, WORLD_NET, answer_comes, p->w, p);
}

/* The connection failed with code. */
static void answer_broken(struct packet *p, int code, int64_t delay)
{
	free(p->text);
	p->text = NULL;
	p->answer.len = 0;
	p->answer.status = 0;
	p->answer.type = "";
	p->answer.code = code;
	p->answer.why = "no connection";
	answer_send(p, delay);
}

static int64_t net_delay(struct world *w)
{
	return (int64_t)vs_rand_below(&w->rand, (uint64_t)w->net.delay_ms + 1);
}

/* From the cloudbox: it has answered, or its connection broke. */
static void packet_answered(void *arg, void *data, int status, const char *type,
    const char *body, size_t len)
{
	struct world *w = arg;
	struct packet *p = data;

	if (p->mute) {
		packet_free(p);
		return;
	}
	if (!status) {
		answer_broken(p, VS_ENET, net_delay(w));
		return;
	}
	if (p->fate == WORLD_ANSWER_LOST) {
		answer_broken(p,
		    vs_rand_below(&w->rand, 2) ? VS_ENET : VS_ETIMEDOUT,
		    net_delay(w) + (int64_t)vs_rand_below(&w->rand, 20000));
		return;
	}
	if (p->fate == WORLD_CUT && len)
		len = (size_t)vs_rand_below(&w->rand, len);
	p->text = text_copy(body, len);
	p->answer.len = len;
	p->answer.status = status;
	p->answer.type = type;
	answer_send(p, net_delay(w));
}

static void packet_arrives(void *arg, void *data, bool due)
{
	struct world *w = arg;
	struct packet *p = data;
	struct cloudbox_call call = { .method = p->method,
		.path = p->path,
		.token = p->end->token,
		.body = p->body,
		.len = p->len,
		.done = packet_answered,
		.arg = w,
		.data = p };

	if (!due) {
		packet_free(p);
		return;
	}
	if (w->plain && p->end == &w->end && cloudbox_up(w->cloud))
		plainbox_deliver(w->plain, &call);
	else
		cloudbox_deliver(w->cloud, &call);
}

/* Something on the way answers in the cloud's place. */
static void answer_forged(struct packet *p)
{
	static const char html[] = "<html><body>Sorry</body></html>";
	static const char json[] = "{\"error\":\"later\",\"code\":\"later\"}";
	static const struct {
		long status;
		bool html;
	} form[WORLD_FATES] = {
		[WORLD_HTML] = { 200, true },
		[WORLD_BAD_GATEWAY] = { 502, true },
		[WORLD_UNAVAILABLE] = { 503, false },
		[WORLD_TOO_MANY] = { 429, false },
		[WORLD_TOO_LARGE] = { 413, true },
		[WORLD_UNAUTHORIZED] = { 401, false },
	};
	const char *text = form[p->fate].html ? html : json;

	assert(form[p->fate].status);
	p->text = text_copy(text, strlen(text));
	p->answer.len = strlen(text);
	p->answer.status = form[p->fate].status;
	p->answer.type = form[p->fate].html ? "text/html" : "application/json";
	if (p->fate == WORLD_TOO_MANY)
		p->answer.retry_after_ms =
		    (int64_t)vs_rand_below(&p->w->rand, 5000);
	answer_send(p, net_delay(p->w));
}

/* Sends the same once more, for nobody to hear the answer. */
static void packet_again(struct world *w, const struct world_end *end,
    const struct engine_send *s, int64_t within)
{
	struct packet *p = packet_new(w, end, s, WORLD_SERVED);

	p->mute = true;
	sched_add(w->sched, (int64_t)vs_rand_below(&w->rand, (uint64_t)within),
	    WORLD_NET, packet_arrives, w, p);
}

static enum world_fate fate_draw(struct world *w)
{
	if (w->net.forced > 0) {
		w->net.forced--;
		return w->net.force;
	}
	if (w->net.no_token)
		return WORLD_UNAUTHORIZED;
	if (!w->net.fault ||
	    vs_rand_below(&w->rand, 1000) >= (uint64_t)w->net.fault)
		return WORLD_SERVED;
	/* 401 comes by net.no_token only: it stops an agent for long */
	return (enum world_fate)(
	    1 + vs_rand_below(&w->rand, WORLD_UNAUTHORIZED - 1));
}

/* The number behind key in text, or -1. */
static int64_t number_in(const char *text, const char *key)
{
	const char *at = text ? strstr(text, key) : NULL;

	return at ? strtoll(at + strlen(key), NULL, 10) : -1;
}

/*
 * Who died with two batches under way offers the first, though the cloud has
 * the second: then that is what is offered next, and no other epoch begins.
 */
static bool is_overtaken(const struct world *w, const struct engine_answer *a)
{
	int64_t sent = number_in(w->batch, "\"counter\":");

	return a->status == 409 && strstr(a->body, "\"batch_gap\"") != NULL &&
	    sent >= 0 && number_in(a->body, "\"expected\":") == sent + 2;
}

/*
 * The engine would mend what these say, and so hide it: but where disks keep
 * what was synced, and no copy was put back, nobody's numbers go back.
 */
static void check_numbers(struct world *w, const struct engine_answer *a)
{
	bool overtaken = is_overtaken(w, a);
	bool back = a->status == 409 && !overtaken &&
	    (strstr(a->body, "\"stale_epoch\"") != NULL ||
		strstr(a->body, "\"batch_gap\"") != NULL);

	if (back && !w->unsettled && !w->o.rot)
		world_fail(w, "what was synced is lost: %.200s", a->body);
	w->stats.overtaken += overtaken;
	w->excused |= a->status == 409 && (!overtaken || w->unsettled);
	/* nor can it be made smaller */
	w->excused |= a->status == 413 && w->overtaken;
	w->overtaken = overtaken || (w->overtaken && a->status != 200);
	if (a->status == 200 && strstr(a->body, "\"synced\"") != NULL)
		w->unsettled = false;
}

/* What the other machine publishes is not undone by this one. */
static void check_role(struct world *w, const struct engine_answer *a)
{
	static const char key[] = "\"seq\":";
	const char *at = strstr(a->body ? a->body : "", "\"results\":[{");

	if (!w->follows || a->code < 0 || a->status != 200 || !at)
		return;
	/* a batch of before may be answered for again */
	at = strstr(at, key);
	if (at && strtoll(at + strlen(key), NULL, 10) > w->follows_seq)
		world_fail(
		    w, "a machine that does not publish did: %.200s", a->body);
}

static void engine_hears(void *arg, uint64_t id, const struct engine_answer *a)
{
	struct world *w = arg;

	if (!w->engine)
		return;
	if (a->code == VS_OK && id == w->asked)
		check_numbers(w, a);
	check_role(w, a);
	w->hearing = true;
	engine_answered(w->engine, id, a, world_now(w));
	w->hearing = false;
	world_poke(w);
}

/* A batch leaves before the answer to the one before is taken. */
static void check_ahead(struct world *w, const struct engine_send *s)
{
	struct memvfs_fault f = {
		.ops = MEMVFS_ANY, .after = w->overlap - 1, .stays = true
	};

	if (!w->hearing || !s->body)
		return;
	w->stats.ahead++;
	if (w->overlap)
		memvfs_fail(w->agent_vfs, &f);
	w->overlap = 0;
}

/* A state that begins a new epoch without a reason has been lost. */
static void check_epoch(struct world *w, const struct engine_send *s)
{
	static const char key[] = "\"epoch\":\"";
	const char *at = s->body ? strstr(s->body, key) : NULL;
	char epoch[sizeof(w->epoch)];

	if (!at || w->o.rot)
		return;
	snprintf(epoch, sizeof(epoch), "%.36s", at + strlen(key));
	if (w->epoch[0] && !w->excused && strcmp(epoch, w->epoch) != 0)
		world_fail(w, "what was synced is lost: a new epoch");
	if (w->late_epoch && strcmp(epoch, w->epoch) != 0) {
		w->late_epoch = false;
		w->net.force = WORLD_LATE;
		w->net.forced = 1;
	}
	memcpy(w->epoch, epoch, sizeof(epoch));
	w->excused = false;
}

static void keep_batch(struct world *w, const struct engine_send *s)
{
	if (!s->body)
		return;
	free(w->batch);
	free(w->batch_path);
	w->batch = text_copy(s->body, s->len);
	w->batch_path = text_copy(s->path, strlen(s->path));
}

void worldnet_echo(struct world *w)
{
	struct engine_send s = {
		.method = "POST", .path = w->batch_path, .body = w->batch
	};

	if (!w->batch)
		return;
	trace_add(&w->trace, world_now(w).mono_ms, "echo");
	s.len = strlen(w->batch);
	packet_again(w, &w->end, &s, 60000);
}

void worldnet_send(void *arg, const struct engine_send *s)
{
	struct world *w = arg;

	w->asked = s->id;
	check_epoch(w, s);
	check_ahead(w, s);
	keep_batch(w, s);
	w->end = (struct world_end){ .token = cloudbox_token(w->cloud),
		.life = &w->life,
		.answered = engine_hears,
		.arg = w };
	worldnet_send_as(w, &w->end, s);
}

void worldnet_send_as(
    struct world *w, const struct world_end *end, const struct engine_send *s)
{
	enum world_fate fate = fate_draw(w);
	struct packet *p = packet_new(w, end, s, fate);

	w->stats.fates[fate]++;
	trace_add(&w->trace, world_now(w).mono_ms, "send %s %s %llx: %s",
	    s->method, s->path,
	    (unsigned long long)trace_digest(
		s->body ? s->body : "", s->body ? s->len : 0),
	    w->net.down ? "down" : worldnet_fate(fate));
	if (w->net.down) {
		answer_broken(p, VS_ENET, net_delay(w));
		return;
	}
	switch (fate) {
	case WORLD_REQUEST_LOST:
		answer_broken(p, VS_ETIMEDOUT, 10000);
		return;
	case WORLD_LATE:
		packet_again(w, end, s, 60000);
		answer_broken(p, VS_ETIMEDOUT, 10000);
		return;
	case WORLD_DOUBLED:
		packet_again(w, end, s, 30000);
		/* fallthrough */
	case WORLD_SERVED:
	case WORLD_ANSWER_LOST:
	case WORLD_CUT:
		sched_add(
		    w->sched, net_delay(w), WORLD_NET, packet_arrives, w, p);
		return;
	default:
		answer_forged(p);
	}
}
