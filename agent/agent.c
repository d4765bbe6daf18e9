#include "agent/agent.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "agent/control.h"
#include "agent/crew.h"
#include "agent/manager.h"
#include "agent/post.h"
#include "agent/projects.h"
#include "agent/sharing.h"
#include "agent/signals.h"
#include "common/base/hex.h"
#include "common/base/log.h"
#include "common/net/httpc.h"
#include "common/os/clock.h"
#include "common/os/lock.h"
#include "common/os/sock.h"
#include "common/proto/control.h"

#define STOP_MS 1800 /* all is durable anyway: then it just ends */
#define QUIT_MS 50 /* for the answer to get out */
#define HASH_JOBS 32 /* a worker, so that none waits for the engine */

struct agent {
	const struct agent_options *options;
	uv_loop_t loop;
	struct vs_dirs dirs;
	char config_path[PATH_MAX];
	struct config config;
	struct account account;
	struct vs_key key; /* this device's */
	unsigned generation; /* of the account */
	int lock; /* descriptor, -1: not held */
	struct post *post;
	struct crew *crew;
	struct vs_httpc *httpc;
	struct session *session;
	struct control *control;
	struct sharing *sharing;
	struct project_host host;
	struct projects *projects;
	struct signals signals;
	uv_timer_t watchdog;
	uv_timer_t quit;
	uv_timer_t deadline;
	uv_poll_t parent; /* standard input */
	bool has_parent;
	int64_t started_ms;
	bool stopping;
	struct vs_err result; /* why it ended */
};

static void agent_stop(struct agent *a);
static void agent_apply(struct agent *a);

uv_loop_t *agent_loop(struct agent *a)
{
	return &a->loop;
}

const struct vs_dirs *agent_dirs(const struct agent *a)
{
	return &a->dirs;
}

const struct config *agent_config(const struct agent *a)
{
	return &a->config;
}

const struct account *agent_account(const struct agent *a)
{
	return &a->account;
}

struct session *agent_session(struct agent *a)
{
	return a->session;
}

unsigned agent_generation(const struct agent *a)
{
	return a->generation;
}

const struct vs_key *agent_key(const struct agent *a)
{
	return &a->key;
}

enum vs_log_level agent_log_level(const struct agent *a)
{
	return a->options->verbose ? VS_LOG_DEBUG : a->config.level;
}

enum vs_log_format agent_log_format(const struct agent *a)
{
	return a->options->json || a->config.json ? VS_LOG_JSON : VS_LOG_PLAIN;
}

int64_t agent_started_ms(const struct agent *a)
{
	return a->started_ms;
}

bool agent_idle(const struct agent *a)
{
	return a->options->idle;
}

struct project *agent_project(struct agent *a, const char *id)
{
	return projects_find(a->projects, id);
}

bool agent_settled(const struct agent *a)
{
	return projects_settled(a->projects);
}

/* Projects. */

/* Makes what runs agree with the configuration. */
static void agent_apply(struct agent *a)
{
	if (a->stopping || agent_idle(a))
		return;
	/* without a device the cloud would not know who is writing */
	if (a->account.device_id[0] == '\0')
		projects_stop(a->projects);
	else
		projects_apply(a->projects, &a->config, a->generation);
	sharing_apply(a->sharing);
	manager_tell("STATUS=%zu of %zu projects served",
	    projects_count(a->projects), a->config.nprojects);
}

static void project_started(void *arg, struct project *p)
{
	struct agent *a = arg;

	control_project(a->control, p);
}

static void project_stopped(void *arg)
{
	struct agent *a = arg;

	if (a->stopping)
		agent_stop(a);
	else
		agent_apply(a);
}

static void host_news(
    void *arg, struct project *p, const struct project_news *n)
{
	struct agent *a = arg;

	if (!a->stopping)
		control_news(a->control, p, n);
}

static void host_failed(void *arg, struct project *p, const struct vs_err *why)
{
	struct agent *a = arg;

	vs_log(VS_LOG_ERR, "project: %s: state not opened: %s", project_id(p),
	    why->msg);
	if (why->code == VS_ESCHEMA && !a->stopping) {
		a->result = *why;
		agent_stop(a);
	}
}

/* The account and the configuration. */

static int config_read(struct agent *a, struct config *c, struct vs_err *err)
{
	int r = config_load(c, a->config_path, err);

	if (r < 0)
		return r;
	r = config_check(c, &a->dirs, err);
	if (r < 0)
		config_release(c);
	return r;
}

static void log_configure(const struct agent *a)
{
	vs_log_setup(agent_log_level(a), agent_log_format(a));
}

