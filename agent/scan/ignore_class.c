/*
 * The built-in classes.  A name is here only if nobody would give it to
 * material of their own: "4913" (which Vim makes for a moment) may be a shot,
 * "clip.mov~" somebody's backup, ".clip.mov.X4Hb2s" (rsync) somebody's name
 * for a clip, "Render Files" outside of a Final Cut library and Resolve's
 * ".gallery", "ProxyMedia" and "OptimizedMedia" are worth publishing.
 */
#include "agent/scan/ignore.h"

static const char *const own[] = { "/.vsync", NULL };

static const char *const syncthing[] = {
	"/.stfolder",
	"/.stversions",
	".syncthing.*.tmp",
	"~syncthing~*.tmp",
	NULL,
};

/* They name what is not to be seen. */
static const char *const rules[] = {
	"/" IGNORE_OWN,
	"/" IGNORE_SYNCTHING,
	NULL,
};

static const char *const editor[] = {
	".*.sw[nop]", /* Vim */
	".sw[nop]",
	".#*", /* Emacs */
	".*.kate-swp",
	".goutputstream-*", /* GNOME */
	".~lock.*#", /* LibreOffice */
	"~$*", /* Microsoft Office */
	"*.idlk", /* InDesign */
	"*___jb_{tmp,old}___", /* JetBrains */
	NULL,
};

static const char *const media[] = {
	"*.{pek,cfa,mcdb}", /* Premiere */
	"*.prlock",
	"Media Cache Files",
	"Adobe Premiere Pro {Video,Audio} Previews",
	"Adobe Premiere Pro Preview Files",
	"Adobe After Effects Disk Cache*",
	"CacheClip", /* Resolve */
	"*.lck", /* Avid, and others' locks */
	"(?i)msm{MMOB,OMFI}.mdb",
	"(?i)msmFMID.pmr",
	"*.fcpbundle/*/Render Files", /* Final Cut */
	"*.fcpbundle/.lock-dir",
	"*.fcpbundle/__Temp",
	"*.reapeaks", /* Reaper */
	"WaveCache.wfm", /* Pro Tools */
	NULL,
};

static const char *const os[] = {
	".DS_Store",
	"._*",
	".AppleDouble",
	".apdisk",
	".Spotlight-V100",
	".Trashes",
	".fseventsd",
	".TemporaryItems",
	".DocumentRevisions-V100",
	"(?i){Thumbs,ehthumbs,ehthumbs_vista}.db",
	"(?i)desktop.ini",
	"(?i)$RECYCLE.BIN",
	"System Volume Information",
	".Trash-[0-9]*",
	"/lost+found",
	".nfs[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]*",
	".fuse_hidden*",
	"@eaDir", /* Synology */
	"#recycle",
	NULL,
};

static const char *const partial[] = {
	"*.part",
	"*.crdownload",
	"*.opdownload",
	".~tmp~", /* rsync --delay-updates */
	".rsync-partial",
	"*.aria2",
	NULL,
};

static const struct ignore_class classes[] = {
	{ "own", "this program's folder .vsync", RULE_FIRM, own },
	{ "syncthing", "Syncthing's temporaries, marker and versions",
	    RULE_FIRM, syncthing },
	{ "rules", "the rules files .stignore and .vsyncignore", 0, rules },
	{ "editor", "editors' and offices' swap files and locks", 0, editor },
	{ "media", "video and audio tools' caches and locks", 0, media },
	{ "os", "what operating systems leave behind, dustbins", 0, os },
	{ "partial", "files that a program is still fetching", 0, partial },
	{ NULL, NULL, 0, NULL },
};

const struct ignore_class *ignore_classes(void)
{
	return classes;
}
