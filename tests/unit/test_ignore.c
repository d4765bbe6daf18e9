/*
 * Which rule decides: a table of rules files, paths and rules, from what the
 * syntax is documented to mean.
 */
#include "agent/scan/ignore.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* The files of one case: name, content, name, content, ..., NULL. */
static int read_text(
    void *arg, const char *path, char **text, size_t *len, struct vs_err *err)
{
	const char *const *file = arg;

	for (; file[0] != NULL; file += 2)
		if (strcmp(file[0], path) == 0) {
			*text = strdup(file[1]);
			*len = strlen(file[1]);
			return *text != NULL ? VS_OK : VS_ENOMEM;
		}
	return vs_err_set(err, VS_ENOENT, "not found");
}

static int load_files(
    struct ignore **g, const char *const *files, struct vs_err *err)
{
	const struct rule_reader reader = {
		.read = read_text,
		.arg = (void *)(uintptr_t)files,
	};

	return ignore_load(g, &reader, err);
}

static struct ignore *load(const char *stignore)
{
	const char *files[] = { ".stignore", stignore, NULL };
	struct vs_err err = VS_ERR_INIT;
	struct ignore *g;

	if (load_files(&g, files, &err) < 0)
		fail_msg("%s: %s", stignore, err.msg);
	return g;
}

/*
 * rule: "-" nothing describes it, else the text of the rule that decides,
 * and what becomes of it is in kind.
 */
struct row {
	const char *rules; /* of .stignore */
	const char *path;
	bool dir;
	enum ignore_kind kind;
	const char *rule;
};

#define S IGNORE_SHOWN
#define H IGNORE_HIDDEN
#define R IGNORE_REACHED

