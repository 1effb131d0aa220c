/* SPDX-License-Identifier: MIT
 * Reading a file whole, within bounds.
 */
#include "base/read_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"

static int too_large(const char *path, unsigned most, bool regular, struct probe_error *err)
{
	return pb_fail(err, PROBE_EFORMAT, 0,
		       regular ? "%s is larger than the %u MiB that are read: is it the right file?"
			       : "%s gave more than %u MiB and may never end: save it to a file "
				 "and name that",
		       path, most >> 20);
}

static int read_stream(FILE *file, const char *path, struct pb_buf *out, struct probe_error *err)
{
	char block[65536];
	struct stat st;
	bool regular = !fstat(fileno(file), &st) && S_ISREG(st.st_mode), first = true;
	unsigned most = regular ? PB_FILE_MOST : PB_STREAM_MOST;
	size_t n;

	if (regular && st.st_size > (off_t)most)
		return too_large(path, most, true, err);
	while ((n = fread(block, 1, sizeof block, file)) > 0) {
		if (first && memchr(block, '\0', n))
			return pb_fail(err, PROBE_EFORMAT, 0,
				       "%s is not a text file: it holds NUL bytes", path);
		first = false;
		if (out->len + n > most)
			return too_large(path, most, regular, err);
		pb_buf_add(out, block, n);
		if (out->oom)
			return pb_fail(err, PROBE_ENOMEM, 0, "can't read %s: out of memory", path);
	}
	if (ferror(file))
		return pb_fail(err, PROBE_ESYS, errno, "can't read %s", path);
	return 0;
}

int pb_read_file(const char *path, struct pb_buf *out, struct probe_error *err)
{
	FILE *file = fopen(path, "rbe");
	int rc;

	if (!file)
		return pb_fail(err, errno == ENOENT ? PROBE_ENOENT : PROBE_ESYS, errno,
			       "can't read %s", path);
	rc = read_stream(file, path, out, err);
	fclose(file);
	return rc;
}
