/* SPDX-License-Identifier: MIT
 * Signals that end the command: nothing temporary is left, and the exit status tells which it was.
 */
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "cli.h"

/* The two globals: a signal handler has nothing else to reach. */
static volatile sig_atomic_t caught;
static volatile sig_atomic_t deferred;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	/* The kernel's word on a write of our own, which fails and is told: the rest goes on. */
	if (sig == SIGXFSZ && info->si_pid == getpid())
		return;
	/* The second time the person means it; children die with us. */
	if (deferred && !caught && sig != SIGXFSZ) {
		caught = sig;
		return;
	}
	probe_temporary_remove_all();
	_exit(128 + sig);
}

void cli_signals_init(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGXFSZ};

	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		struct sigaction old, action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};

		/* One alone at a time. */
		for (size_t k = 0; k < sizeof signals / sizeof signals[0]; k++)
			sigaddset(&action.sa_mask, signals[k]);
		/* What our parent wants ignored (nohup, a job in the background) stays so. */
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
	}
}

const volatile sig_atomic_t *cli_signals_defer(bool defer)
{
	deferred = defer;
	return &caught;
}

enum cli_exit cli_signals_exit(void)
{
	return caught ? (enum cli_exit)(128 + caught) : CLI_INTERRUPTED;
}
