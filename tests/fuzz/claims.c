/* SPDX-License-Identifier: MIT
 * Tables of published claims.
 */
#include "fuzz.h"

#include "probe/claims.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct probe_claim_table *table = NULL;
	struct probe_error err = {0};
	int rc = probe_claim_table_load(fuzz_file(bytes, n), &table, &err);

	FUZZ_CHECK(!rc == !!table);
	if (rc)
		fuzz_check_message(err.msg);
	probe_claim_table_free(table);
	return 0;
}
