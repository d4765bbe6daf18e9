/* A copy of a database, as somebody's backup keeps it. */
#ifndef DBCOPY_H
#define DBCOPY_H

struct dbcopy;

/* Of the database file, which may be in use; NULL when it cannot be read. */
struct dbcopy *dbcopy_save(const char *file, const char *vfs);
void dbcopy_free(struct dbcopy *copy);

/* Over the one that is there, which nobody may have open: VS_OK or VS_EIO. */
int dbcopy_restore(
    const struct dbcopy *copy, const char *file, const char *vfs);

#endif
