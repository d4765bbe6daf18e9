/* Every SQL statement of the SQLite store, by name, and its schema. */
#ifndef SQLITE_SQL_H
#define SQLITE_SQL_H

/* The columns of a listing row, in the order sqlite_file_row reads them. */
#define SQLITE_FILE_COLUMNS \
	"f.path,f.kind,f.hash,f.size,f.mtime_us,f.mode,f.link_target," \
	"f.recording,f.version,f.seq,f.created_ms,f.stamp_us,f.deleted_ms," \
	"f.deleted_by"

/*
 * The columns of the tables that are rows of the caller's (common/db/rows.h),
 * in the order sqlite_set.c has them: wanted, given, news.  OR FAIL where
 * such a table is written from: a failure uses the store up anyway, and no
 * copy is made of what a statement changes.
 */
#define SQLITE_WANTED_COLUMNS "path"
#define SQLITE_GIVEN_COLUMNS \
	"path,kind,hash,size,mtime_us,mode,link_target,recording,version," \
	"seq,created_ms,stamp_us,deleted_ms,deleted_by"
#define SQLITE_NEWS_COLUMNS "seq,change,created_ms"

#define SQLITE_PROJECT_COLUMNS \
	"p.no,p.id,p.owner_id,p.name,p.log_id,p.last_seq,p.stamp_us," \
	"p.tree_count,p.tree_bytes,p.tree_sum,p.files,p.baseline," \
	"p.publisher,p.generation,p.created_ms"

/* The columns of a transfer, in the order sqlite_transfer.c reads them. */
#define SQLITE_TRANSFER_COLUMNS \
	"t.id,t.requester_id,t.requester_device,t.source_id," \
	"t.source_device,d.name,t.path,t.hash,t.size,t.version,t.status," \
	"t.verdict,t.route,t.error,t.created_ms,t.ended_ms,t.bytes," \
	"r.bytes,r.started_ms,r.started_bytes,r.updated_ms,r.pushed_ms"

#define SQLITE_TRANSFER_TABLES \
	" FROM file_transfers t" \
	" LEFT JOIN file_transfer_progress r ON r.transfer_id=t.id" \
	" LEFT JOIN devices d ON d.id=t.source_device"

