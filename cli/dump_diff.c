// SPDX-License-Identifier: MIT
/*
 * dump_diff.c - goro-dump --diff A.json B.json
 */
#include "dump_diff.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "tracer/diff.h"
#include "tracer/procfs.h"

#define FILE_MAX ((size_t)4 << 30)

/* A dump, read: the text that it lies in, and its values. */
struct file {
	char *text;
	struct gt_json_doc doc;
};

static bool
read_file(const char *path, struct file *f)
{
	f->text = gt_procfs_slurp(AT_FDCWD, path, FILE_MAX);
	if (!f->text) {
		cli_say("cannot read '%s': %s", path, strerror(errno));
		return false;
	}
	struct gt_error *err = gt_json_parse(f->text, &f->doc);
	if (!err)
		return true;
	cli_say("'%s': %s", path, err->text);
	gt_error_free(err);
	return false;
}

static int
compare(const struct file *files, const struct dump_options *o)
{
	struct gt_diff diff;
	struct gt_out out;
	struct gt_error *err = gt_diff_make(files[0].doc.root,
					    files[1].doc.root, &diff);
	int failed = 0;

	if (!err && !gt_out_init(&out, STDOUT_FILENO))
		err = &gt_enomem;
	if (!err) {
		gt_render_diff(&diff, o->limit, o->colour, &out);
		failed = gt_out_fini(&out);
	}
	gt_diff_fini(&diff);
	if (err) {
		cli_say_error(err);
		return CLI_FAILED;
	}
	if (failed) {
		cli_say("cannot write: %s", strerror(failed));
		return CLI_FAILED;
	}
	return CLI_OK;
}

int
dump_diff(const struct dump_options *o)
{
	struct file files[2] = { 0 };
	int status = CLI_FAILED;

	if (read_file(o->diff[0], &files[0]) &&
	    read_file(o->diff[1], &files[1]))
		status = compare(files, o);
	for (unsigned i = 0; i < 2; i++) {
		gt_json_doc_fini(&files[i].doc);
		free(files[i].text);
	}
	return status;
}
