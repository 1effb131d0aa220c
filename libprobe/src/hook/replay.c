/* SPDX-License-Identifier: MIT */
#include "hook/replay.h"

#include <string.h>

#include "base/fail.h"

/* What no function returns in both integer registers. */
static const uint64_t untouched = 0x5ca1ab1e0ddba11d;

int pb_replay_record(struct pb_thunk *record, void *target, struct probe_error *err)
{
	int rc = pb_thunk_new(record, PB_THUNK_RECORD, err);
	if (rc)
		return rc;
	record->data->target = target;
	record->data->int0 = record->data->int1 = untouched;
	return 0;
}

static enum pb_thunk_kind kind_for(const char *returns)
{
	if (strcmp(returns, "void") == 0)
		return PB_THUNK_REPLAY_VOID;
	if (strcmp(returns, "float") == 0)
		return PB_THUNK_REPLAY_FLOAT;
	return strcmp(returns, "int") == 0 ? PB_THUNK_REPLAY_INT : PB_THUNK_REPLAY_ALL;
}

int pb_replay_recorded(struct pb_thunk *stub, const struct pb_thunk *record, const char *returns,
		       struct probe_error *err)
{
	const struct pb_thunk_data *seen = record->data;
	if (seen->int0 == untouched && seen->int1 == untouched)
		return pb_fail(err, PROBE_EUNHOOKABLE, 0,
			       "the call never reaches its target: is that the function it calls?");
	int rc = pb_thunk_new(stub, kind_for(returns), err);
	if (rc)
		return rc;
	stub->data->int0 = seen->int0;
	stub->data->int1 = seen->int1;
	memcpy(stub->data->float_regs, seen->float_regs, sizeof seen->float_regs);
	return 0;
}