static const struct row rows[] = {
	/* a name */
	{ "foo", "foo", false, H, "foo" },
	{ "foo", "sub/foo", false, H, "foo" },
	{ "foo", "a/b/c/foo", false, H, "foo" },
	{ "foo", "foo/inside", false, H, "foo" },
	{ "foo", "a/foo/b/c", false, H, "foo" },
	{ "foo", "foofoo", false, S, "-" },
	{ "foo", "xfoo", false, S, "-" },
	{ "foo", "Foo", false, S, "-" },
	{ "foo", "foo.txt", false, S, "-" },
	{ "my file", "my file", false, H, "my file" },
	{ "my file", "my  file", false, S, "-" },
	{ "", "foo", false, S, "-" },
	/* from the root */
	{ "/foo", "foo", false, H, "/foo" },
	{ "/foo", "foo/a/b", false, H, "/foo" },
	{ "/foo", "sub/foo", false, S, "-" },
	{ "/foo/bar", "foo/bar", false, H, "/foo/bar" },
	{ "/foo/bar", "foo/bar/x", false, H, "/foo/bar" },
	{ "/foo/bar", "foo", true, S, "-" },
	{ "/foo/bar", "x/foo/bar", false, S, "-" },
	{ "/*", "foo", false, H, "/*" },
	{ "/*", "foo/bar", false, H, "/*" },
	{ "/*.mov", "sub/a.mov", false, S, "-" },
	{ "/*.mov", "a.mov", false, H, "/*.mov" },
	{ "/*/foo", "a/foo", false, H, "/*/foo" },
	{ "/*/foo", "foo", false, S, "-" },
	{ "/*/foo", "a/b/foo", false, S, "-" },
	/* several names, at any depth */
	{ "foo/bar", "foo/bar", false, H, "foo/bar" },
	{ "foo/bar", "a/foo/bar", false, H, "foo/bar" },
	{ "foo/bar", "a/b/foo/bar/c", false, H, "foo/bar" },
	{ "foo/bar", "foo/x/bar", false, S, "-" },
	{ "foo/bar", "xfoo/bar", false, S, "-" },
	{ "foo/*.c", "x/foo/y.c", false, H, "foo/*.c" },
	{ "foo/*.c", "foo/y/z.c", false, S, "-" },
	/* one star */
	{ "te*ne", "telephone", false, H, "te*ne" },
	{ "te*ne", "subdir/telephone", false, H, "te*ne" },
	{ "te*ne", "tele/phone", false, S, "-" },
	{ "te*ne", "tene", false, H, "te*ne" },
	{ "te*st", "test", false, H, "te*st" },
	{ "te*st", "telerest", false, H, "te*st" },
	{ "te*st", "tele/rest", false, S, "-" },
	{ "*", "a", false, H, "*" },
	{ "*", "a/b", false, H, "*" },
	{ "*.txt", "a.txt", false, H, "*.txt" },
	{ "*.txt", ".txt", false, H, "*.txt" },
	{ "*.txt", "a.txt.bak", false, S, "-" },
	{ "*.txt", "d.txt/x", false, H, "*.txt" },
	{ "a*b*c", "a1b2c", false, H, "a*b*c" },
	{ "a*b*c", "abbbc", false, H, "a*b*c" },
	{ "a*b*c", "abcbc", false, H, "a*b*c" },
	{ "a*b*c", "acb", false, S, "-" },
	{ "*a*", "xyz/bar/q", false, H, "*a*" },
	{ "**", "any/thing", false, H, "**" },
	{ "*2", "bar2", true, H, "*2" },
	/* two stars */
	{ "te**ne", "telephone", false, H, "te**ne" },
	{ "te**ne", "subdir/telephone", false, H, "te**ne" },
	{ "te**ne", "tele/sub/dir/phone", false, H, "te**ne" },
	{ "te**ne", "tele/phones", false, S, "-" },
	{ "te**st", "x/tele/sub/dir/rest", false, H, "te**st" },
	{ "/a/**/z", "a/b/z", false, H, "/a/**/z" },
	{ "/a/**/z", "a/b/c/z", false, H, "/a/**/z" },
	{ "/a/**/z", "a/z", false, S, "-" },
	{ "/a/**/z", "x/a/b/z", false, S, "-" },
	{ "**/foo", "foo", false, H, "**/foo" },
	{ "**/foo", "a/b/foo", false, H, "**/foo" },
	{ "/**/foo", "foo", false, S, "-" },
	{ "/**/foo", "a/foo", false, H, "/**/foo" },
	{ "/a**b*c", "a/x/b/yb/bc", false, H, "/a**b*c" },
	{ "/a**b*c", "a/x/b/y/c", false, S, "-" },
	{ "***", "foo", false, H, "***" },
	/* a question mark */
	{ "te??st", "tebest", false, H, "te??st" },
	{ "te??st", "teb/st", false, S, "-" },
	{ "te??st", "test", false, S, "-" },
	{ "?", "\xC3\xA9", false, H, "?" },
	{ "??", "\xC3\xA9", false, S, "-" },
	{ "?", "\xFF", false, H, "?" },
	{ "?.mov", "\xE2\x82\xAC.mov", false, H, "?.mov" },
	/* sets */
	{ "[a-z]x", "bx", false, H, "[a-z]x" },
	{ "[a-z]x", "Bx", false, S, "-" },
	{ "[a-z]x", "1x", false, S, "-" },
	{ "[!a-z]x", "1x", false, H, "[!a-z]x" },
	{ "[!a-z]x", "bx", false, S, "-" },
	{ "[a-z0-9_]", "_", false, H, "[a-z0-9_]" },
	{ "[a-z0-9_]", "7", false, H, "[a-z0-9_]" },
	{ "[a-z0-9_]", "-", false, S, "-" },
	{ "[abc-]", "-", false, H, "[abc-]" },
	{ "[a\\]b]", "]", false, H, "[a\\]b]" },
	{ "[\\!a]", "!", false, H, "[\\!a]" },
	{ "a[!b]c", "a/c", false, S, "-" },
	{ "a[.-0]c", "a/c", false, S, "-" },
	{ "[\xC3\xA0-\xC3\xBF]", "\xC3\xA9", false, H, "[\xC3\xA0-\xC3\xBF]" },
	{ "[*]", "*", false, H, "[*]" },
	{ "[*]", "a", false, S, "-" },
	{ "shot[0-9][0-9].mov", "a/shot07.mov", false, H,
	    "shot[0-9][0-9].mov" },
	/* alternatives */
	{ "{banana,pineapple}", "banana", false, H, "{banana,pineapple}" },
	{ "{banana,pineapple}", "x/pineapple", false, H, "{banana,pineapple}" },
	{ "{banana,pineapple}", "apple", false, S, "-" },
	{ "*.{mov,mp4}", "a.mp4", false, H, "*.{mov,mp4}" },
	{ "*.{mov,mp4}", "a.mkv", false, S, "-" },
	{ "a{,b}c", "ac", false, H, "a{,b}c" },
	{ "a{,b}c", "abc", false, H, "a{,b}c" },
	{ "a{,b}c", "abbc", false, S, "-" },
	{ "{a,{b,c}d}e", "cde", false, H, "{a,{b,c}d}e" },
	{ "{a,{b,c}d}e", "ae", false, H, "{a,{b,c}d}e" },
	{ "{a,{b,c}d}e", "be", false, S, "-" },
	{ "{a/b,c}/d", "x/a/b/d", false, H, "{a/b,c}/d" },
	{ "{a/b,c}/d", "c/d/e", false, H, "{a/b,c}/d" },
	{ "{a,b}{1,2}", "b1", false, H, "{a,b}{1,2}" },
	{ "{a,b}{1,2}", "1b", false, S, "-" },
	{ "[{]a", "{a", false, H, "[{]a" },
	{ "a}b", "a}b", false, H, "a}b" },
	{ "a,b", "a,b", false, H, "a,b" },
	{ "{*.a,b**c}", "b/x/c", false, H, "{*.a,b**c}" },
	/* the escape */
	{ "\\{banana\\}", "{banana}", false, H, "\\{banana\\}" },
	{ "\\{banana\\}", "banana", false, S, "-" },
	{ "a\\*b", "a*b", false, H, "a\\*b" },
	{ "a\\*b", "axb", false, S, "-" },
	{ "\\!important", "!important", false, H, "\\!important" },
	{ "a\\\\b", "a\\b", false, H, "a\\\\b" },
	{ "\\[x\\]", "[x]", false, H, "\\[x\\]" },
	{ "\\//x", "x", false, S, "-" },
	{ "\\a", "a", false, H, "\\a" },
	{ "#escape=|\na|*b", "a*b", false, H, "a|*b" },
	{ "#escape=|\na\\b", "a\\b", false, H, "a\\b" },
	{ "#escape=\\\na\\*b", "a*b", false, H, "a\\*b" },
	{ "// first\n#escape=|\n|{x", "{x", false, H, "|{x" },
	/* prefixes */
	{ "(?i)test", "TEST", false, H, "(?i)test" },
	{ "(?i)test", "tEsT", false, H, "(?i)test" },
	{ "(?i)TEST", "test", false, H, "(?i)TEST" },
	{ "(?i)my pictures", "My Pictures/Img15.PNG", false, H,
	    "(?i)my pictures" },
	{ "(?i)*.MOV", "a.mov", false, H, "(?i)*.MOV" },
	{ "(?i)[a-f]x", "Bx", false, H, "(?i)[a-f]x" },
	{ "(?i)[A-F]x", "bx", false, H, "(?i)[A-F]x" },
	{ "(?i)\xC3\x89t\xC3\xA9", "\xC3\xA9T\xC3\x89", false, H,
	    "(?i)\xC3\x89t\xC3\xA9" },
	{ "(?i)\xD0\x96", "\xD0\xB6", false, H, "(?i)\xD0\x96" },
	{ "(?i)\xCE\xA9", "\xCF\x89", false, H, "(?i)\xCE\xA9" },
	{ "(?i)/A/B", "a/b", false, H, "(?i)/A/B" },
	{ "(?d)foo", "foo", false, H, "(?d)foo" },
	{ "(?d)(?i)foo", "FOO", false, H, "(?d)(?i)foo" },
	{ "(?i)(?d)foo", "FOO", false, H, "(?i)(?d)foo" },
	{ "(?di)foo", "foo", false, S, "-" },
	{ "!foo", "foo", false, S, "!foo" },
	{ "!(?i)picture*.png\n*", "Picture1.PNG", false, S,
	    "!(?i)picture*.png" },
	{ "(?i)!picture*.png\n*", "Picture1.PNG", false, S,
	    "(?i)!picture*.png" },
	{ "(?d)!(?i)x\n*", "X", false, S, "(?d)!(?i)x" },
	{ "!!foo\n*", "!foo", false, S, "!!foo" },
	{ "!!foo\n*", "foo", false, H, "*" },
	/* comments, blanks, ends of lines */
	{ "// foo\nbar", "foo", false, S, "-" },
	{ "  // foo", "foo", false, S, "-" },
	{ "foo // bar", "foo", false, S, "-" },
	{ "\n\n\nfoo\n\n", "foo", false, H, "foo" },
	{ "  foo  ", "foo", false, H, "foo" },
	{ "\tfoo\t", "foo", false, H, "foo" },
	{ "foo\r\nbar\r\n", "foo", false, H, "foo" },
	{ "foo\r\nbar\r\n", "bar", false, H, "bar" },
	{ "\xEF\xBB\xBF"
	  "foo",
	    "foo", false, H, "foo" },
	{ "foo", "foo\r", false, S, "-" },
	{ "foo[ ]", "foo ", false, H, "foo[ ]" },
	{ "#recycled", "#recycled", false, H, "#recycled" },
	{ "# not a comment", "# not a comment", false, H, "# not a comment" },
	/* what is below only */
	{ "foo/", "foo", true, S, "-" },
	{ "foo/", "foo/bar", false, H, "foo/" },
	{ "foo/", "a/foo/bar/c", false, H, "foo/" },
	{ "foo/", "a/foo", true, S, "-" },
	{ "/foo/", "foo/bar", false, H, "/foo/" },
	{ "/foo/", "a/foo/bar", false, S, "-" },
	{ "foo/**", "foo", true, S, "-" },
	{ "foo/**", "foo/a/b", false, H, "foo/**" },
	{ "some/directory/", "x/some/directory/y", false, H,
	    "some/directory/" },
	{ "some/directory/", "some/directory", true, S, "-" },
	{ "/", "a/b", false, H, "/" },
	{ "/**", "a", false, H, "/**" },
	{ "**/", "a", false, H, "**/" },
	{ "*/", "a", false, S, "-" },
	{ "*/", "a/b", false, H, "*/" },
	/* the first one decides */
	{ "!foo\nfoo", "foo", false, S, "!foo" },
	{ "foo\n!foo", "foo", false, H, "foo" },
	{ "!a.mov\n*.mov", "a.mov", false, S, "!a.mov" },
	{ "!a.mov\n*.mov", "b.mov", false, H, "*.mov" },
	{ "a*\nab*", "abc", false, H, "a*" },
	{ "!/foo/bar\n/foo", "foo/bar", false, S, "!/foo/bar" },
	{ "!/foo/bar\n/foo", "foo/bar/x/y", false, S, "!/foo/bar" },
	{ "!/foo/bar\n/foo", "foo/baz", false, H, "/foo" },
	{ "/foo\n!/foo/bar", "foo/bar", false, H, "/foo" },
	{ "foo/\n!foo/bar", "foo/bar", false, H, "foo/" },
	{ "!foo/\nfoo", "foo/bar", false, S, "!foo/" },
	{ "!foo/\nfoo", "foo", true, R, "foo" },
	/* whether a hidden folder is entered */
	{ "!frobble\n*2", "bar2", true, R, "*2" },
	{ "!frobble\n*2", "bar2", false, H, "*2" },
	{ "!frobble\n*2", "bar2/baz", false, H, "*2" },
	{ "!frobble\n*2", "bar2/frobble", false, S, "!frobble" },
	{ "!frobble\n*2", "bar2/sub", true, R, "*2" },
	{ "*2\n!frobble", "bar2", true, H, "*2" },
	{ "/foo\n/bar\n!baz\n*", "foo", true, H, "/foo" },
	{ "/foo\n/bar\n!baz\n*", "qux", true, R, "*" },
	{ "/foo\n/bar\n!baz\n*", "foo/baz", false, H, "/foo" },
	{ "/foo\n/bar\n!baz\n*", "qux/baz", false, S, "!baz" },
	{ "!/baz\n*", "foo", true, H, "*" },
	{ "!/baz\n*", "baz", true, S, "!/baz" },
	{ "!/baz\n*", "baz/any/thing", false, S, "!/baz" },
	{ "!/a/b/c\n*", "a", true, R, "*" },
	{ "!/a/b/c\n*", "a/b", true, R, "*" },
	{ "!/a/b/c\n*", "a/x", true, H, "*" },
	{ "!/a/b/c\n*", "a/b/c", true, S, "!/a/b/c" },
	{ "!/a/b/c\n*", "b", true, H, "*" },
	{ "!/a*/b\n*", "abc", true, R, "*" },
	{ "!/a*/b\n*", "bbc", true, H, "*" },
	{ "!/a/**/c\n*", "a/x/y/z", true, R, "*" },
	{ "!/a/**/c\n*", "b/x", true, H, "*" },
	{ "!/a/\n*", "a", true, R, "*" },
	{ "!/a/\n*", "a/b", false, S, "!/a/" },
	{ "!/[ab]/c\n*", "b", true, R, "*" },
	{ "!/[ab]/c\n*", "c", true, H, "*" },
	{ "!/{a,b}/c\n*", "b", true, R, "*" },
	{ "(?i)!/A/c\n*", "a", true, R, "*" },
	/* a whole example */
	{ "(?d).DS_Store\n!frobble\n!quuz\nfoo\n*2\nqu*\n(?i)my pictures",
	    ".DS_Store", false, H, "(?d).DS_Store" },
	{ "(?d).DS_Store\n!frobble\n!quuz\nfoo\n*2\nqu*\n(?i)my pictures",
	    "bar/quux", false, H, "qu*" },
	{ "(?d).DS_Store\n!frobble\n!quuz\nfoo\n*2\nqu*\n(?i)my pictures",
	    "bar/quuz", false, S, "!quuz" },
	{ "(?d).DS_Store\n!frobble\n!quuz\nfoo\n*2\nqu*\n(?i)my pictures",
	    "foofoo", false, S, "-" },
	/* classes */
	{ "", ".vsync", true, H, "/.vsync" },
	{ "", ".vsync/root-id", false, H, "/.vsync" },
	{ "", "sub/.vsync", true, S, "-" },
	{ "!.vsync\n!/.vsync", ".vsync", true, H, "/.vsync" },
	{ "", ".stfolder", true, H, "/.stfolder" },
	{ "", ".stfolder/x", false, H, "/.stfolder" },
	{ "", "sub/.stfolder", true, S, "-" },
	{ "", ".stversions/a/b~1.mov", false, H, "/.stversions" },
	{ "", "a/.syncthing.b.mov.tmp", false, H, ".syncthing.*.tmp" },
	{ "", "a/~syncthing~b.mov.tmp", false, H, "~syncthing~*.tmp" },
	{ "!*", "a/.syncthing.b.mov.tmp", false, H, ".syncthing.*.tmp" },
	{ "!.stversions", ".stversions/a", false, H, "/.stversions" },
	{ "", ".stignore", false, H, "/.stignore" },
	{ "!/.stignore", ".stignore", false, S, "!/.stignore" },
	{ "", "sub/.stignore", false, S, "-" },
	{ "", ".DS_Store", false, H, ".DS_Store" },
	{ "", "a/b/._clip.mov", false, H, "._*" },
	{ "", "a/THUMBS.DB", false, H,
	    "(?i){Thumbs,ehthumbs,ehthumbs_vista}.db" },
	{ "", "$RECYCLE.BIN/S-1/x", false, H, "(?i)$RECYCLE.BIN" },
	{ "", ".Trash-1000", true, H, ".Trash-[0-9]*" },
	{ "", "lost+found", true, H, "/lost+found" },
	{ "", "a/lost+found", true, S, "-" },
	{ "", ".notes.txt.swp", false, H, ".*.sw[nop]" },
	{ "", ".clip.swf", false, S, "-" },
	{ "", "4913", false, S, "-" },
	{ "", "notes.txt~", false, S, "-" },
	{ "", ".~lock.plan.odt#", false, H, ".~lock.*#" },
	{ "", "~$plan.docx", false, H, "~$*" },
	{ "", "clip.mov.part", false, H, "*.part" },
	{ "", ".clip.mov.X4Hb2s", false, S, "-" },
	{ "", "a.sync-conflict-20240101-101010-ABCDEFG.mov", false, S, "-" },
	{ "", "x/CacheClip/a/b.dvcc", false, H, "CacheClip" },
	{ "", "x/ProxyMedia/a.mov", false, S, "-" },
	{ "", "x/.gallery/still.drx", false, S, "-" },
	{ "", "Film.fcpbundle/Day 1/Render Files/x", false, H,
	    "*.fcpbundle/*/Render Files" },
	{ "", "Render Files/x", false, S, "-" },
	{ "", "Film.fcpbundle/Day 1/Original Media/x.mov", false, S, "-" },
	{ "", "Avid MediaFiles/MXF/1/msmMMOB.mdb", false, H,
	    "(?i)msm{MMOB,OMFI}.mdb" },
	{ "", "people.mdb", false, S, "-" },
	/* files and classes */
	{ "!.DS_Store", "a/.DS_Store", false, S, "!.DS_Store" },
	{ "!/a", "a/.DS_Store", false, H, ".DS_Store" },
	{ "!/a\n*", "a/.DS_Store", false, H, ".DS_Store" },
	{ "!/a\n*", "a/x.mov", false, S, "!/a" },
	{ "!/a\n*", "b/.DS_Store", false, H, "*" },
	{ "!*.mov\n*", ".Trash-1000", true, H, "*" },
	{ "!*.mov\n*", ".Trash-1000/files/a.mov", false, H, "*" },
	{ "!*.mov\n*", "day/a.mov", false, S, "!*.mov" },
	{ "!CacheClip", "x/CacheClip/b.dvcc", false, S, "!CacheClip" },
	{ "!CacheClip", "x/CacheClip/.DS_Store", false, H, ".DS_Store" },
	{ "!*.part", "a.part", false, S, "!*.part" },
	{ "*.part\n!*.part", "a.part", false, H, "*.part" },
};

