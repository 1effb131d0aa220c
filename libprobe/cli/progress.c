/* SPDX-License-Identifier: MIT
 * The progress line: only ever on a terminal, never longer than one row of it.
 */
#include "progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void cli_progress_init(struct cli_progress *progress, FILE *out, bool quiet)
{
	const char *term = getenv("TERM");
	*progress = (struct cli_progress){
		.out = out,
		.on = !quiet && isatty(fileno(out)),
		.plain = !term || !strcmp(term, "dumb"),
	};
}

static int columns(FILE *out)
{
	struct winsize size;
	return !ioctl(fileno(out), TIOCGWINSZ, &size) && size.ws_col > 20 ? size.ws_col : 80;
}

const char *cli_clock(double seconds, char *buf, size_t size)
{
	if (!(seconds >= 0 && seconds < 1e7)) {
		snprintf(buf, size, "?");
		return buf;
	}
	long s = lround(seconds);
	if (s >= 3600)
		snprintf(buf, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
	else
		snprintf(buf, size, "%ld:%02ld", s / 60, s % 60);
	return buf;
}

static void write_line(const struct probe_progress *at, char *line, size_t size)
{
	char elapsed[24], remaining[24], left[48] = "";
	cli_clock(at->elapsed_s, elapsed, sizeof elapsed);
	if (!isnan(at->remaining_s))
		snprintf(left, sizeof left, ", about %s left",
			 cli_clock(at->remaining_s, remaining, sizeof remaining));
	const char *interpreter = at->interpreter ? at->interpreter : "";
	const char *step = at->step ? at->step : "";
	if (at->stage == PROBE_STAGE_PREPARE)
		snprintf(line, size, "preparing  %s  %s %s", elapsed, interpreter, step);
	else
		snprintf(line, size, "pass %u of %u  %zu/%zu  %s%s  %s/%s/%s %s", at->pass,
			 at->passes, at->done, at->total, elapsed, left,
			 at->workload ? at->workload : "", at->path ? at->path : "", interpreter,
			 step);
}

void cli_progress_show(struct cli_progress *progress, const struct probe_progress *at)
{
	char line[512];
	if (!progress->on)
		return;
	write_line(at, line, sizeof line);
	/* The last column stays free: writing there makes some terminals wrap. */
	int room = columns(progress->out) - 1, length = (int)strlen(line);
	if (length > room)
		length = room;
	fprintf(progress->out, "\r%.*s", length, line);
	if (!progress->plain)
		fputs("\033[K", progress->out);
	else if (length < progress->shown)
		fprintf(progress->out, "%*s", progress->shown - length, "");
	progress->shown = length;
	fflush(progress->out);
}

void cli_progress_clear(struct cli_progress *progress)
{
	if (!progress->on || !progress->shown)
		return;
	if (progress->plain)
		fprintf(progress->out, "\r%*s\r", progress->shown, "");
	else
		fputs("\r\033[K", progress->out);
	progress->shown = 0;
	fflush(progress->out);
}
