/* Every statement of the project's database, by name. */
#ifndef STATE_SQL_H
#define STATE_SQL_H

/* A name that contains ".sync-conflict-". */
#define STATE_SQL_CONFLICT "instr(name, x'2e73796e632d636f6e666c6963742d') > 0"

/* Of a row of the outbox or the flight (agent/state/outrow.h), all but id. */
#define STATE_SQL_OUTROW \
	"at, path, op, kind, size, mtime, mode, hash, target, state, " \
	"origin, half, mine, approved, tries"

/* What an id says: its place in its lane, and which lanes it may be in. */
#define STATE_SQL_SEQ "(id & 281474976710655)"
#define STATE_SQL_HELD "(id < 844424930131968)"
#define STATE_SQL_GONE "id >= 844424930131968 AND id < 1688849860263936"
#define STATE_SQL_UPSERT "id >= 1688849860263936"

/* Of a rename: the id of its change by itself, that of the deletion. */
#define STATE_SQL_OWN "(((id >> 48) << 48) | mine)"
#define STATE_SQL_HALF_ID "((((id >> 48) - 3) << 48) | half)"

/* The deletion by itself: id and STATE_SQL_OUTROW. */
#define STATE_SQL_HALF(hash) \
	STATE_SQL_HALF_ID ", at, origin, 2, kind, size, NULL, -1, " #hash \
			  ", NULL, 0, NULL, 0, half, approved, tries"

#define STATE_SQL_LEAST(lane) \
	"SELECT min(id) & 281474976710655 AS seq FROM outbox " \
	"WHERE id >= (" lane " << 48) AND id < ((" lane " + 1) << 48)"

#define STATE_SQL_OR_LEAST(lane) " UNION ALL " STATE_SQL_LEAST(lane)

/* A question a lane: each is the first row of a range. */
#define STATE_SQL_LEAST_HELD \
	STATE_SQL_LEAST("0") STATE_SQL_OR_LEAST("1") STATE_SQL_OR_LEAST("2")
#define STATE_SQL_LEAST_READY \
	STATE_SQL_LEAST("3") \
	STATE_SQL_OR_LEAST("4") \
	STATE_SQL_OR_LEAST("5") \
	STATE_SQL_OR_LEAST("6") STATE_SQL_OR_LEAST("7") STATE_SQL_OR_LEAST("8")

/* Something waits for the path in column of f, which is of the flight. */
#define STATE_SQL_NEWER(column) \
	"EXISTS(SELECT 1 FROM outbox AS o WHERE o.path = f." column ") OR " \
	"EXISTS(SELECT 1 FROM outbox AS o WHERE o.origin = f." column ")"

/* A file that is known by its inode, as its index has it. */
#define STATE_SQL_INO "ino = ? AND ino <> 0 AND kind = 0"

/* A statement's rows of values, for files that are new (crop.c). */
#define STATE_SQL_4(row) row ", " row ", " row ", " row
#define STATE_SQL_32(row) STATE_SQL_4(STATE_SQL_4(row) ", " STATE_SQL_4(row))
#define STATE_SQL_CROP_ENTRIES(rows) \
	"INSERT INTO entries(dir, name, kind, size, mtime, ctime, ino, born, " \
	"folder, mode, hash, target, racy, synced) VALUES" rows
#define STATE_SQL_CROP_ENTRY \
	"(?1, ?, 0, ?, ?, ?, 0, 0, ?, ?, " \
	"NULL, NULL, 0, 0)"
#define STATE_SQL_CROP_OUTBOX(rows) \
	"INSERT INTO outbox(at, path, id, op, kind, size, mtime, mode, hash, " \
	"target, state, origin, half, mine, approved, tries) VALUES" rows
#define STATE_SQL_CROP_OUTROW \
	"(?1, ?2 || CAST(? AS TEXT), ?, 0, 0, ?, ?, ?, NULL, NULL, 0, NULL, " \
	"0, ?, 0, 0)"

/* The batch behind f's, which begins at the statement's ?2, has it, too. */
#define STATE_SQL_LATER(column) \
	"EXISTS(SELECT 1 FROM flight AS g WHERE g.pos >= ?2 " \
	"AND (g.path = f." column " OR g.origin = f." column "))"