static void check(
    const struct row *r, const struct ignore_verdict *v, const char *how)
{
	const char *rule = v->rule != NULL ? v->rule->text : "-";

	if (v->kind != r->kind || strcmp(rule, r->rule) != 0)
		fail_msg("%s: \"%s\": %s: kind %d by %s, not %d by %s", how,
		    r->rules, r->path, (int)v->kind, rule, (int)r->kind,
		    r->rule);
}

static void test_the_table(void **state)
{
	size_t n = sizeof(rows) / sizeof(rows[0]);

	(void)state;
	assert_true(n >= 150);
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		struct ignore *g = load(r->rules);
		struct ignore_verdict v = ignore_path(g, r->path, r->dir);
		char parent[256] = "";
		const char *slash = strrchr(r->path, '/');
		struct ignore_dir d;

		check(r, &v, "path");
		if (slash != NULL)
			memcpy(parent, r->path, (size_t)(slash - r->path));
		d = ignore_enter(g, parent);
		v = ignore_in(g, &d, r->path, strlen(r->path), r->dir);
		if (d.shut == NULL)
			check(r, &v, "in");
		else
			assert_int_equal(v.kind, IGNORE_HIDDEN);
		ignore_free(g);
	}
}

/* What is wrong with a file, where, and that nothing is loaded then. */
static void refuses(const char *const *files, int code, const char *message)
{
	struct vs_err err = VS_ERR_INIT;
	struct ignore *g;
	int rc = load_files(&g, files, &err);

	assert_null(g);
	if (rc != code || strncmp(err.msg, message, strlen(message)) != 0)
		fail_msg("%s: %d %s", message, rc, err.msg);
}

