/* SPDX-License-Identifier: MIT
 * What the scheduler did to this thread.
 */
#include "sys/usage.h"

#include <sched.h>
#include <sys/resource.h>

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

bool pb_usage_disturbed(const struct pb_usage *begin, const struct pb_usage *end)
{
	return begin->voluntary != end->voluntary || begin->involuntary != end->involuntary ||
	       begin->cpu != end->cpu;
}
