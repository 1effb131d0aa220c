/* SPDX-License-Identifier: MIT
 * The command line as text, for what must say how it came about.
 */
#ifndef PROBE_CLI_COMMAND_LINE_H
#define PROBE_CLI_COMMAND_LINE_H

/* "probe " and the words, quoted as a shell would have to be given them; argv[0] is the verb. Call
 * it before getopt_long(), which reorders them. The caller's to free; NULL when out of memory. */
char *command_line_join(int argc, char **argv);

#endif