static void refuses_text(const char *text, int code, const char *message)
{
	const char *files[] = { ".stignore", text, NULL };

	refuses(files, code, message);
}

static void test_what_is_refused(void **state)
{
	char many[70000] = "{";

	(void)state;
	refuses_text("a\n[b\n", VS_EINVAL, ".stignore:2: a [ without its ]");
	refuses_text("[", VS_EINVAL, ".stignore:1: a [");
	refuses_text("[]", VS_EINVAL, ".stignore:1: [] with nothing");
	refuses_text("[!]", VS_EINVAL, ".stignore:1: [] with nothing");
	refuses_text("[z-a]", VS_EINVAL, ".stignore:1: a range in []");
	refuses_text("[Foo-bar] x", VS_EINVAL, ".stignore:1: a range in []");
	refuses_text("{a,b", VS_EINVAL, ".stignore:1: a { without");
	refuses_text("{a,{b,c}", VS_EINVAL, ".stignore:1: a { without");
	refuses_text("a\\", VS_EINVAL, ".stignore:1: the escape");
	refuses_text("[a\\", VS_EINVAL, ".stignore:1: the escape");
	refuses_text("\n\n!", VS_EINVAL, ".stignore:3: prefixes without");
	refuses_text("(?i)(?d)!", VS_EINVAL, ".stignore:1: prefixes without");
	refuses_text("\xFF", VS_EINVAL, ".stignore:1: the line is no UTF-8");
	refuses_text("a\n#escape=|", VS_EINVAL, ".stignore:2: #escape= comes");
	refuses_text("#escape=", VS_EINVAL, ".stignore:1: #escape= takes one");
	refuses_text("#escape=ab", VS_EINVAL, ".stignore:1: #escape= takes");
	refuses_text("#escape=/", VS_EINVAL, ".stignore:1: #escape= takes");
	refuses_text("#include", VS_EINVAL, ".stignore:1: #include names no");
	refuses_text("#include \t", VS_EINVAL, ".stignore:1: #include names");
	refuses_text("#includes x", VS_EINVAL, ".stignore:1: #include names");
	refuses_text(
	    "#include ../x", VS_EINVAL, ".stignore:1: #include ../x leads out");
	refuses_text(
	    "#include a/../../x", VS_EINVAL, ".stignore:1: #include a/.");
	refuses_text("#include .", VS_EINVAL, ".stignore:1: #include . ");
	refuses_text("\n#include x", VS_ENOENT, ".stignore:2: x: not found");
	refuses_text("#include .stignore", VS_EINVAL,
	    ".stignore:1: .stignore is included a second time");

	memset(many, 'a', RULE_LINE_MAX + 1);
	many[RULE_LINE_MAX + 1] = '\0';
	refuses_text(many, VS_EINVAL, ".stignore:1: the line is too long");
	many[RULE_LINE_MAX] = '\0';
	ignore_free(load(many));
	/* 2 to the eighth, and once more */
	ignore_free(load("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"));
	refuses_text("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", VS_ELIMIT,
	    ".stignore:1: more than 256 alternatives");
	many[0] = '\0';
	for (int i = 0; i <= RULE_LIST_MAX; i++)
		memcpy(many + 2 * i, "a\n", 3);
	refuses_text(many, VS_ELIMIT, ".stignore:");
}

