/* SPDX-License-Identifier: MIT
 * The views that --view names.
 */
#include <string.h>

#include "cli.h"

static const struct cli_view views[] = {
	{"breakdown", false, cli_table_print},
	{"builds", true, cli_builds_print},
};

int cli_view_parse(const char *text, struct cli_table_options *out)
{
	for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
		if (strcmp(text, views[i].name))
			continue;
		out->view = &views[i];
		return CLI_OK;
	}
	return cli_error(CLI_USAGE, "--view: '%s' is neither breakdown nor builds", text);
}

int cli_view_check(const struct cli_table_options *options)
{
	if (options->view && options->view->three_only && options->phases == 8)
		return cli_error(CLI_USAGE,
				 "--view %s shows the three phases: leave --phases 8 out",
				 options->view->name);
	return CLI_OK;
}

void cli_view_print(const struct probe_run *run, const struct cli_table_options *options, FILE *out)
{
	(options->view ? options->view : &views[0])->print(run, options, out);
}