int agent_reload(struct agent *a, struct vs_err *err)
{
	struct config config;
	struct account *account = malloc(sizeof(*account));
	int r;

	if (account == NULL)
		return vs_err_set(err, VS_ENOMEM, "reload: out of memory");
	r = config_read(a, &config, err);
	if (r < 0)
		goto out;
	r = account_load(account, &a->dirs, err);
	if (r == VS_OK)
		r = session_set(a->session, config.url, account->token, err);
	if (r < 0) {
		config_release(&config);
		goto out;
	}
	/* other credentials: what waits for a person can go on */
	if (memcmp(account, &a->account, sizeof(*account)) != 0 ||
	    strcmp(config.url != NULL ? config.url : "",
		a->config.url != NULL ? a->config.url : "") != 0)
		a->generation++;
	a->account = *account;
	config_release(&a->config);
	a->config = config;
	agent_apply(a);
out:
	explicit_bzero(account, sizeof(*account));
	free(account);
	return r;
}

int agent_login(struct agent *a, const char *url, const struct account *account,
    struct vs_err *err)
{
	int r = account_save_device(account, &a->dirs, err);

	if (r == VS_OK)
		r = account_save_token(account, &a->dirs, err);
	if (r == VS_OK)
		r = config_set_server(a->config_path, url, err);
	if (r < 0)
		return r;
	/* even the same token: whoever logs in wants another try */
	a->generation++;
	return agent_reload(a, err);
}

int agent_ticket_key(struct agent *a, const char *key, struct vs_err *err)
{
	int r;

	if (!vs_hex_is_hash(key))
		return vs_err_set(
		    err, VS_EPROTO, "the server's key for tickets is none");
	memcpy(a->account.ticket_key, key, sizeof(a->account.ticket_key));
	r = account_save_device(&a->account, &a->dirs, err);
	sharing_apply(a->sharing);
	return r;
}

/* Signals, the parent, the watchdog. */

static void signal_end(void *arg, int number)
{
	struct agent *a = arg;

	if (a->stopping)
		_exit(VS_EXIT_TEMPFAIL);
	vs_log(VS_LOG_INFO, "agent: %s: stopping", strsignal(number));
	agent_stop(a);
}

static void signal_reload(void *arg)
{
	struct agent *a = arg;
	struct vs_err err = VS_ERR_INIT;

	if (a->stopping)
		return;
	manager_tell("RELOADING=1\nMONOTONIC_USEC=%llu",
	    (unsigned long long)(uv_hrtime() / 1000));
	if (agent_reload(a, &err) < 0)
		vs_log(VS_LOG_ERR, "agent: not reloaded: %s", err.msg);
	else
		vs_log(VS_LOG_INFO, "agent: configuration reloaded");
	manager_tell("READY=1");
}

static void signal_dump(void *arg)
{
	struct agent *a = arg;

	if (!a->stopping)
		control_dump(a->control);
}

static void parent_ready(uv_poll_t *poll, int status, int events)
{
	struct agent *a = poll->data;
	char drop[256];
	ssize_t n = -1;

	(void)events;
	if (status == 0)
		n = read(STDIN_FILENO, drop, sizeof(drop));
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	uv_poll_stop(poll);
	if (!a->stopping)
		agent_stop(a);
}

static void watchdog_due(uv_timer_t *timer)
{
	(void)timer;
	manager_tell("WATCHDOG=1");
}

static void quit_due(uv_timer_t *timer)
{
	struct agent *a = timer->data;

	if (!a->stopping)
		agent_stop(a);
}

void agent_quit(struct agent *a)
{
	uv_timer_start(&a->quit, quit_due, QUIT_MS, 0);
}

static void deadline_due(uv_timer_t *timer)
{
	struct agent *a = timer->data;

	/* a disk that does not answer, say; the state is durable as it is */
	vs_log(VS_LOG_WARN, "agent: ended while a project was still busy");
	_exit(a->result.code == VS_OK ? VS_EXIT_OK
				      : (int)vs_control_exit(a->result.code));
}

static int parent_start(struct agent *a, struct vs_err *err)
{
	int r;

	if (!a->options->attended)
		return VS_OK;
	r = uv_poll_init(&a->loop, &a->parent, STDIN_FILENO);
	if (r != 0)
		return vs_err_set(err, VS_EINVAL,
		    "--attended: standard input must be a pipe that stays "
		    "open as long as the agent is wanted");
	a->has_parent = true;
	a->parent.data = a;
	r = uv_poll_start(
	    &a->parent, UV_READABLE | UV_DISCONNECT, parent_ready);
	return r == 0 ? VS_OK : vs_err_errno(err, -r, "standard input");
}

