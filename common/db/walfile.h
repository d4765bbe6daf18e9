/*
 * The log of a database, written in large pieces.  SQLite hands it over in
 * two small writes a page; what follows on is put together here and is
 * written when the log is flushed, which with synchronous=FULL is before a
 * commit is told to anybody.
 */
#ifndef VS_WALFILE_H
#define VS_WALFILE_H

/*
 * Registers a VFS that does so with the logs and leaves everything else to
 * the default one; once, before any thread uses SQLite.  Without memory there
 * is none.
 */
void vs_walfile_register(void);

/*
 * Its name for sqlite3_open_v2, or NULL (the default one) when it was not
 * registered.  Only for connections with synchronous=FULL: without a flush at
 * the commit others would be told of pages that are not there yet.
 */
const char *vs_walfile_vfs(void);

/*
 * The transaction of a handle (sqlite3 *) was rolled back: what waits for its
 * log is written never, as its place is others' from now on.  Of the type
 * that sqlite3_rollback_hook wants; nothing with handles of other VFSs.
 */
void vs_walfile_drop(void *handle);

#endif