static void decided(
    const struct ignore *g, const char *path, const char *source, int line)
{
	struct ignore_verdict v = ignore_path(g, path, false);

	if (v.rule == NULL || strcmp(v.rule->source, source) != 0 ||
	    v.rule->line != line)
		fail_msg("%s: %s:%d", path,
		    v.rule != NULL ? v.rule->source : "-",
		    v.rule != NULL ? v.rule->line : 0);
}

static void test_includes(void **state)
{
	static const char *const files[] = { ".stignore",
		"*.a\n#include rules/one.txt\n*.z\n", "rules/one.txt",
		"*.b\r\n#include sub/two.txt\n#include ../three.txt\n*.c\n"
		"*.z\n",
		"rules/sub/two.txt", "/d\n#include ./../../rules//four.txt",
		"three.txt", "#escape=|\n|*e\n", "rules/four.txt", "\\*f\n",
		NULL };
	struct vs_err err = VS_ERR_INIT;
	struct ignore *g;

	(void)state;
	assert_int_equal(load_files(&g, files, &err), VS_OK);
	decided(g, "x.a", ".stignore", 1);
	decided(g, "x.b", "rules/one.txt", 1);
	/* seen from the root, wherever it stands */
	decided(g, "d/x", "rules/sub/two.txt", 1);
	assert_int_equal(ignore_path(g, "rules/d", true).kind, S);
	decided(g, "*e", "three.txt", 2);
	decided(g, "*f", "rules/four.txt", 1);
	decided(g, "x.c", "rules/one.txt", 4);
	/* in the order of reading */
	decided(g, "x.z", "rules/one.txt", 5);
	assert_int_equal(ignore_count(g), 8);

	assert_true(ignore_depends(g, ".stignore"));
	assert_true(ignore_depends(g, ".vsyncignore"));
	assert_true(ignore_depends(g, "rules/four.txt"));
	assert_true(ignore_depends(g, "rules"));
	assert_true(ignore_depends(g, "rules/sub"));
	assert_false(ignore_depends(g, "rules/five.txt"));
	assert_false(ignore_depends(g, "rule"));
	ignore_free(g);
}

