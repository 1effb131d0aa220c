/* SPDX-License-Identifier: MIT
 * The cell protocol: what a cell's process answers becomes samples, and these figures, whatever it
 * is.
 */
#include "fuzz.h"

#include "base/fail.h"
#include "matrix/cell.h"

static struct pb_cell_result judge(const uint8_t *bytes, size_t n)
{
	struct pb_cell_result result;
	struct pb_child_outcome outcome = {.end = PB_CHILD_EXITED};

	outcome.result.bytes = malloc(n + 1);
	outcome.crash.bytes = strdup("");
	outcome.stderr_tail.bytes = strdup("");
	FUZZ_CHECK(outcome.result.bytes && outcome.crash.bytes && outcome.stderr_tail.bytes);
	memcpy(outcome.result.bytes, bytes, n);
	outcome.result.bytes[n] = '\0';
	outcome.result.length = n;
	pb_cell_result_take(&outcome, 60, &result);
	pb_child_outcome_fini(&outcome);
	FUZZ_CHECK(result.status == PROBE_CELL_OK || result.reason[0]);
	return result;
}

static void take(const uint8_t *bytes, size_t n, enum pb_engine engine)
{
	const struct pb_path path = {.name = (char[]){"ctypes"}};
	const struct pb_cell_settings settings = {
		.quiet_ratio = 0.3, .thread_counts = {1, 2}, .thread_count_count = 2};
	struct pb_cell cell = {.path = &path, .engines = ~0u};
	struct probe_run *run = probe_run_new();
	struct probe_error err = {0};
	struct probe_cell *row = run ? probe_run_add_cell(run, "add", "ctypes", "3.13") : NULL;

	FUZZ_CHECK(row && !pb_cell_add_threaded(&cell, &settings, run));
	/* Three processes, as more than one pass is analysed in another way. */
	for (int pass = 0; pass < 3; pass++) {
		struct pb_cell_result result = judge(bytes, n);

		if (result.threads)
			pb_cell_take_threads(&cell, engine, &result, NULL, &settings, run);
		else
			pb_cell_take(&cell, engine, &result, NULL, &settings, row, &err);
		pb_cell_result_fini(&result);
	}
	pb_cell_settle(&cell, &settings, row, &err);
	FUZZ_CHECK(!probe_run_save(run, "/dev/null", &err));
	pb_cell_fini(&cell);
	probe_run_free(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	/* The first byte chooses what was asked for. */
	static const enum pb_engine engines[] = {PB_ENGINE_LADDER, PB_ENGINE_TIMELINE,
						 PB_ENGINE_PRIVATE};

	if (n)
		take(bytes + 1, n - 1, engines[bytes[0] % 3]);
	return 0;
}