/* X(name, sql) */
#define SQLITE_SQL_MAP(X) \
	X(SQL_USER_PUT, "INSERT INTO users(id,name,created_ms) VALUES(?,?,?)") \
	X(SQL_USER_NAMED, "SELECT id,name,created_ms FROM users WHERE name=?") \
	X(SQL_TOKEN_PUT, \
	    "INSERT INTO tokens(hash,id,user_id,created_ms)" \
	    " VALUES(?,?,?,?)") \
	X(SQL_TOKEN_USER, \
	    "SELECT u.id,u.name,u.created_ms FROM tokens t" \
	    " JOIN users u ON u.id=t.user_id WHERE t.hash=?") \
	X(SQL_TOKEN_DEL, "DELETE FROM tokens WHERE id=?") \
	X(SQL_TOKENS, \
	    "SELECT t.id,u.id,u.name,t.hash,t.created_ms FROM tokens t" \
	    " JOIN users u ON u.id=t.user_id" \
	    " ORDER BY u.name,t.created_ms,t.id") \
	X(SQL_DEVICE_PUT, \
	    "INSERT INTO devices(id,user_id,name,endpoints," \
	    "public_key_pin,seal_public_key,ticket_key,created_ms)" \
	    " VALUES(?,?,?,?,?,?,?,?)") \
	X(SQL_DEVICE_CHECK, "SELECT 1 FROM devices WHERE id=? AND user_id=?") \
	X(SQL_DEVICE_MOVE, \
	    "UPDATE devices SET endpoints=?," \
	    "public_key_pin=ifnull(?,public_key_pin)" \
	    " WHERE id=? AND user_id=?") \
	X(SQL_DEVICE_GET, \
	    "SELECT id,user_id,name,endpoints,public_key_pin," \
	    "seal_public_key,ticket_key,created_ms FROM devices" \
	    " WHERE id=?1 AND (?2 IS NULL OR user_id=?2)") \
	X(SQL_DEVICE_NEWEST, \
	    "SELECT id,user_id,name,endpoints,public_key_pin," \
	    "seal_public_key,ticket_key,created_ms FROM devices" \
	    " WHERE user_id=? AND public_key_pin IS NOT NULL" \
	    " ORDER BY created_ms DESC,id LIMIT 1") \
	X(SQL_PROJECT_PUT, \
	    "INSERT INTO projects(id,owner_id,name,log_id,last_seq," \
	    "stamp_us,tree_count,tree_bytes,tree_sum,files,baseline," \
	    "publisher,generation,created_ms)" \
	    " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)") \
	X(SQL_PROJECT_GET, \
	    "SELECT " SQLITE_PROJECT_COLUMNS ",m.user_id FROM projects p" \
	    " LEFT JOIN project_members m" \
	    " ON m.project_no=p.no AND m.user_id=?2" \
	    " WHERE p.id=?1 AND (p.owner_id=?2 OR m.user_id IS NOT NULL)") \
	X(SQL_PROJECT_SAVE, \
	    "UPDATE projects SET last_seq=?,stamp_us=?,tree_count=?," \
	    "tree_bytes=?,tree_sum=?,files=?,baseline=?,publisher=?," \
	    "generation=? WHERE no=?") \
	X(SQL_PROJECTS, \
	    "SELECT " SQLITE_PROJECT_COLUMNS " FROM projects p" \
	    " WHERE p.owner_id=?1 OR p.no IN" \
	    " (SELECT project_no FROM project_members WHERE user_id=?1)" \
	    " ORDER BY p.no") \
	X(SQL_PROJECT_FIND, \
	    "SELECT " SQLITE_PROJECT_COLUMNS " FROM projects p" \
	    " WHERE p.id=?") \
	X(SQL_PROJECT_AFTER, "SELECT min(no) FROM projects WHERE no>?") \
	X(SQL_PROJECT_RENEW, "UPDATE projects SET log_id=? WHERE no=?") \
	X(SQL_MEMBER_PUT, \
	    "INSERT OR IGNORE INTO" \
	    " project_members(project_no,user_id,joined_ms)" \
	    " VALUES(?,?,?)") \
	X(SQL_MEMBER_DEL, \
	    "DELETE FROM project_members WHERE project_no=? AND user_id=?") \
	X(SQL_MEMBERS, \
	    "SELECT u.id,u.name,1,p.created_ms FROM projects p" \
	    " JOIN users u ON u.id=p.owner_id WHERE p.no=?1" \
	    " UNION ALL SELECT * FROM (SELECT u.id,u.name,0,m.joined_ms" \
	    " FROM project_members m JOIN users u ON u.id=m.user_id" \
	    " WHERE m.project_no=?1 AND m.user_id NOT IN" \
	    " (SELECT owner_id FROM projects WHERE no=?1)" \
	    " ORDER BY m.joined_ms,u.name)") \
	X(SQL_ACCESS, "SELECT stamp FROM access") \
	X(SQL_INVITE_PUT, \
	    "INSERT INTO invites(hash,project_no,used_by,created_ms," \
	    "expires_ms) VALUES(?,?,NULL,?,?)") \
	X(SQL_INVITE_GET, \
	    "SELECT p.id,p.no,i.used_by,i.created_ms,i.expires_ms" \
	    " FROM invites i JOIN projects p ON p.no=i.project_no" \
	    " WHERE i.hash=?") \
	X(SQL_INVITE_USE, "UPDATE invites SET used_by=? WHERE hash=?") \
	X(SQL_FILES_GET, \
	    "SELECT " SQLITE_FILE_COLUMNS ",h.hold_id FROM wanted w" \
	    " CROSS JOIN remote_files f" \
	    " LEFT JOIN hold_paths h" \
	    " ON h.project_no=f.project_no AND h.path=f.path" \
	    " WHERE f.project_no=? AND f.path=w.path") \
	X(SQL_FILES_PUT, \
	    "INSERT OR FAIL INTO remote_files" \
	    "(project_no," SQLITE_GIVEN_COLUMNS \
	    ") SELECT ?," SQLITE_GIVEN_COLUMNS " FROM given WHERE true" \
	    " ON CONFLICT(project_no,path) DO UPDATE SET" \
	    " kind=excluded.kind,hash=excluded.hash,size=excluded.size," \
	    "mtime_us=excluded.mtime_us,mode=excluded.mode," \
	    "link_target=excluded.link_target," \
	    "recording=excluded.recording,version=excluded.version," \
	    "seq=excluded.seq,created_ms=excluded.created_ms," \
	    "stamp_us=excluded.stamp_us,deleted_ms=excluded.deleted_ms," \
	    "deleted_by=excluded.deleted_by") \
	X(SQL_FILES_STAMP, \
	    "SELECT " SQLITE_FILE_COLUMNS " FROM remote_files f" \
	    " WHERE f.project_no=?1 AND f.stamp_us>?2" \
	    " AND (f.deleted_ms IS NULL OR ?3)" \
	    " ORDER BY f.stamp_us LIMIT ?4") \
	X(SQL_FILES_STAMP_WIDE, \
	    "SELECT " SQLITE_FILE_COLUMNS " FROM remote_files f" \
	    " INDEXED BY remote_files_stamp" \
	    " WHERE f.project_no=?1 AND f.stamp_us>?2" \
	    " AND (f.deleted_ms IS NULL OR ?3)" \
	    " AND f.path>=?5 AND f.path<?6" \
	    " ORDER BY f.stamp_us LIMIT ?4") \
	X(SQL_FILES_STAMP_NARROW, \
	    "SELECT " SQLITE_FILE_COLUMNS " FROM remote_files f" \
	    " WHERE f.project_no=?1 AND +f.stamp_us>?2" \
	    " AND (f.deleted_ms IS NULL OR ?3)" \
	    " AND f.path>=?5 AND f.path<?6" \
	    " ORDER BY +f.stamp_us LIMIT ?4") \
	X(SQL_FILES_COUNT, \
	    "SELECT count(*) FROM (SELECT 1 FROM remote_files" \
	    " WHERE project_no=? AND path>=? AND path<? LIMIT ?)") \
	X(SQL_FILES_PATH, \
	    "SELECT " SQLITE_FILE_COLUMNS " FROM remote_files f" \
	    " WHERE f.project_no=?1 AND f.path>=?2 AND f.path<?3" \
	    " AND (f.deleted_ms IS NULL OR ?4)" \
	    " ORDER BY f.path LIMIT ?5") \
	X(SQL_EVENTS_PUT, \
	    "INSERT OR FAIL INTO project_events" \
	    "(project_no," SQLITE_NEWS_COLUMNS \
	    ") SELECT ?," SQLITE_NEWS_COLUMNS " FROM news") \
	X(SQL_EVENTS, \
	    "SELECT seq,change,created_ms FROM project_events" \
	    " WHERE project_no=? AND seq>=? ORDER BY seq LIMIT ?") \
	X(SQL_EPOCH_GET, \
	    "SELECT generation,counter,digest,current,answer FROM epochs" \
	    " WHERE project_no=? AND device_id=? AND epoch=?") \
	X(SQL_EPOCH_HEAD, \
	    "SELECT epoch,generation,counter FROM epochs" \
	    " WHERE project_no=? AND device_id=? AND current=1") \
	X(SQL_EPOCH_END, \
	    "UPDATE epochs SET current=0,answer=NULL WHERE project_no=?" \
	    " AND device_id=? AND epoch<>? AND current=1") \
	X(SQL_EPOCH_PUT, \
	    "INSERT INTO epochs(project_no,device_id,epoch,generation," \
	    "counter,digest,current,answer) VALUES(?,?,?,?,?,?,?,?)" \
	    " ON CONFLICT(project_no,device_id,epoch) DO UPDATE SET" \
	    " generation=excluded.generation,counter=excluded.counter," \
	    "digest=excluded.digest,current=excluded.current," \
	    "answer=excluded.answer") \
	X(SQL_HOLD_PUT, \
	    "INSERT INTO holds(project_no,id,device_id,created_ms)" \
	    " VALUES(?,?,?,?)") \
	X(SQL_HOLD_PATH_PUT, \
	    "INSERT OR REPLACE INTO hold_paths(project_no,path,hold_id)" \
	    " VALUES(?,?,?)") \
	X(SQL_HOLD_PATH_DEL, \
	    "DELETE FROM hold_paths WHERE project_no=? AND path=?") \
	X(SQL_HOLD_BELOW, \
	    "SELECT 1 FROM hold_paths WHERE project_no=? AND path>=?" \
	    " AND path<? LIMIT 1") \
	X(SQL_HOLD_SWEEP, \
	    "DELETE FROM holds WHERE project_no=? AND NOT EXISTS" \
	    " (SELECT 1 FROM hold_paths x WHERE" \
	    " x.project_no=holds.project_no AND x.hold_id=holds.id)") \
	X(SQL_HOLD_DROP_PATHS, \
	    "DELETE FROM hold_paths WHERE project_no=? AND hold_id=?") \
	X(SQL_HOLD_DROP, "DELETE FROM holds WHERE project_no=? AND id=?") \
	X(SQL_HOLDS, \
	    "SELECT h.id,h.device_id,h.created_ms," \
	    "(SELECT count(*) FROM hold_paths x WHERE" \
	    " x.project_no=h.project_no AND x.hold_id=h.id)" \
	    " FROM holds h WHERE h.project_no=?" \
	    " ORDER BY h.created_ms,h.id") \
	X(SQL_HOLD_PATHS, \
	    "SELECT path FROM hold_paths WHERE project_no=?" \
	    " AND hold_id=? ORDER BY path LIMIT ?") \
	X(SQL_TRANSFER_PUT, \
	    "INSERT INTO file_transfers(id,project_no,requester_id," \
	    "requester_device,source_id,source_device,path,hash,size," \
	    "version,status,verdict,route,error,created_ms,ended_ms,bytes)" \
	    " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)" \
	    " ON CONFLICT(id) DO UPDATE SET" \
	    " source_id=excluded.source_id," \
	    "source_device=excluded.source_device," \
	    "status=excluded.status,verdict=excluded.verdict," \
	    "route=excluded.route,error=excluded.error," \
	    "ended_ms=excluded.ended_ms,bytes=excluded.bytes") \
	X(SQL_PROGRESS_PUT, \
	    "INSERT OR REPLACE INTO file_transfer_progress(transfer_id," \
	    "bytes,started_ms,started_bytes,updated_ms,pushed_ms,ended_ms)" \
	    " VALUES(?,?,?,?,?,?,nullif(?,0))") \
	X(SQL_PROGRESS_SWEEP, \
	    "DELETE FROM file_transfer_progress WHERE ended_ms<?") \
	X(SQL_TRANSFER_GET, \
	    "SELECT " SQLITE_TRANSFER_COLUMNS SQLITE_TRANSFER_TABLES \
	    " WHERE t.project_no=? AND t.id=?") \
	X(SQL_TRANSFER_SAME, \
	    "SELECT " SQLITE_TRANSFER_COLUMNS SQLITE_TRANSFER_TABLES \
	    " WHERE t.project_no=?1 AND t.requester_id=?2" \
	    " AND t.status IN (0,1) AND t.requester_device=?3" \
	    " AND t.path=?4 AND t.hash=?5 LIMIT 1") \
	X(SQL_TRANSFERS, \
	    "SELECT " SQLITE_TRANSFER_COLUMNS SQLITE_TRANSFER_TABLES \
	    " WHERE t.project_no=?1 AND (?2<0 OR t.status=?2)" \
	    " ORDER BY t.no DESC LIMIT ?3") \
	X(SQL_TRANSFERS_OF, \
	    "SELECT " SQLITE_TRANSFER_COLUMNS SQLITE_TRANSFER_TABLES \
	    " WHERE t.project_no=?1 AND (?2<0 OR t.status=?2)" \
	    " AND t.requester_id=?4 ORDER BY t.no DESC LIMIT ?3") \
	X(SQL_MILESTONE_PUT, \
	    "INSERT INTO transfer_events(transfer_id,type,user_id,at_ms," \
	    "bytes) VALUES(?,?,?,?,?)") \
	X(SQL_MILESTONES, \
	    "SELECT type,user_id,at_ms,bytes FROM transfer_events" \
	    " WHERE transfer_id=? ORDER BY no")

enum sqlite_sql {
#define SQLITE_SQL_ENUM(name, sql) name,
	SQLITE_SQL_MAP(SQLITE_SQL_ENUM)
#undef SQLITE_SQL_ENUM
	    SQL_COUNT
};

/* Statements by enum sqlite_sql; migrations by the version they start at. */
extern const char *const sqlite_sql[];
extern const char *const sqlite_sql_migrations[];
extern const int sqlite_sql_version; /* of the schema after the last one */

#endif