static void test_includes_that_go_wrong(void **state)
{
	static const char *const missing[] = { ".stignore", "#include a\n", "a",
		"x\n\n#include b\n", NULL };
	static const char *const cycle[] = { ".stignore", "#include a\n", "a",
		"#include b\n", "b", "#include sub/../a\n", NULL };
	static const char *const twice[] = { ".stignore",
		"#include a\n#include a\n", "a", "x\n", NULL };
	static const char *const wrong[] = { ".stignore", "#include a\n", "a",
		"x\n{y\n", NULL };
	static const char *const deep[] = { ".stignore", "#include 2\n", "2",
		"#include 3", "3", "#include 4", "4", "#include 5", "5",
		"#include 6", "6", "#include 7", "7", "#include 8", "8",
		"#include 9", "9", "x", NULL };
	static const char *const own[] = { ".vsyncignore",
		"#include common\n*.a\n", ".stignore", "#include common\n*.b\n",
		"common", "*.c\n", NULL };
	struct vs_err err = VS_ERR_INIT;
	struct ignore *g;

	(void)state;
	refuses(missing, VS_ENOENT, "a:3: b: not found");
	refuses(cycle, VS_EINVAL, "b:1: a is included a second time");
	refuses(twice, VS_EINVAL, ".stignore:2: a is included a second");
	refuses(wrong, VS_EINVAL, "a:2: a { without its }");
	refuses(deep, VS_ELIMIT, "8:1: more than 8 files include");
	/* each of the two files may include what the other one does */
	assert_int_equal(load_files(&g, own, &err), VS_OK);
	decided(g, "x.a", ".vsyncignore", 2);
	decided(g, "x.b", ".stignore", 2);
	decided(g, "x.c", "common", 1);
	ignore_free(g);
}

