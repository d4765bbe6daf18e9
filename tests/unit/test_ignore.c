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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
