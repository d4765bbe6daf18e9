/*
 * ingest_pg CONNINFO KIND BATCHES - the same changes into PostgreSQL over
 * one connection: arrays and unnest, two statements and one durable
 * transaction a batch, synchronous_commit on.  Prints seconds.
 */
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "tests/bench/load.h"

#define COLUMNS 7
#define ARRAY_MAX (4 * 1024 * 1024)

static const char schema[] =
    "SET synchronous_commit = on;"
    "DROP TABLE IF EXISTS files; DROP TABLE IF EXISTS events;"
    "CREATE TABLE files(project int, path text, hash text, size bigint,"
    " mtime bigint, mode int, version bigint, seq bigint,"
    " PRIMARY KEY(project, path));"
    "CREATE TABLE events(project int, seq bigint, change text,"
    " PRIMARY KEY(project, seq))";

/* One path is one row of a statement: the last of its changes wins. */
static const char put_files[] =
    "INSERT INTO files SELECT DISTINCT ON (p) 1, p, h, z, t, m, 1, s"
    " FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[],"
    " $5::int[], $6::bigint[]) AS u(p, h, z, t, m, s)"
    " ORDER BY p, s DESC ON CONFLICT(project, path)"
    " DO UPDATE SET hash=excluded.hash, size=excluded.size,"
    " mtime=excluded.mtime, mode=excluded.mode,"
    " version=files.version+1, seq=excluded.seq";

static const char put_events[] =
    "INSERT INTO events SELECT 1, s, c"
    " FROM unnest($1::bigint[], $2::text[]) AS u(s, c)";

static void must(PGconn *db, PGresult *r)
{
	ExecStatusType s = PQresultStatus(r);

	if (s != PGRES_COMMAND_OK)
		load_die("postgres", PQerrorMessage(db));
	PQclear(r);
}

/* A JSON text as an element of an array's text. */
static void add_quoted(struct vs_buf *b, const char *s)
{
	vs_buf_addch(b, '"');
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			vs_buf_addch(b, '\\');
		vs_buf_addch(b, *s);
	}
	vs_buf_addch(b, '"');
}

static void add_row(
    struct vs_buf b[COLUMNS], const struct load_row *row, int64_t seq)
{
	const char *comma = b[0].len > 0 ? "," : "{";
	struct vs_buf text;

	vs_buf_init(&text, 4096);
	vs_change_write(&text, &row->c);
	vs_buf_addf(&b[0], "%s%s", comma, row->path);
	vs_buf_addf(&b[1], "%s%s", comma, row->hash);
	vs_buf_addf(&b[2], "%s%" PRId64, comma, row->c.size);
	vs_buf_addf(&b[3], "%s%" PRId64, comma, row->c.mtime_us);
	vs_buf_addf(&b[4], "%s%d", comma, row->c.mode);
	vs_buf_addf(&b[5], "%s%" PRId64, comma, seq);
	vs_buf_addstr(&b[6], comma);
	add_quoted(&b[6], text.data);
	vs_buf_release(&text);
}

static void send_batch(PGconn *db, struct vs_buf b[COLUMNS])
{
	const char *files[6], *events[2];

	for (int i = 0; i < COLUMNS; i++)
		vs_buf_addch(&b[i], '}');
	for (int i = 0; i < 6; i++)
		files[i] = b[i].data;
	events[0] = b[5].data;
	events[1] = b[6].data;
	must(db, PQexec(db, "BEGIN"));
	must(db, PQexecPrepared(db, "files", 6, files, NULL, NULL, 0));
	must(db, PQexecPrepared(db, "events", 2, events, NULL, NULL, 0));
	must(db, PQexec(db, "COMMIT"));
}

int main(int argc, char **argv)
{
	struct vs_buf b[COLUMNS];
	struct load_row row;
	enum load_kind kind;
	double start, sum = 0;
	long batches;
	PGconn *db;

	if (argc != 4)
		load_die("usage", "ingest_pg CONNINFO KIND BATCHES");
	kind = load_kind_parse(argv[2]);
	batches = strtol(argv[3], NULL, 10);
	db = PQconnectdb(argv[1]);
	if (PQstatus(db) != CONNECTION_OK)
		load_die("postgres", PQerrorMessage(db));
	must(db, PQexec(db, schema));
	must(db, PQprepare(db, "files", put_files, 0, NULL));
	must(db, PQprepare(db, "events", put_events, 0, NULL));
	for (int i = 0; i < COLUMNS; i++)
		vs_buf_init(&b[i], ARRAY_MAX);
	for (long n = 0; n < batches; n++) {
		for (int i = 0; i < COLUMNS; i++)
			vs_buf_reset(&b[i]);
		for (long i = n * LOAD_BATCH; i < (n + 1) * LOAD_BATCH; i++) {
			load_row(&row, kind, (uint64_t)i);
			add_row(b, &row, i + 1);
		}
		start = load_now();
		send_batch(db, b);
		sum += load_now() - start;
	}
	printf("%.6f\n", sum);
	PQfinish(db);
	for (int i = 0; i < COLUMNS; i++)
		vs_buf_release(&b[i]);
	return 0;
}
