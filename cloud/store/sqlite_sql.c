#include "cloud/store/sqlite_sql.h"

const char *const sqlite_sql[] = {
#define SQLITE_SQL_TEXT(name, sql) [name] = (sql),
	SQLITE_SQL_MAP(SQLITE_SQL_TEXT)
#undef SQLITE_SQL_TEXT
};

/*
 * A change of the schema is one more migration; those that have been
 * released never change.  Paths are TEXT with the binary collation: their
 * order is that of their bytes.
 */
static const char schema_1[] =
    "CREATE TABLE users("
    " id TEXT NOT NULL PRIMARY KEY,"
    " name TEXT NOT NULL UNIQUE,"
    " created_ms INTEGER NOT NULL) WITHOUT ROWID;"

    "CREATE TABLE tokens("
    " hash BLOB NOT NULL PRIMARY KEY,"
    " id TEXT NOT NULL UNIQUE,"
    " user_id TEXT NOT NULL REFERENCES users(id),"
    " created_ms INTEGER NOT NULL) WITHOUT ROWID;"

    "CREATE TABLE devices("
    " id TEXT NOT NULL PRIMARY KEY,"
    " user_id TEXT NOT NULL REFERENCES users(id),"
    " name TEXT NOT NULL,"
    " endpoints TEXT NOT NULL,"
    " public_key_pin TEXT,"
    " seal_public_key TEXT,"
    " ticket_key BLOB NOT NULL,"
    " created_ms INTEGER NOT NULL) WITHOUT ROWID;"

    "CREATE TABLE projects("
    " no INTEGER PRIMARY KEY,"
    " id TEXT NOT NULL UNIQUE,"
    " owner_id TEXT NOT NULL REFERENCES users(id),"
    " name TEXT NOT NULL,"
    " log_id TEXT NOT NULL,"
    " last_seq INTEGER NOT NULL,"
    " stamp_us INTEGER NOT NULL,"
    " tree_count INTEGER NOT NULL,"
    " tree_bytes INTEGER NOT NULL,"
    " tree_sum BLOB NOT NULL,"
    " files INTEGER NOT NULL,"
    " baseline INTEGER NOT NULL,"
    " publisher TEXT NOT NULL,"
    " generation INTEGER NOT NULL,"
    " created_ms INTEGER NOT NULL);"
    "CREATE INDEX projects_owner ON projects(owner_id);"

    "CREATE TABLE project_members("
    " project_no INTEGER NOT NULL REFERENCES projects(no),"
    " user_id TEXT NOT NULL REFERENCES users(id),"
    " PRIMARY KEY(project_no,user_id)) WITHOUT ROWID;"
    "CREATE INDEX project_members_user ON project_members(user_id);"

    "CREATE TABLE remote_files("
    " project_no INTEGER NOT NULL,"
    " path TEXT NOT NULL,"
    " kind INTEGER NOT NULL,"
    " hash TEXT,"
    " size INTEGER NOT NULL,"
    " mtime_us INTEGER,"
    " mode INTEGER NOT NULL,"
    " link_target TEXT,"
    " recording INTEGER NOT NULL,"
    " version INTEGER NOT NULL,"
    " seq INTEGER NOT NULL,"
    " created_ms INTEGER NOT NULL,"
    " stamp_us INTEGER NOT NULL,"
    " deleted_ms INTEGER,"
    " deleted_by TEXT,"
    " PRIMARY KEY(project_no,path)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX remote_files_stamp"
    " ON remote_files(project_no,stamp_us);"

    "CREATE TABLE project_events("
    " project_no INTEGER NOT NULL,"
    " seq INTEGER NOT NULL,"
    " change TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL,"
    " PRIMARY KEY(project_no,seq)) WITHOUT ROWID;"

    "CREATE TABLE epochs("
    " project_no INTEGER NOT NULL,"
    " device_id TEXT NOT NULL,"
    " epoch TEXT NOT NULL,"
    " generation INTEGER NOT NULL,"
    " counter INTEGER NOT NULL,"
    " digest BLOB NOT NULL,"
    " current INTEGER NOT NULL,"
    " answer BLOB,"
    " PRIMARY KEY(project_no,device_id,epoch));"

    "CREATE TABLE holds("
    " project_no INTEGER NOT NULL,"
    " id TEXT NOT NULL,"
    " device_id TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL,"
    " PRIMARY KEY(project_no,id)) WITHOUT ROWID;"

    "CREATE TABLE hold_paths("
    " project_no INTEGER NOT NULL,"
    " path TEXT NOT NULL,"
    " hold_id TEXT NOT NULL,"
    " PRIMARY KEY(project_no,path)) WITHOUT ROWID;"
    "CREATE INDEX hold_paths_hold ON hold_paths(project_no,hold_id);";

