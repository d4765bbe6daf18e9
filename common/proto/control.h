/*
 * The agent's control socket: HTTP/1.1 with JSON on the Unix socket
 * $XDG_RUNTIME_DIR/vsync/agent.sock (runtime of struct vs_dirs).  The
 * command line knows this page and nothing else of the agent.
 *
 * Every answer is one document with "schema" (VS_CONTROL_SCHEMA), "ok", and
 * on failure "error": {"code","message","hint","path"} and "exit" (enum
 * vs_exit); the HTTP status is 200 exactly when ok is true.  Bump
 * VS_CONTROL_SCHEMA when a member changes its meaning.
 *
 * A project is named by "project" (name or id) or found by "cwd" (the
 * caller's working directory); it may be left out when there is only one.
 *
 *  GET  /v1/version   {version, schema, pid}
 *  POST /v1/login     {url, token, device} -> {server, user:{id,name},
 *                     device_id}
 *  POST /v1/init      {dir, name, list_first, project: name or id of one of
 *                     the user's that dir is another copy of|absent: a new
 *                     one is made}
 *                     -> {project_id, name, root, made, ignored:[...],
 *                     stignore: the line to add or null}
 *  GET  /v1/status    ?project=&cwd=  -> {agent:{version,pid,started_at,
 *                     server,device_id,logged_in}, projects:[P...]}
 *                     where P is {id,name,root,role,state,in_sync,
 *                     problems:[{code,severity,message,hint}],
 *                     files,directories,bytes,watcher,dirs_watched,
 *                     coverage,
 *                     overflows,settling,hashing,recording,outbox,in_flight,
 *                     held,refused:[{path,reason}],scanning,last_scan_at,
 *                     conflicts:{count, first:[path...]},
 *                     last_ack_at,last_seq,log_id,lag_seconds,
 *                     tree:{count,bytes,checksum},cloud_tree:{...}|null,
 *                     tree_equal:bool|null}
 *                     state: in_sync, scanning, publishing, offline, paused,
 *                     held, root_lost, auth, diverged, unproven, degraded
 *                     severity: error, warning, info; worst first
 *  GET  /v1/ls        ?project=&path=&recursive=0|1&cursor= ->
 *                     {project_id, files:[{path,name,size,kind,hash,
 *                     modified_at,version,seq,badge}], next_cursor|null}
 *  GET  /v1/log       ?project=&path=&since=N&limit=N ->
 *                     {events:[{seq,created_at,change:{...}}], next_seq,
 *                     last_seq, has_more}
 *  GET  /v1/why       ?project=&path= -> {path, stage, text, waits_for,
 *                     disk:{...}|null, manifest:{...}|null,
 *                     outbox:{...}|null, cloud:{...}|null}
 *  POST /v1/check-ignore {project, paths:[...]} -> {results:[{path, ignored,
 *                     entered, rule|null, source|null, line|null,
 *                     class|null}], fault: why the rules' files cannot be
 *                     used, or ""}; rule decides, from a file (source, line)
 *                     or a built-in class; entered: a hidden folder that is
 *                     read for what a "!" rule may show in it
 *  POST /v1/rescan    {project,path,data} -> when done {entries, changed,
 *                     errors, seconds}
 *  POST /v1/flush     {project, timeout_ms} -> {last_seq, recording}
 *  POST /v1/wait      {project, timeout_ms} -> {last_seq}: in sync, proven
 *  POST /v1/pause     {project|absent: all}; POST /v1/resume likewise
 *  POST /v1/adopt     {project, take_over, new_marker} -> {project_id, name,
 *                     root, adopted, took_over, generation: the publisher's,
 *                     0 without take_over}
 *  GET  /v1/held      -> {count, held:[{path,kind,size}], more:bool}
 *  POST /v1/held      {project, approve:bool} -> {count}
 *  GET  /v1/watch     ?project= -> application/x-ndjson stream, one object a
 *                     line: {type:"status",...P}, {type:"committed"|
 *                     "published"|"held"|"refused"|"recording"|"scanned"|
 *                     "state", project, path, op, seq, size, n, text, at}
 *  GET  /v1/manifest  ?project= -> application/x-ndjson: every entry
 *                     {path,kind,size,hash,mtime,mode}
 *  POST /v1/invite    {project, expires_in: seconds|absent} -> {token,
 *                     expires_at, project_id}
 *  POST /v1/join      {token, dir} -> {project_id, name, root, role}
 *  GET  /v1/members   ?project= -> {members:[{user_id,name,role,joined_at}]}
 *  POST /v1/members/remove {project, user: name or id} -> {}
 *  POST /v1/pull      {project, paths:[...], dry, force, out: absolute
 *                     folder|null} -> {files:[{path,size,action,reason}],
 *                     fetch_files, fetch_bytes, reuse_files, reuse_bytes,
 *                     have_files, have_bytes, conflicts, space, enough,
 *                     pulls:[id...]}
 *                     action: fetch, reuse, have, conflict, refuse
 *  GET  /v1/transfers ?project=&limit= -> {transfers:[{id,path,state,size,
 *                     bytes,error,exit,endpoint,out,source,ended_at}]}, live
 *                     ones first, then the newest; exit of a failed one is
 *                     an enum vs_exit, else 0; out: another folder that it
 *                     goes to, or ""; source: a copy here that it is made
 *                     of, or ""; state: queued, asked, fetching,
 *                     verifying, completed, failed, cancelled
 *  POST /v1/cancel    {project, id|null: all} -> {cancelled}
 *                     a member's P in status has role "member", state
 *                     following, catching_up, pulling, offline, paused,
 *                     root_lost, auth, degraded or in_sync, and here_files,
 *                     here_bytes, pulls, pull_bytes; its watch stream has
 *                     {type:"changed", path, op, seq, size}, {type:
 *                     "caught_up", seq, n} and {type:"pull", pull: id, path,
 *                     text: state, size, n: bytes}
 *  GET  /metrics      OpenMetrics text
 *  POST /v1/quit      ends the agent
 *
 * Where no agent runs, the command line starts one of its own, with a pipe
 * it keeps open as standard input, and waits until the socket accepts:
 *   vsync-agent --attended          all of an agent; ends when its standard
 *                                   input does (vsync watch)
 *   vsync-agent --attended --idle   the socket only, no project is served
 *                                   (login, init)
 */
#ifndef VS_CONTROL_H
#define VS_CONTROL_H

#define VS_CONTROL_SCHEMA 1
#define VS_CONTROL_SOCKET "agent.sock"

/* Exit codes of the command line, also sent as "exit". */
enum vs_exit {
	VS_EXIT_OK = 0, /* done, or in sync */
	VS_EXIT_ERROR = 1,
	VS_EXIT_USAGE = 2,
	VS_EXIT_NOT_IN_SYNC = 3, /* or degraded (--check) */
	VS_EXIT_NOT_FOUND = 4,
	VS_EXIT_AGAIN = 5, /* try again */
	VS_EXIT_PERMISSION = 6, /* permission or token */
	VS_EXIT_DECIDE = 7, /* a person must decide */
	VS_EXIT_LIMIT = 8, /* space and other limits */
	VS_EXIT_VERIFY = 10, /* verification failed */
	VS_EXIT_NO_AGENT = 69, /* agent not reachable */
	VS_EXIT_TEMPFAIL = 75, /* temporary failure of the agent */
	VS_EXIT_CONFIG = 78, /* bad configuration */
};

/* The exit code that fits a VS_E* code; VS_EXIT_ERROR where none does. */
enum vs_exit vs_control_exit(int code);

#endif
