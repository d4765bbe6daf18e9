/*
 * The pulls that a command waits for: what each has, how fast they get on
 * and when they will be there.  Pure: the time comes with each call.
 */
#ifndef TALLY_H
#define TALLY_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>

#include "cli/print.h"
#include "cli/trouble.h"

struct tally;

/*
 * ids is the array "pulls" of a plan; what is no string in it, or there
 * twice, does not count.  NULL: out of memory.
 */
struct tally *tally_new(const json_t *ids, int64_t now_ms);

/* NULL is nothing. */
void tally_free(struct tally *t);

/* How many rows of /v1/transfers to ask for next. */
int64_t tally_limit(const struct tally *t);

/*
 * Takes the rows of one answer in, which was asked for with tally_limit.
 * The first row of a pull says what it had from before, unless it is over.
 */
void tally_feed(struct tally *t, const json_t *rows, int64_t now_ms);

/* Whether all of them have ended. */
bool tally_over(const struct tally *t);

struct tally_figures {
	int64_t files, ended, failed; /* cancelled ones have failed, too */
	int64_t size; /* bytes of all */
	int64_t bytes; /* that are here, of all but the failed */
	int64_t resumed; /* of these, that were here before */
	int64_t rate; /* bytes a second, over the last ten */
	int64_t eta_ms; /* -1: cannot be told */
	int64_t spent_ms; /* since tally_new */
};

/* Sums all pulls up as they stand at now_ms. */
void tally_figures(
    const struct tally *t, struct tally_figures *f, int64_t now_ms);

/* A line of figures and one for each of the first that move; how many. */
int tally_draw(const struct tally *t, struct print *out, int64_t now_ms);

/* {type:"progress", ...} for programs; NULL: out of memory. */
json_t *tally_json(const struct tally *t, int64_t now_ms);

/* What became of each: [{id,path,state,size,bytes,resumed,error,exit}],
   with place where it does not stand under its own name. */
json_t *tally_rows(const struct tally *t);

/* A line for each that failed, the first of them. */
void tally_print_failed(const struct tally *t, struct print *note);

/* A line for each that came and does not stand under its own name. */
void tally_print_places(const struct tally *t, struct print *note);

/* VS_OK, or trouble with the exit code of the worst. */
int tally_judge(const struct tally *t, struct trouble *f);

#endif