/* Our file comes before Syncthing's, the classes after both. */
static void test_both_files(void **state)
{
	static const char *const files[] = { ".vsyncignore",
		"!keep.part\n!/shared/x\n/mine\n", ".stignore",
		"/shared\n!/mine\n*.part\n", NULL };
	struct vs_err err = VS_ERR_INIT;
	struct ignore *g;

	(void)state;
	assert_int_equal(load_files(&g, files, &err), VS_OK);
	decided(g, "keep.part", ".vsyncignore", 1);
	assert_int_equal(ignore_path(g, "keep.part", false).kind, S);
	decided(g, "shared/x/y", ".vsyncignore", 2);
	decided(g, "shared/z", ".stignore", 1);
	decided(g, "mine", ".vsyncignore", 3);
	assert_int_equal(ignore_path(g, "mine/x", false).kind, H);
	decided(g, "a.part", ".stignore", 3);
	decided(g, "a.crdownload", "partial", 0);
	assert_int_equal(ignore_path(g, "shared", true).kind, R);
	ignore_free(g);
}

static int read_broken(
    void *arg, const char *path, char **text, size_t *len, struct vs_err *err)
{
	(void)text;
	(void)len;
	return vs_err_set(
	    err, strcmp(path, arg) == 0 ? VS_EIO : VS_ENOENT, "disk on fire");
}

