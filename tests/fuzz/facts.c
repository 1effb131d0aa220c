/* SPDX-License-Identifier: MIT
 * What an interpreter, or some other program in its place, says when it is asked for its facts.
 */
#include "fuzz.h"

#include "matrix/interp_facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct pb_candidate candidate = {.path = (char[]){"python"}};
	struct pb_asked *asked = calloc(1, sizeof *asked);
	struct pb_child_outcome outcome = {.end = PB_CHILD_EXITED};

	outcome.result.bytes = malloc(n + 1);
	outcome.crash.bytes = strdup("");
	outcome.stderr_tail.bytes = strdup("");
	FUZZ_CHECK(asked && outcome.result.bytes && outcome.crash.bytes &&
		   outcome.stderr_tail.bytes);
	memcpy(outcome.result.bytes, bytes, n);
	outcome.result.bytes[n] = '\0';
	outcome.result.length = n;
	asked->candidate = &candidate;
	FUZZ_CHECK(!pb_asked_judge(asked, &outcome, 10));
	FUZZ_CHECK(asked->state == PB_ASKED_USABLE || asked->problem[0]);
	pb_child_outcome_fini(&outcome);
	pb_asked_free(asked, 1);
	return 0;
}
