#include "cloud/news.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void news_add(struct news *n, const char *project_id, int64_t last_seq)
{
	struct news_item *item = &n->kept[n->count % NEWS_KEPT];

	(void)snprintf(
	    item->project_id, sizeof(item->project_id), "%s", project_id);
	item->last_seq = last_seq;
	n->count++;
}

struct news_match {
	const char *project_id; /* of this project below last_seq, or NULL */
	int64_t last_seq;
	int64_t now_ms; /* whose deadline has come */
	const struct job *job; /* this one */
};

static bool fits(const struct news_match *m, const struct job *job)
{
	if (m->job != NULL)
		return job == m->job;
	if (m->project_id == NULL)
		return job->deadline_ms <= m->now_ms;
	return job->answer.wait_seq < m->last_seq &&
	    strcmp(job->answer.project_id, m->project_id) == 0;
}

/* Moves those that fit to out; the others keep their order. */
static void sift(
    struct news *n, const struct news_match *m, struct job_list *out)
{
	struct job_list all = n->waiting;
	struct job *job;

	memset(&n->waiting, 0, sizeof(n->waiting));
	while ((job = job_take(&all)) != NULL)
		job_append(fits(m, job) ? out : &n->waiting, job);
}

void news_wake(struct news *n, const char *project_id, int64_t last_seq,
    struct job_list *out)
{
	const struct news_match m = { .project_id = project_id,
		.last_seq = last_seq };

	if (n->waiting.first != NULL)
		sift(n, &m, out);
}

bool news_park(struct news *n, struct job *job)
{
	const struct news_item *item;
	uint64_t i;

	assert(job->answer.wait_ms > 0 && job->deadline_ms > 0);
	assert(job->seen <= n->count);
	if (n->count - job->seen > NEWS_KEPT)
		return false;
	for (i = job->seen; i < n->count; i++) {
		item = &n->kept[i % NEWS_KEPT];
		if (item->last_seq > job->answer.wait_seq &&
		    strcmp(item->project_id, job->answer.project_id) == 0)
			return false;
	}
	job_append(&n->waiting, job);
	return true;
}

void news_expire(struct news *n, int64_t now_ms, struct job_list *out)
{
	const struct news_match m = { .now_ms = now_ms };

	sift(n, &m, out);
}

int64_t news_deadline(const struct news *n)
{
	const struct job *job;
	int64_t nearest = 0;

	for (job = n->waiting.first; job != NULL; job = job->next)
		if (nearest == 0 || job->deadline_ms < nearest)
			nearest = job->deadline_ms;
	return nearest;
}

struct job *news_leave(struct news *n, const struct job *job)
{
	const struct news_match m = { .job = job };
	struct job_list out = { .count = 0 };

	sift(n, &m, &out);
	assert(out.count <= 1);
	return out.first;
}
