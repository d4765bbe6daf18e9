/* Every SQL statement of the SQLite store, by name, and its schema. */
#ifndef SQLITE_SQL_H
#define SQLITE_SQL_H

/* The columns of a listing row, in the order sqlite_file_row reads them. */
#define SQLITE_FILE_COLUMNS \
	"f.path,f.kind,f.hash,f.size,f.mtime_us,f.mode,f.link_target," \
	"f.recording,f.version,f.seq,f.created_ms,f.stamp_us,f.deleted_ms," \
	"f.deleted_by"

#define SQLITE_PROJECT_COLUMNS \
	"p.no,p.id,p.owner_id,p.name,p.log_id,p.last_seq,p.stamp_us," \
	"p.tree_count,p.tree_bytes,p.tree_sum,p.files,p.baseline," \
	"p.publisher,p.generation,p.created_ms"

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
	X(SQL_MEMBER_PUT, \
	    "INSERT OR IGNORE INTO project_members(project_no,user_id)" \
	    " VALUES(?,?)") \
	X(SQL_FILE_GET, \
	    "SELECT " SQLITE_FILE_COLUMNS ",h.hold_id FROM remote_files f" \
	    " LEFT JOIN hold_paths h" \
	    " ON h.project_no=f.project_no AND h.path=f.path" \
	    " WHERE f.project_no=? AND f.path=?") \
	X(SQL_FILE_PUT, \
	    "INSERT INTO remote_files(project_no,path,kind,hash,size," \
	    "mtime_us,mode,link_target,recording,version,seq,created_ms," \
	    "stamp_us,deleted_ms,deleted_by)" \
	    " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)" \
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
	X(SQL_EVENT_PUT, \
	    "INSERT INTO project_events(project_no,seq,change,created_ms)" \
	    " VALUES(?,?,?,?)") \
	X(SQL_EVENTS, \
	    "SELECT seq,change,created_ms FROM project_events" \
	    " WHERE project_no=? AND seq>=? ORDER BY seq LIMIT ?") \
	X(SQL_EPOCH_GET, \
	    "SELECT generation,counter,digest,current,answer FROM epochs" \
	    " WHERE project_no=? AND device_id=? AND epoch=?") \
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
	    " AND hold_id=? ORDER BY path LIMIT ?")

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