/*
 * Members, devices that move, transfers.  Whoever loses a right, by whatever
 * means, moves access.stamp: those who serve long-lived connections look at
 * one number to know that nothing has changed.
 */
static const char schema_2[] =
    "ALTER TABLE project_members"
    " ADD COLUMN joined_ms INTEGER NOT NULL DEFAULT 0;"
    "UPDATE project_members SET joined_ms=(SELECT created_ms FROM projects"
    " WHERE no=project_no);"

    "CREATE INDEX devices_user ON devices(user_id,created_ms);"

    "CREATE TABLE access("
    " one INTEGER PRIMARY KEY CHECK(one=1),"
    " stamp INTEGER NOT NULL);"
    "INSERT INTO access(one,stamp) VALUES(1,1);"
    "CREATE TRIGGER tokens_gone AFTER DELETE ON tokens"
    " BEGIN UPDATE access SET stamp=stamp+1; END;"
    "CREATE TRIGGER members_gone AFTER DELETE ON project_members"
    " BEGIN UPDATE access SET stamp=stamp+1; END;"

    "CREATE TABLE invites("
    " hash BLOB NOT NULL PRIMARY KEY,"
    " project_no INTEGER NOT NULL REFERENCES projects(no),"
    " used_by TEXT REFERENCES users(id),"
    " created_ms INTEGER NOT NULL,"
    " expires_ms INTEGER NOT NULL) WITHOUT ROWID;"

    "CREATE TABLE file_transfers("
    " no INTEGER PRIMARY KEY,"
    " id TEXT NOT NULL UNIQUE,"
    " project_no INTEGER NOT NULL REFERENCES projects(no),"
    " requester_id TEXT NOT NULL REFERENCES users(id),"
    " requester_device TEXT NOT NULL,"
    " source_id TEXT NOT NULL REFERENCES users(id),"
    " source_device TEXT NOT NULL REFERENCES devices(id),"
    " path TEXT NOT NULL,"
    " hash TEXT NOT NULL,"
    " size INTEGER NOT NULL,"
    " version INTEGER NOT NULL,"
    " status INTEGER NOT NULL,"
    " verdict INTEGER NOT NULL,"
    " route TEXT NOT NULL,"
    " error TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL,"
    " ended_ms INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL);"
    "CREATE INDEX file_transfers_project"
    " ON file_transfers(project_no,status,no);"
    "CREATE INDEX file_transfers_requester"
    " ON file_transfers(project_no,requester_id,no);"
    "CREATE INDEX file_transfers_live"
    " ON file_transfers(project_no,requester_id,path)"
    " WHERE status IN (0,1);"

    "CREATE TABLE file_transfer_progress("
    " transfer_id TEXT NOT NULL PRIMARY KEY REFERENCES file_transfers(id),"
    " bytes INTEGER NOT NULL,"
    " started_ms INTEGER NOT NULL,"
    " started_bytes INTEGER NOT NULL,"
    " updated_ms INTEGER NOT NULL,"
    " pushed_ms INTEGER NOT NULL,"
    " ended_ms INTEGER) WITHOUT ROWID;"
    "CREATE INDEX file_transfer_progress_ended"
    " ON file_transfer_progress(ended_ms) WHERE ended_ms IS NOT NULL;"

    "CREATE TABLE transfer_events("
    " no INTEGER PRIMARY KEY,"
    " transfer_id TEXT NOT NULL REFERENCES file_transfers(id),"
    " type TEXT NOT NULL,"
    " user_id TEXT NOT NULL,"
    " at_ms INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL);"
    "CREATE INDEX transfer_events_transfer ON transfer_events(transfer_id);";

const char *const sqlite_sql_migrations[] = { schema_1, schema_2 };
const int sqlite_sql_version =
    sizeof(sqlite_sql_migrations) / sizeof(sqlite_sql_migrations[0]);
