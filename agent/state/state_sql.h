/* Every statement of the project's database, by name. */
#ifndef STATE_SQL_H
#define STATE_SQL_H

/* A name that contains ".sync-conflict-". */
#define STATE_SQL_CONFLICT "instr(name, x'2e73796e632d636f6e666c6963742d') > 0"

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
	X(ENTRY_TWIN, \
	    "SELECT kind, size, mtime, ctime, ino, born, folder, mode, " \
	    "hash, target, racy, synced, dir, name FROM entries " \
	    "WHERE ino = ? AND kind = 0 AND ctime = ? AND mtime = ? " \
	    "AND size = ? AND racy = 0 AND hash IS NOT NULL LIMIT 1") \
	X(ENTRY_MOVED, \
	    "SELECT kind, size, mtime, ctime, ino, born, folder, mode, " \
	    "hash, target, racy, synced, dir, name FROM entries " \
	    "WHERE ino = ? AND kind = 0 AND ctime <> ? AND mtime = ? " \
	    "AND size = ? AND racy = 0 AND hash IS NOT NULL " \
	    "LIMIT 1 OFFSET ?") \
	X(ENTRY_STALE, \
	    "SELECT dir, name FROM entries WHERE ino = ? AND kind = 0 " \
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
	X(SHADOW_AFTER, \
	    "SELECT path, kind FROM shadow WHERE path > ? " \
	    "ORDER BY path LIMIT ?") \
	X(OUTBOX_PENDING, \
	    "SELECT id, op FROM outbox WHERE path = ? AND batch = 0") \
	X(OUTBOX_FROZEN, "SELECT op FROM outbox WHERE path = ? AND batch = 1") \
	X(OUTBOX_ADD, \
	    "INSERT INTO outbox(path, op, kind, size, mtime, mode, hash, " \
	    "target, state, rank, pair, at, batch, held, approved) " \
	    "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0)") \
	X(OUTBOX_SET, \
	    "UPDATE outbox SET op = ?, kind = ?, size = ?, mtime = ?, " \
	    "mode = ?, hash = ?, target = ?, state = ?, " \
	    "rank = min(rank, ?), pair = ?, held = 0, approved = 0, " \
	    "tries = 0 WHERE id = ?") \
	X(OUTBOX_DROP, "DELETE FROM outbox WHERE id = ?") \
	X(OUTBOX_READY, \
	    "SELECT id, path, op, kind, size, mtime, mode, hash, target, " \
	    "state, pair FROM outbox WHERE batch = 0 AND (op = 2) = 0 " \
	    "AND held = 0 AND rank = ? AND id > ? ORDER BY id") \
	X(OUTBOX_READY_GONE, \
	    "SELECT id, path, op, kind, size, mtime, mode, hash, target, " \
	    "state, pair FROM outbox INDEXED BY outbox_lone WHERE op = 2 " \
	    "AND batch = 0 AND held = 0 AND pair IS NULL AND rank = ? " \
	    "AND id > ? ORDER BY id") \
	X(OUTBOX_HALF, \
	    "SELECT id, path, op, kind, size, mtime, mode, hash, target, " \
	    "state, pair FROM outbox WHERE path = ? AND batch = 0 " \
	    "AND op = 2 AND pair IS NOT NULL") \
	X(OUTBOX_TWIN, \
	    "SELECT path FROM outbox WHERE batch = 0 AND pair IS NULL " \
	    "AND state = 0 AND hash = ? AND op = ? AND size = ? AND kind = 0 " \
	    "AND (held = 0 OR size >= 4096) LIMIT 1") \
	X(OUTBOX_MATE, \
	    "SELECT path FROM outbox WHERE path = ? AND batch = 0 " \
	    "AND op = 2 AND pair IS NULL AND state = 0 AND hash = ? " \
	    "AND size = ?") \
	X(OUTBOX_PAIR, \
	    "UPDATE outbox SET pair = ?, held = 0 " \
	    "WHERE path = ? AND batch = 0") \
	X(OUTBOX_DIVORCE, \
	    "UPDATE outbox SET pair = NULL, hash = CASE op WHEN 2 THEN NULL " \
	    "ELSE hash END WHERE batch = 0 AND (op = 2 OR pair IS NOT NULL)") \
	X(OUTBOX_WIDOW, \
	    "UPDATE outbox SET pair = NULL WHERE id IN " \
	    "(SELECT o.id FROM outbox AS b CROSS JOIN outbox AS o " \
	    "ON o.pair = b.path WHERE b.batch = 1 AND +o.batch = 0)") \
	X(OUTBOX_UNPAIR, \
	    "UPDATE outbox SET pair = NULL WHERE pair = ? AND batch = 0") \
	X(OUTBOX_NEW, \
	    "UPDATE outbox SET op = 0 WHERE op = 1 AND batch = 0 " \
	    "AND path NOT IN (SELECT path FROM shadow)") \
	X(OUTBOX_NEEDLESS, \
	    "DELETE FROM outbox WHERE op = 2 AND batch = 0 " \
	    "AND path NOT IN (SELECT path FROM shadow)") \
	X(OUTBOX_FREEZE, "UPDATE outbox SET batch = 1, pos = ? WHERE id = ?") \
	X(OUTBOX_TRIED, "UPDATE outbox SET tries = tries + 1 WHERE batch = 1") \
	X(OUTBOX_TRIES, \
	    "SELECT max(tries) FROM outbox WHERE path = ? AND batch = 1") \
	X(OUTBOX_DEFER, \
	    "UPDATE outbox SET rank = 2 WHERE batch = 1 AND rank <> 2") \
	X(OUTBOX_ANNOUNCED, \
	    "SELECT EXISTS(SELECT 1 FROM outbox " \
	    "WHERE path = ?1 AND batch IN (0, 1) AND state = 1) " \
	    "OR EXISTS(SELECT 1 FROM shadow " \
	    "WHERE path = ?1 AND state = 1)") \
	X(OUTBOX_BATCH, \
	    "SELECT id FROM outbox WHERE batch = 1 ORDER BY pos, id") \
	X(OUTBOX_ROW, \
	    "SELECT id, path, op, kind, size, mtime, mode, hash, target, " \
	    "state FROM outbox WHERE id = ?") \
	X(OUTBOX_THAW_OLD, \
	    "DELETE FROM outbox WHERE batch = 1 AND EXISTS " \
	    "(SELECT 1 FROM outbox AS o WHERE o.path = outbox.path " \
	    "AND o.batch = 0)") \
	X(OUTBOX_THAW, \
	    "UPDATE outbox SET batch = 0, pair = NULL " \
	    "WHERE batch = 1") \
	X(OUTBOX_COUNT, "SELECT count(*) FROM outbox") \
	X(OUTBOX_READY_COUNT, \
	    "SELECT count(*), min(at) FROM (SELECT at FROM outbox " \
	    "WHERE batch = 0 AND (op = 2) = 0 AND held = 0 " \
	    "ORDER BY rank, id LIMIT ?)") \
	X(OUTBOX_GONE_COUNT, \
	    "SELECT count(*), min(at) FROM (SELECT at FROM outbox " \
	    "INDEXED BY outbox_lone WHERE op = 2 AND batch = 0 AND held = 0 " \
	    "AND pair IS NULL ORDER BY rank, id LIMIT ?)") \
	X(OUTBOX_LONE, \
	    "SELECT EXISTS(SELECT 1 FROM outbox INDEXED BY outbox_lone " \
	    "WHERE op = 2 AND batch = 0 AND held = 0 AND pair IS NULL), " \
	    "EXISTS(SELECT 1 FROM outbox INDEXED BY outbox_lone " \
	    "WHERE op = 2 AND batch = 0 AND held = 0 AND pair IS NULL " \
	    "AND kind <> 1) OR EXISTS(SELECT 1 FROM outbox WHERE held = 1)") \
	X(OUTBOX_SUMS, \
	    "SELECT op, approved, count(*) FROM outbox " \
	    "WHERE kind <> 1 AND batch = 0 AND pair IS NULL " \
	    "GROUP BY op, approved") \
	X(OUTBOX_DELETES, \
	    "SELECT EXISTS(SELECT 1 FROM outbox " \
	    "WHERE op = 2 AND batch = 0)") \
	X(OUTBOX_HELD_COUNT, "SELECT count(*) FROM outbox WHERE held = 1") \
	X(OUTBOX_HELD_LIST, \
	    "SELECT path, kind FROM outbox WHERE held = 1 " \
	    "ORDER BY id LIMIT ?") \
	X(OUTBOX_HOLD, \
	    "UPDATE outbox SET held = 1 " \
	    "WHERE op = 2 AND batch = 0 AND held = 0 " \
	    "AND approved = 0 AND pair IS NULL") \
	X(OUTBOX_UNHOLD, "UPDATE outbox SET held = 0 WHERE held = 1") \
	X(OUTBOX_APPROVE, \
	    "UPDATE outbox SET held = 0, " \
	    "approved = 1 WHERE held = 1") \
	X(OUTBOX_REJECT, "DELETE FROM outbox WHERE held = 1") \
	X(OUTBOX_LEAST, \
	    "SELECT coalesce(min(id), 0) FROM outbox " \
	    "WHERE held = 0") \
	X(OUTBOX_LEAST_HELD, \
	    "SELECT coalesce(min(id), 0) FROM outbox " \
	    "WHERE held = 1") \
	X(OUTBOX_LAST, \
	    "SELECT coalesce(max(seq), 0) FROM sqlite_sequence " \
	    "WHERE name = 'outbox'") \
	X(BATCH_GET, "SELECT counter, body FROM batch") \
	X(BATCH_PUT, "INSERT INTO batch(counter, body) VALUES(?, ?)") \
	X(BATCH_DROP, "DELETE FROM batch") \
	X(TROUBLE_PUT, \
	    "INSERT INTO trouble(path, dir, cloud, reason) " \
	    "VALUES(?, ?, ?, ?) ON CONFLICT(path) DO UPDATE " \
	    "SET cloud = excluded.cloud, reason = excluded.reason") \
	X(TROUBLE_DROP, "DELETE FROM trouble WHERE path = ?") \
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
	    "SELECT EXISTS(SELECT 1 FROM outbox " \
	    "WHERE batch = 1 AND approved = 1)") \
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
	X(DROVE_QUIET, \
	    "SELECT NOT EXISTS(SELECT 1 FROM outbox " \
	    "WHERE path BETWEEN ?1 AND ?2) " \
	    "AND NOT EXISTS(SELECT 1 FROM shadow " \
	    "WHERE path BETWEEN ?1 AND ?2) " \
	    "AND NOT EXISTS(SELECT 1 FROM trouble " \
	    "WHERE path BETWEEN CAST(?1 AS BLOB) AND CAST(?2 AS BLOB))") \
	X(DROVE_SHADOW, \
	    "INSERT INTO shadow(path, kind, size, hash, state, mtime, mode) " \
	    "SELECT ?2 || CAST(name AS TEXT), kind, size, lower(hex(hash)), " \
	    "0, mtime / 1000, mode FROM entries WHERE dir = ?1 ORDER BY name") \
	X(DROVE_WENT, \
	    "INSERT INTO outbox(path, op, kind, size, mtime, mode, hash, " \
	    "state, rank, pair, at, batch, held, approved) " \
	    "SELECT ?2 || CAST(name AS TEXT), 2, kind, size, 0, -1, " \
	    "lower(hex(hash)), 0, ?4, ?3 || CAST(name AS TEXT), ?5, " \
	    "0, 0, 0 FROM entries WHERE dir = ?1 ORDER BY name") \
	X(DROVE_CAME, \
	    "INSERT INTO outbox(path, op, kind, size, mtime, mode, hash, " \
	    "state, rank, pair, at, batch, held, approved) " \
	    "SELECT ?3 || CAST(name AS TEXT), 0, kind, size, mtime / 1000, " \
	    "mode, lower(hex(hash)), 0, ?4, ?2 || CAST(name AS TEXT), ?5, " \
	    "0, 0, 0 FROM entries WHERE dir = ?1 ORDER BY name") \
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