static void timers_start(struct agent *a)
{
	int64_t ms = manager_watchdog_ms();

	uv_timer_init(&a->loop, &a->watchdog);
	uv_timer_init(&a->loop, &a->quit);
	uv_timer_init(&a->loop, &a->deadline);
	a->quit.data = a->deadline.data = a;
	if (ms > 0)
		uv_timer_start(
		    &a->watchdog, watchdog_due, (uint64_t)ms, (uint64_t)ms);
}

/* Beginning. */

static void state_warn(const char *dir)
{
	struct statfs fs;

	if (statfs(dir, &fs) != 0)
		return;
	if (fs.f_type == NFS_SUPER_MAGIC || fs.f_type == FUSE_SUPER_MAGIC)
		vs_log(VS_LOG_WARN,
		    "agent: the state directory %s is on a network or user "
		    "space file system, whose locks and syncs may not hold: "
		    "set XDG_STATE_HOME to a local disk",
		    dir);
}

static int lock_take(struct agent *a, struct vs_err *err)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/agent.lock", a->dirs.state) >=
	    (int)sizeof(path))
		return vs_err_set(err, VS_ELIMIT, "lock: path too long");
	a->lock = vs_lock_take(path, err);
	if (a->lock == VS_EBUSY)
		return vs_err_wrap(err,
		    "another agent serves the state directory %s",
		    a->dirs.state);
	return a->lock < 0 ? a->lock : VS_OK;
}

/* Without one all goes on but the way from device to device. */
static void key_load(struct agent *a)
{
	struct vs_err err = VS_ERR_INIT;

	if (vs_key_load(&a->key, a->dirs.state, &err) < 0)
		vs_log(VS_LOG_ERR,
		    "agent: no key of this device, so nothing is fetched "
		    "from here or to here: %s",
		    err.msg);
}

/* What needs no loop: directories, lock, configuration, account. */
static int agent_prepare(struct agent *a, struct vs_err *err)
{
	int r = vs_dirs_find(&a->dirs, err);
	int n;

	if (r < 0)
		return r;
	n = a->options->config != NULL
	    ? snprintf(a->config_path, PATH_MAX, "%s", a->options->config)
	    : snprintf(a->config_path, PATH_MAX, "%s/config", a->dirs.config);
	if (n >= PATH_MAX)
		return vs_err_set(err, VS_ECONFIG,
		    "configuration: path "
		    "too long");
	/* before anything is made: it could be made inside a watched root */
	r = config_read(a, &a->config, err);
	if (r < 0)
		return r;
	log_configure(a);
	r = vs_dirs_make(&a->dirs, err);
	if (r == VS_OK)
		r = lock_take(a, err);
	if (r == VS_OK)
		r = account_load(&a->account, &a->dirs, err);
	if (r < 0)
		return r;
	key_load(a);
	state_warn(a->dirs.state);
	return r;
}

static int worker_count(const struct agent *a)
{
	unsigned n = a->config.workers > 0 ? (unsigned)a->config.workers
					   : uv_available_parallelism();

	return n < 2 ? 2 : (int)n;
}

static int services_start(struct agent *a, struct vs_err *err)
{
	int workers = worker_count(a);
	int r = post_new(&a->post, &a->loop, err);

	if (r == VS_OK)
		r = crew_new(&a->crew, workers + CREW_SPARE, err);
	if (r == VS_OK)
		r = vs_httpc_new(&a->httpc, &a->loop, err);
	if (r == VS_OK)
		r = session_new(&a->session, &a->loop, a->httpc, err);
	if (r == VS_OK)
		r = session_set(
		    a->session, a->config.url, a->account.token, err);
	if (r == VS_OK)
		r = sharing_new(&a->sharing, a, err);
	a->host = (struct project_host){
		.loop = &a->loop,
		.post = a->post,
		.crew = a->crew,
		.session = a->session,
		.state_dir = a->dirs.state,
		.device_id = a->account.device_id,
		.key = &a->key,
		.hash_jobs = workers * HASH_JOBS,
		.news = host_news,
		.failed = host_failed,
		.arg = a,
	};
	return r;
}

static int socket_start(struct agent *a, struct vs_err *err)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", a->dirs.runtime,
		VS_CONTROL_SOCKET) >= (int)sizeof(path))
		return vs_err_set(err, VS_ECONFIG, "socket: path too long");
	fd = vs_sock_listen_unix(path, err);
	if (fd < 0)
		return fd;
	return control_start(&a->control, a, fd, err);
}