/* X(name, SQL) */
#define STATE_SQL_MAP(X) \
	X(META_GET, "SELECT value FROM meta WHERE key = ?") \
	X(META_SET, \
	    "INSERT INTO meta(key, value) VALUES(?, ?) " \
	    "ON CONFLICT(key) DO UPDATE SET value = excluded.value") \
	X(DIR_FIND, "SELECT id FROM dirs WHERE parent = ? AND name = ?") \
	X(DIR_ADD, "INSERT INTO dirs(parent, name) VALUES(?, ?)") \
	X(DIR_DROP, "DELETE FROM dirs WHERE id = ?") \
	X(DIR_SEALED, "SELECT 1 FROM dirs WHERE id = ? AND seal = ?") \
	X(DIR_SEAL, "UPDATE dirs SET seal = ? WHERE id = ?") \
	X(DIR_UNSEAL, \
	    "UPDATE dirs SET seal = NULL WHERE id = ? AND seal IS NOT NULL") \
	X(DIR_USED, \
	    "SELECT EXISTS(SELECT 1 FROM entries WHERE dir = ?1) " \
	    "OR EXISTS(SELECT 1 FROM dirs WHERE parent = ?1)") \
	X(DIR_MOVE, \
	    "UPDATE dirs SET parent = ?, name = ?, seal = NULL WHERE id = ?") \
	X(DIR_ADOPT, "UPDATE dirs SET parent = ? WHERE parent = ?") \
	X(DIR_UP, "SELECT parent, name FROM dirs WHERE id = ?") \
	X(ENTRY_GET, \
	    "SELECT kind, size, mtime, ctime, ino, born, folder, mode, " \
	    "hash, target, racy, synced FROM entries " \
	    "WHERE dir = ? AND name = ?") \
	X(ENTRY_LIST, \
	    "SELECT name, kind, size, mtime, ctime, ino, born, folder, " \
	    "mode, racy, synced, hash IS NOT NULL FROM entries " \
	    "WHERE dir = ? ORDER BY name") \
	X(ENTRY_PUT, \
	    "INSERT INTO entries(dir, name, kind, size, mtime, ctime, " \
	    "ino, born, folder, mode, hash, target, racy, synced) " \
	    "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) " \
	    "ON CONFLICT(dir, name) DO UPDATE SET kind = excluded.kind, " \
	    "size = excluded.size, mtime = excluded.mtime, " \
	    "ctime = excluded.ctime, ino = excluded.ino, " \
	    "born = excluded.born, folder = excluded.folder, " \
	    "mode = excluded.mode, hash = excluded.hash, " \
	    "target = excluded.target, racy = excluded.racy, " \
	    "synced = excluded.synced") \
	X(ENTRY_KIN, \
	    "SELECT EXISTS(SELECT 1 FROM entries WHERE " STATE_SQL_INO " " \
	    "AND mtime = ? AND size = ?)") \
	X(ENTRY_TWIN, \
	    "SELECT kind, size, mtime, ctime, ino, born, folder, mode, " \
	    "hash, target, racy, synced, dir, name FROM entries " \
	    "WHERE " STATE_SQL_INO " AND ctime = ? AND mtime = ? " \
	    "AND size = ? AND racy = 0 AND hash IS NOT NULL LIMIT 1") \
	X(ENTRY_MOVED, \
	    "SELECT kind, size, mtime, ctime, ino, born, folder, mode, " \
	    "hash, target, racy, synced, dir, name FROM entries " \
	    "WHERE " STATE_SQL_INO " AND ctime <> ? AND mtime = ? " \
	    "AND size = ? AND racy = 0 AND hash IS NOT NULL " \
	    "LIMIT 1 OFFSET ?") \
	X(ENTRY_STALE, \
	    "SELECT dir, name FROM entries WHERE " STATE_SQL_INO " " \
	    "AND (mtime <> ? OR mode <> ? OR hash IS NOT ?) " \
	    "LIMIT 1 OFFSET ?") \
	X(PAST_GET, \
	    "SELECT born, size, mtime, ctime, hash, path, folder FROM past " \
	    "WHERE ino = ?") \
	X(PAST_PUT, \
	    "INSERT OR REPLACE INTO past(ino, born, size, mtime, ctime, " \
	    "hash, path, folder) VALUES(?, ?, ?, ?, ?, ?, ?, ?)") \
	X(PAST_COUNT, "SELECT count(*) FROM past") \
	X(PAST_DROP, "DELETE FROM past WHERE ino = ?") \
	X(PAST_CLEAR, "DELETE FROM past") \
	X(ENTRY_DROP, "DELETE FROM entries WHERE dir = ? AND name = ?") \
	X(ENTRY_ADOPT, \
	    "UPDATE entries SET dir = ? WHERE dir = ? AND name = ?") \
	X(ENTRY_SYNCED, \
	    "UPDATE entries SET synced = ? WHERE dir = ? AND name = ?") \
	X(ENTRY_BETWEEN, \
	    "SELECT kind, size, mtime, ctime, ino, born, folder, mode, " \
	    "hash, target, racy, synced, name FROM entries " \
	    "WHERE dir = ? AND name BETWEEN ? AND ? ORDER BY name LIMIT ?") \
	X(ENTRY_SYNCED_BETWEEN, \
	    "UPDATE entries SET synced = 1 " \
	    "WHERE dir = ? AND name BETWEEN ? AND ?") \
	X(ENTRY_EACH, \
	    "SELECT kind, size, mtime, ctime, ino, born, folder, mode, " \
	    "hash, target, racy, synced, dir, name FROM entries " \
	    "WHERE (dir, name) > (?, ?) ORDER BY dir, name LIMIT ?") \
	X(CONFLICT_COUNT, \
	    "SELECT count(*) FROM entries INDEXED BY entries_conflict " \
	    "WHERE " STATE_SQL_CONFLICT) \
	X(CONFLICT_LIST, \
	    "SELECT dir, name FROM entries INDEXED BY entries_conflict " \
	    "WHERE " STATE_SQL_CONFLICT " ORDER BY dir, name LIMIT ?") \
	X(ENTRY_COUNT, \
	    "SELECT count(*), coalesce(sum(kind = 1), 0), " \
	    "coalesce(sum(size), 0) FROM entries") \
	X(ENTRY_FORGET, "UPDATE entries SET synced = 0 WHERE synced = 1") \
	X(SHADOW_GET, \
	    "SELECT kind, size, hash, state, mtime, mode FROM shadow " \
	    "WHERE path = ?") \
	X(SHADOW_PUT, \
	    "INSERT INTO shadow(path, kind, size, hash, state, mtime, mode) " \
	    "VALUES(?, ?, ?, ?, ?, ?, ?) " \
	    "ON CONFLICT(path) DO UPDATE SET kind = excluded.kind, " \
	    "size = excluded.size, hash = excluded.hash, " \
	    "state = excluded.state, mtime = excluded.mtime, " \
	    "mode = excluded.mode") \
	X(SHADOW_DROP, "DELETE FROM shadow WHERE path = ?") \
	X(SHADOW_CLEAR, "DELETE FROM shadow") \
	X(SHADOW_BETWEEN, \
	    "SELECT kind, size, hash, state, mtime, mode, path FROM shadow " \
	    "WHERE path BETWEEN ? AND ? ORDER BY path LIMIT ?") \
	X(SHADOW_DROP_BETWEEN, \
	    "DELETE FROM shadow WHERE path BETWEEN ? AND ?") \
	X(SHADOW_AFTER, \
	    "SELECT path, kind FROM shadow WHERE path > ? " \
	    "ORDER BY path LIMIT ?") \
	X(OUTBOX_FIND, \
	    "SELECT id, op, at, origin IS NOT NULL, 0, " \
	    "mine FROM outbox WHERE path = ?1 " \
	    "UNION ALL SELECT id, 2, at, 1, 1, half FROM outbox " \
	    "WHERE origin = ?1") \
	X(OUTBOX_ADD, \
	    "INSERT INTO outbox(id, " STATE_SQL_OUTROW ") " \
	    "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)") \
	X(OUTBOX_SET, \
	    "UPDATE outbox SET id = ?, at = ?, path = ?, op = ?, kind = ?, " \
	    "size = ?, mtime = ?, mode = ?, hash = ?, target = ?, " \
	    "state = ?, origin = ?, half = ?, mine = ?, approved = ?, " \
	    "tries = 0 WHERE id = ?") \
	X(OUTBOX_DROP, "DELETE FROM outbox WHERE id = ?") \
	X(OUTBOX_HALF, \
	    "INSERT INTO outbox(id, " STATE_SQL_OUTROW ") " \
	    "SELECT " STATE_SQL_HALF(hash) " FROM outbox WHERE id = ?") \
	X(OUTBOX_ALONE, \
	    "UPDATE outbox SET id = " STATE_SQL_OWN ", origin = NULL, " \
	    "half = 0, approved = 0 WHERE id = ?") \
	X(OUTBOX_WED, \
	    "UPDATE outbox SET id = ?, origin = ?, half = ?, mine = ?, " \
	    "approved = ? WHERE id = ?") \
	X(OUTBOX_ANNOUNCED, \
	    "SELECT EXISTS(SELECT 1 FROM outbox " \
	    "WHERE path = ?1 AND state = 1) " \
	    "OR EXISTS(SELECT 1 FROM shadow " \
	    "WHERE path = ?1 AND state = 1)") \
	X(OUTBOX_TWIN, \
	    "SELECT id, path, approved FROM outbox " \
	    "WHERE op = 2 AND kind = 0 " \
	    "AND hash = ? AND size = ? " \
	    "AND (size >= 4096 OR NOT " STATE_SQL_HELD ") LIMIT 1") \
	X(OUTBOX_MATE, \
	    "SELECT id, path, approved FROM outbox WHERE path = ? AND op = 2 " \
	    "AND hash = ? AND size = ?") \
	X(OUTBOX_ANY_TWIN, \
	    "SELECT EXISTS(SELECT 1 FROM outbox " \
	    "WHERE op = 2 AND kind = 0 AND hash IS NOT NULL)") \
	X(OUTBOX_SINGLES, \
	    "SELECT id, op = 0 AND kind = 0 AND state = 0 " \
	    "AND hash IS NOT NULL AND origin IS NULL, hash, size " \
	    "FROM outbox WHERE id > ? AND id < ? ORDER BY id LIMIT ?") \
	X(OUTBOX_READY, \
	    "SELECT id, path, op, kind, size, mtime, mode, hash, target, " \
	    "state, origin FROM outbox WHERE id > ? AND id < ? ORDER BY id") \
	X(OUTBOX_DIVORCE_HALVES, \
	    "INSERT INTO outbox(id, " STATE_SQL_OUTROW ") " \
	    "SELECT " STATE_SQL_HALF(NULL) " FROM outbox " \
					   "WHERE origin IS NOT NULL") \
	X(OUTBOX_DIVORCE, \
	    "UPDATE outbox SET id = " STATE_SQL_OWN ", origin = NULL, " \
	    "half = 0, approved = 0 " \
	    "WHERE origin IS NOT NULL") \
	X(OUTBOX_NO_TWINS, \
	    "UPDATE outbox SET hash = NULL " \
	    "WHERE op = 2 AND hash IS NOT NULL") \
	X(OUTBOX_NEW, \
	    "UPDATE outbox SET op = 0 WHERE op = 1 " \
	    "AND path NOT IN (SELECT path FROM shadow)") \
	X(OUTBOX_NEEDLESS, \
	    "DELETE FROM outbox WHERE op = 2 " \
	    "AND path NOT IN (SELECT path FROM shadow)") \
	X(OUTBOX_WIDOWED, \
	    "UPDATE outbox SET id = " STATE_SQL_OWN ", origin = NULL, " \
	    "half = 0, approved = 0 " \
	    "WHERE origin IS NOT NULL " \
	    "AND origin NOT IN (SELECT path FROM shadow)") \
	X(OUTBOX_COUNT, \
	    "SELECT (SELECT count(*) FROM outbox) + " \
	    "(SELECT count(*) FROM outbox WHERE origin IS NOT NULL) + " \
	    "(SELECT count(*) + count(origin) FROM flight)") \
	X(OUTBOX_READY_COUNT, \
	    "SELECT count(*) + count(origin), min(at) FROM (SELECT at, " \
	    "origin FROM outbox WHERE " STATE_SQL_UPSERT " LIMIT ?)") \
	X(OUTBOX_GONE_COUNT, \
	    "SELECT count(*), min(at) FROM (SELECT at FROM outbox " \
	    "WHERE " STATE_SQL_GONE " LIMIT ?)") \
	X(OUTBOX_LONE, \
	    "SELECT EXISTS(SELECT 1 FROM outbox WHERE " STATE_SQL_GONE "), " \
	    "EXISTS(SELECT 1 FROM outbox WHERE " STATE_SQL_GONE " " \
	    "AND kind <> 1) " \
	    "OR EXISTS(SELECT 1 FROM outbox WHERE " STATE_SQL_HELD ")") \
	X(OUTBOX_SUMS, \
	    "SELECT op, approved, count(*) FROM outbox " \
	    "WHERE kind <> 1 AND origin IS NULL GROUP BY op, approved") \
	X(OUTBOX_DELETES, \
	    "SELECT EXISTS(SELECT 1 FROM outbox WHERE " STATE_SQL_HELD ") " \
	    "OR EXISTS(SELECT 1 FROM outbox WHERE " STATE_SQL_GONE ")") \
	X(OUTBOX_HELD_COUNT, \
	    "SELECT count(*) FROM outbox WHERE " STATE_SQL_HELD) \
	X(OUTBOX_HELD_LIST, \
	    "SELECT path, kind FROM outbox WHERE " STATE_SQL_HELD " " \
	    "ORDER BY id LIMIT ?") \
	X(OUTBOX_HOLD, \
	    "UPDATE outbox SET id = id - (3 << 48) WHERE " STATE_SQL_GONE " " \
	    "AND approved = 0") \
	X(OUTBOX_UNHOLD, \
	    "UPDATE outbox SET id = id + (3 << 48) WHERE " STATE_SQL_HELD) \
	X(OUTBOX_APPROVE, \
	    "UPDATE outbox SET id = id + (3 << 48), approved = 1 " \
	    "WHERE " STATE_SQL_HELD) \
	X(OUTBOX_REJECT, "DELETE FROM outbox WHERE " STATE_SQL_HELD) \
	X(OUTBOX_LEAST, \
	    "SELECT coalesce(min(seq), 0) FROM (" STATE_SQL_LEAST_READY \
	    " UNION ALL SELECT min(" STATE_SQL_SEQ ") FROM flight)") \
	X(OUTBOX_LEAST_HELD, \
	    "SELECT coalesce(min(seq), 0) FROM (" STATE_SQL_LEAST_HELD ")") \
	X(FLIGHT_TAKE, \
	    "INSERT INTO flight(id, " STATE_SQL_OUTROW ") " \
	    "SELECT id, " STATE_SQL_OUTROW " FROM outbox " \
	    "WHERE id BETWEEN ? AND ? ORDER BY id") \
	X(FLIGHT_TAKEN, "DELETE FROM outbox WHERE id BETWEEN ? AND ?") \
	X(FLIGHT_PATHS, "SELECT path, origin, pos FROM flight") \
	X(FLIGHT_SIZE, \
	    "SELECT count(*) + count(origin) FROM flight WHERE pos < ?") \
	X(FLIGHT_SAYS, \
	    "SELECT iif(path = ?1, op, 2), tries FROM flight " \
	    "WHERE path = ?1 OR origin = ?1 ORDER BY pos DESC LIMIT 1") \
	X(FLIGHT_ANNOUNCED, \
	    "SELECT EXISTS(SELECT 1 FROM flight " \
	    "WHERE path = ? AND state = 1)") \
	X(FLIGHT_LIST, \
	    "SELECT pos, path, op, kind, size, mtime, mode, hash, target, " \
	    "state, origin, " STATE_SQL_NEWER( \
		"path") ", " \
			"origin IS NOT NULL AND (" STATE_SQL_NEWER( \
			    "origin") ") " \
				      "FROM flight AS f WHERE pos < ? " \
				      "ORDER BY pos") \
	X(FLIGHT_SHOW, \
	    "SELECT pos, path, op, kind, size, mtime, mode, hash, target, " \
	    "state, origin, 0, 0 FROM flight WHERE pos < ? ORDER BY pos") \
	X(FLIGHT_DROP, "DELETE FROM flight WHERE pos = ?") \
	X(FLIGHT_OWN, \
	    "UPDATE flight SET id = " STATE_SQL_OWN ", origin = NULL, " \
	    "half = 0, approved = 0 WHERE pos = ?") \
	X(FLIGHT_HALF, \
	    "UPDATE flight SET id = " STATE_SQL_HALF_ID ", path = origin, " \
	    "op = 2, mtime = NULL, mode = -1, target = NULL, state = 0, " \
	    "origin = NULL, half = 0, mine = half WHERE pos = ?") \
	X(FLIGHT_TRIED, "UPDATE flight SET tries = tries + 1") \
	X(FLIGHT_DEFER, \
	    "UPDATE flight SET id = id + ((2 - (id >> 48) % 3) << 48) " \
	    "WHERE (id >> 48) % 3 <> 2") \
	X(FLIGHT_THAW, \
	    "INSERT INTO outbox(id, " STATE_SQL_OUTROW ") " \
	    "SELECT " STATE_SQL_OWN ", at, path, op, kind, size, mtime, " \
	    "mode, hash, target, state, NULL, 0, mine, " \
	    "iif(origin IS NULL, approved, 0), tries " \
	    "FROM flight AS f WHERE pos >= ?1 AND pos < ?2 " \
	    "AND NOT (" STATE_SQL_NEWER("path") ") " \
						"AND NOT " STATE_SQL_LATER( \
						    "path")) \
	X(FLIGHT_THAW_HALVES, \
	    "INSERT INTO outbox(id, " STATE_SQL_OUTROW ") " \
	    "SELECT " STATE_SQL_HALF( \
		hash) " FROM flight AS f " \
		      "WHERE pos >= ?1 AND pos < ?2 AND origin IS NOT NULL " \
		      "AND NOT (" STATE_SQL_NEWER( \
			  "origin") ") " \
				    "AND NOT " STATE_SQL_LATER("origin")) \
	X(FLIGHT_CLEAR, "DELETE FROM flight WHERE pos >= ? AND pos < ?") \
	X(BATCH_GET, \
	    "SELECT counter, body FROM batch ORDER BY counter LIMIT 1") \
	X(BATCH_NEXT, \
	    "SELECT counter, body, pos FROM batch " \
	    "ORDER BY counter LIMIT 1 OFFSET 1") \
	X(BATCH_PUT, \
	    "INSERT INTO batch(counter, body, pos) " \
	    "VALUES(?, ?, (SELECT coalesce(max(pos), 0) + 1 FROM flight))") \
	X(BATCH_OVER, \
	    "DELETE FROM batch WHERE counter = " \
	    "(SELECT min(counter) FROM batch)") \
	X(BATCH_RECALL, \
	    "DELETE FROM batch WHERE counter = " \
	    "(SELECT max(counter) FROM batch)") \
	X(TROUBLE_PUT, \
	    "INSERT INTO trouble(path, dir, cloud, reason) " \
	    "VALUES(?, ?, ?, ?) ON CONFLICT(path) DO UPDATE " \
	    "SET cloud = excluded.cloud, reason = excluded.reason") \
	X(TROUBLE_DROP, "DELETE FROM trouble WHERE path = ? AND cloud >= ?") \
	X(TROUBLE_ANY, "SELECT 1 FROM trouble LIMIT 1") \
	X(TROUBLE_HAS, "SELECT 1 FROM trouble WHERE path = ?") \
	X(TROUBLE_DIR, "SELECT path FROM trouble WHERE dir = ? AND cloud = 0") \
	X(TROUBLE_LIST, \
	    "SELECT path, reason, cloud FROM trouble ORDER BY path LIMIT ?") \
	X(TROUBLE_CLOUD, "SELECT 1 FROM trouble WHERE cloud = 1 LIMIT 1") \
	X(TROUBLE_COUNT, "SELECT count(*) FROM trouble") \
	X(HOLD_PUT, \
	    "INSERT INTO cloud_holds(path, kind, hold_id, decision) " \
	    "VALUES(?, ?, ?, ?) " \
	    "ON CONFLICT(path) DO UPDATE SET hold_id = excluded.hold_id, " \
	    "decision = excluded.decision") \
	X(HOLD_APPROVED, \
	    "SELECT EXISTS(SELECT 1 FROM flight WHERE approved = 1), " \
	    "EXISTS(SELECT 1 FROM cloud_holds)") \
	X(HOLD_DROP_PATH, "DELETE FROM cloud_holds WHERE path = ?") \
	X(HOLD_DROP, "DELETE FROM cloud_holds WHERE hold_id = ?") \
	X(HOLD_FIRST, \
	    "SELECT hold_id FROM cloud_holds WHERE decision = ? " \
	    "LIMIT 1") \
	X(HOLD_DECIDE, \
	    "UPDATE cloud_holds SET decision = ? " \
	    "WHERE decision = 0") \
	X(HOLD_COUNT, "SELECT count(*) FROM cloud_holds") \
	X(HOLD_PATHS, "SELECT path, kind FROM cloud_holds WHERE hold_id = ?") \
	X(HOLD_LIST, "SELECT path, kind FROM cloud_holds LIMIT ?") \
	X(HOLD_HAS, \
	    "SELECT 1 FROM cloud_holds " \
	    "WHERE path = ? AND decision != 2") \
	X(HOLD_CLEAR, "DELETE FROM cloud_holds") \
	X(CROP_ENTRIES_1, STATE_SQL_CROP_ENTRIES(STATE_SQL_CROP_ENTRY)) \
	X(CROP_ENTRIES_4, \
	    STATE_SQL_CROP_ENTRIES(STATE_SQL_4(STATE_SQL_CROP_ENTRY))) \
	X(CROP_ENTRIES_32, \
	    STATE_SQL_CROP_ENTRIES(STATE_SQL_32(STATE_SQL_CROP_ENTRY))) \
	X(CROP_OUTBOX_1, STATE_SQL_CROP_OUTBOX(STATE_SQL_CROP_OUTROW)) \
	X(CROP_OUTBOX_4, \
	    STATE_SQL_CROP_OUTBOX(STATE_SQL_4(STATE_SQL_CROP_OUTROW))) \
	X(CROP_OUTBOX_32, \
	    STATE_SQL_CROP_OUTBOX(STATE_SQL_32(STATE_SQL_CROP_OUTROW))) \
	X(DROVE_QUIET, \
	    "SELECT NOT EXISTS(SELECT 1 FROM outbox " \
	    "WHERE path BETWEEN ?1 AND ?2) " \
	    "AND NOT EXISTS(SELECT 1 FROM outbox " \
	    "WHERE origin BETWEEN ?1 AND ?2) " \
	    "AND NOT EXISTS(SELECT 1 FROM flight " \
	    "WHERE path BETWEEN ?1 AND ?2 OR origin BETWEEN ?1 AND ?2) " \
	    "AND NOT EXISTS(SELECT 1 FROM shadow " \
	    "WHERE path BETWEEN ?1 AND ?2) " \
	    "AND NOT EXISTS(SELECT 1 FROM trouble " \
	    "WHERE path BETWEEN CAST(?1 AS BLOB) AND CAST(?2 AS BLOB))") \
	X(DROVE_SHADOW, \
	    "INSERT INTO shadow(path, kind, size, hash, state, mtime, mode) " \
	    "SELECT ?2 || CAST(name AS TEXT), kind, size, lowhex(hash), " \
	    "0, mtime / 1000, mode FROM entries WHERE dir = ?1 ORDER BY name") \
	X(DROVE_MOVED, \
	    "INSERT INTO outbox(id, " STATE_SQL_OUTROW ") " \
	    "SELECT ?4 + 2 * n - 1, ?5, ?3 || file, 0, kind, size, " \
	    "mtime / 1000, mode, lowhex(hash), NULL, 0, ?2 || file, " \
	    "(?4 & 281474976710655) + 2 * n - 1, " \
	    "(?4 & 281474976710655) + 2 * n, 0, 0 " \
	    "FROM (SELECT CAST(name AS TEXT) AS file, kind, size, mtime, " \
	    "mode, hash, ordinal() AS n " \
	    "FROM entries WHERE dir = ?1 ORDER BY name LIMIT -1) LIMIT -1") \
	X(DROVE_UNSYNC, "UPDATE entries SET synced = 0 WHERE dir = ?")

enum state_sql {
#define STATE_SQL_ENUM(name, sql) SQL_##name,
	STATE_SQL_MAP(STATE_SQL_ENUM)
#undef STATE_SQL_ENUM
	    SQL_COUNT,
};

/* Statements by enum state_sql, migrations by schema version. */
extern const char *const state_sql_statements[SQL_COUNT];
extern const char *const state_sql_migrations[];
extern const int state_sql_version;

/* Single values of a damaged database that may be taken as they are. */
extern const char state_sql_salvage[];

#endif