static void test_what_cannot_be_read(void **state)
{
	struct rule_reader reader = { .read = read_broken };
	struct vs_err err = VS_ERR_INIT;
	struct ignore *g;

	(void)state;
	reader.arg = (char[]){ ".stignore" };
	assert_int_equal(ignore_load(&g, &reader, &err), VS_EIO);
	assert_null(g);
	assert_string_equal(err.msg, ".stignore: disk on fire");
	reader.arg = (char[]){ ".vsyncignore" };
	assert_int_equal(ignore_load(&g, &reader, &err), VS_EIO);
	assert_string_equal(err.msg, ".vsyncignore: disk on fire");
	vs_err_clear(&err);
	reader.arg = (char[]){ "other" };
	assert_int_equal(ignore_load(&g, &reader, &err), VS_OK);
	assert_int_equal(err.code, VS_OK);
	assert_int_equal(ignore_count(g), 0);
	ignore_free(g);
}

static void same(const char *a, const char *b, bool want)
{
	struct ignore *x = load(a), *y = load(b);

	if (ignore_same(x, y) != want)
		fail_msg("\"%s\" and \"%s\"", a, b);
	ignore_free(x);
	ignore_free(y);
}

static void test_same(void **state)
{
	(void)state;
	same("a\nb\n", "a\nb", true);
	same("a\nb\n", "b\na\n", false);
	same("a\n", "a\nb\n", false);
	same("a", "!a", false);
	same("", "", true);
	same("", "// nothing", true);
}

static void digest(const char *text, char out[VS_HASH_HEX + 1])
{
	struct ignore *g = load(text);

	ignore_digest(g, out);
	ignore_free(g);
}

/* Any rule more, less, or of another meaning is another digest. */
static void test_digest(void **state)
{
	static const char *const text[] = { "", "a", "b", "!a", "(?i)a",
		"(?d)a", "a\nb", "b\na", "/a", "ab" };
	char one[VS_HASH_HEX + 1], two[VS_HASH_HEX + 1];
	const size_t n = sizeof(text) / sizeof(text[0]);

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++) {
			digest(text[i], one);
			digest(text[k], two);
			if ((strcmp(one, two) == 0) != (i == k))
				fail_msg("\"%s\" and \"%s\"", text[i], text[k]);
		}
}

static void test_the_classes_are_told(void **state)
{
	const struct ignore_class *c = ignore_classes();
	bool own = false;

	(void)state;
	for (; c->name != NULL; c++) {
		assert_true(c->what[0] != '\0');
		assert_non_null(c->rule[0]);
		assert_null(strpbrk(c->name, " :"));
		own = own || strcmp(c->name, "own") == 0;
	}
	assert_true(own);
}

/* A pattern made to be slow takes no longer than its length allows. */
static void test_nothing_takes_for_ever(void **state)
{
	struct ignore *g = load("**a*a*a*a*a*a*a*a*a*a*a*a**a*a*a*a*ab\n"
				"/**/**/**/**/**/**/x\n");
	char path[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(path) - 1; i++)
		path[i] = i % 64 == 63 ? '/' : 'a';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(ignore_path(g, path, false).kind, S);
	ignore_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_table),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_includes),
		cmocka_unit_test(test_includes_that_go_wrong),
		cmocka_unit_test(test_both_files),
		cmocka_unit_test(test_what_cannot_be_read),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_the_classes_are_told),
		cmocka_unit_test(test_nothing_takes_for_ever),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