static void ready_tell(struct agent *a)
{
	manager_tell("READY=1");
	if (a->options->ready_fd < 0)
		return;
	if (write(a->options->ready_fd, "1", 1) != 1)
		vs_log(VS_LOG_WARN, "agent: nobody waits for us any more");
	close(a->options->ready_fd);
}

static int agent_start(struct agent *a, struct vs_err *err)
{
	const struct signals_calls calls = {
		.end = signal_end,
		.reload = signal_reload,
		.dump = signal_dump,
		.arg = a,
	};
	int r;

	timers_start(a);
	r = signals_start(&a->signals, &a->loop, &calls, err);
	if (r == VS_OK)
		r = services_start(a, err);
	if (r == VS_OK)
		r = parent_start(a, err);
	if (r == VS_OK)
		r = socket_start(a, err);
	if (r < 0)
		return r;
	if (!agent_idle(a) && a->config.nprojects > 0 &&
	    a->account.device_id[0] == '\0')
		vs_log(VS_LOG_WARN,
		    "agent: not logged in, nothing is "
		    "published: run vsync login URL");
	agent_apply(a);
	ready_tell(a);
	return VS_OK;
}

/* End: projects, then the socket, then the way to the cloud, then the loop. */

static void handle_close(uv_handle_t *handle, void *arg)
{
	(void)arg;
	/* all zero: the start did not come that far */
	if (handle->type != UV_UNKNOWN_HANDLE && !uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void httpc_closed(void *arg)
{
	struct agent *a = arg;

	a->httpc = NULL;
	sharing_free(a->sharing);
	a->sharing = NULL;
	session_free(a->session);
	a->session = NULL;
	crew_free(a->crew);
	a->crew = NULL;
	post_close(a->post);
	a->post = NULL;
	signals_close(&a->signals);
	handle_close((uv_handle_t *)&a->watchdog, NULL);
	handle_close((uv_handle_t *)&a->quit, NULL);
	handle_close((uv_handle_t *)&a->deadline, NULL);
	if (a->has_parent)
		handle_close((uv_handle_t *)&a->parent, NULL);
}

static void sharing_stopped(void *arg)
{
	struct agent *a = arg;

	vs_httpc_close(a->httpc, httpc_closed, a);
}

static void control_stopped(void *arg)
{
	struct agent *a = arg;

	a->control = NULL;
	sharing_stop(a->sharing, sharing_stopped, a);
}

/* Called again as each project has stopped. */
static void agent_stop(struct agent *a)
{
	if (!a->stopping) {
		a->stopping = true;
		manager_tell("STOPPING=1");
		uv_timer_start(&a->deadline, deadline_due, STOP_MS, 0);
		projects_stop(a->projects);
	}
	if (projects_none(a->projects))
		control_stop(a->control, control_stopped, a);
}

/* After a start that failed half-way; the process ends anyway. */
static void agent_undo(struct agent *a)
{
	if (a->control != NULL) {
		agent_stop(a);
		return;
	}
	if (a->sharing != NULL)
		sharing_stop(a->sharing, sharing_stopped, a);
	else if (a->httpc != NULL)
		vs_httpc_close(a->httpc, httpc_closed, a);
	else
		httpc_closed(a);
}

static int agent_serve(struct agent *a, struct vs_err *err)
{
	int r = uv_loop_init(&a->loop);

	if (r != 0)
		return vs_err_errno(err, -r, "event loop");
	r = agent_start(a, &a->result);
	if (r < 0)
		agent_undo(a);
	uv_run(&a->loop, UV_RUN_DEFAULT);
	uv_loop_close(&a->loop);
	*err = a->result;
	return a->result.code;
}

int agent_run(const struct agent_options *o, struct vs_err *err)
{
	struct agent *a = calloc(1, sizeof(*a));
	const struct projects_calls calls = {
		.started = project_started,
		.stopped = project_stopped,
		.arg = a,
	};
	int r;

	assert(o != NULL && err != NULL);
	if (a == NULL)
		return vs_err_set(err, VS_ENOMEM, "agent: out of memory");
	a->options = o;
	a->lock = -1;
	a->started_ms = vs_clock_wall_ms();
	a->projects = projects_new(&a->host, &calls);
	if (a->projects == NULL)
		r = vs_err_set(err, VS_ENOMEM, "agent: out of memory");
	else
		r = agent_prepare(a, err);
	if (r == VS_OK)
		r = agent_serve(a, err);
	if (a->lock >= 0)
		close(a->lock);
	projects_free(a->projects);
	config_release(&a->config);
	vs_key_release(&a->key);
	explicit_bzero(&a->account, sizeof(a->account));
	free(a);
	return r;
}
