/* SPDX-License-Identifier: MIT
 * What the scheduler did to this thread.
 */
#include "sys/usage.h"

#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

struct pb_usage pb_usage_now(void)
{
	struct rusage ru = {0};
	getrusage(RUSAGE_THREAD, &ru);
	return (struct pb_usage){
		.voluntary = ru.ru_nvcsw,
		.involuntary = ru.ru_nivcsw,
		.cpu = sched_getcpu(),
	};
}

int pb_run_delay_open(void)
{
	return open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
}

double pb_run_delay_s(int fd)
{
	char text[80] = "";
	unsigned long long ran_ns, delayed_ns;
	if (fd < 0 || pread(fd, text, sizeof text - 1, 0) <= 0 ||
	    sscanf(text, "%llu %llu", &ran_ns, &delayed_ns) != 2)
		return (double)NAN;
	return (double)delayed_ns * 1e-9;
}

bool pb_usage_disturbed(const struct pb_usage *begin, const struct pb_usage *end)
{
	return begin->voluntary != end->voluntary || begin->involuntary != end->involuntary ||
	       begin->cpu != end->cpu;
}
