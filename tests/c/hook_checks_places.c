/* SPDX-License-Identifier: MIT
 * Hook checks: a thunk that is meant for one place on the stack lets all other calls pass. It
 * shares the registers' frames with hook_checks_calls.c.
 */
/* Whether a thunk of this kind did its own thing in the last call, rather than pass it on. */
static bool acted(const struct pb_thunk *t, const struct pb_ring *ring)
{
	switch (t->kind) {
	case PB_THUNK_COUNT_CALLS:
		return t->data->count > 0;
	case PB_THUNK_RECORD:
		return t->data->int0 == hook_returned.ints[0];
	case PB_THUNK_STAMP_TICKS:
	case PB_THUNK_STAMP_PMC:
	case PB_THUNK_TRACE:
		return ring->pos > 0;
	default:
		return false;
	}
}

static void check_elsewhere(struct pb_thunk *t, unsigned variant, uint64_t where,
			    const struct pb_ring *ring)
{
	const char *what = hook_kind_name(t->kind);
	t->data->where = where;
	t->data->thread = NULL;
	t->data->misses = 0;
	check_whole_call(pb_thunk_entry_at(t, variant), what);
	CHECK_FOR(t->data->misses == 0, what); /* another thread's, for all it knows */
	t->data->thread = pb_thunk_thread();
	check_whole_call(pb_thunk_entry_at(t, variant), what);
	CHECK_FOR(t->data->misses == 1, what);
	CHECK_FOR(!acted(t, ring), what);
}

/* Each kind, stubs too, hands on to its target what comes from another place. */
void check_calls_from_elsewhere_pass(void)
{
	struct pb_ring ring;
	struct probe_error err;

	CHECK(pb_ring_attach(&ring, 64, &err) == 0);
	hook_fake_pmc_begin();
	for (size_t k = 0; k < PB_THUNK_KINDS; k++) {
		struct pb_thunk t;
		if (k == PB_THUNK_GUARD)
			continue;
		check_whole_call(ADDRESS(hook_target_all), "no thunk");
		uint64_t here = hook_sent.ints[SP] - CALL_BYTES;
		if (!hook_thunk(&t, (enum pb_thunk_kind)k, ADDRESS(hook_target_all), 0))
			continue;
		for (unsigned v = 0; v < PB_THUNK_VARIANTS; v++) {
			check_elsewhere(&t, v, 0, &ring);
			check_elsewhere(&t, v, here - 16, &ring);
			check_elsewhere(&t, v, here + 16, &ring);
		}
		pb_thunk_free(&t);
	}
	CHECK(ring.pos == 0 && ring.depth == 0 && ring.lost == 0);
	hook_fake_pmc_end();
	pb_ring_detach(&ring);
}

/* The same entries for a call from the place. */
void check_calls_from_the_place_are_met(void)
{
	struct pb_ring ring;
	struct probe_error err;

	CHECK(pb_ring_attach(&ring, 64, &err) == 0);
	hook_fake_pmc_begin();
	for (size_t k = 0; k < hook_around_count; k++) {
		const char *what = hook_kind_name(hook_around[k]);
		struct pb_thunk t;
		if (hook_around[k] == PB_THUNK_GUARD)
			continue;
		check_whole_call(ADDRESS(hook_target_all), "no thunk");
		uint64_t here = hook_sent.ints[SP] - CALL_BYTES;
		if (!hook_thunk(&t, hook_around[k], ADDRESS(hook_target_all), 0))
			continue;
		t.data->where = here;
		t.data->thread = pb_thunk_thread();
		for (unsigned v = 0; v < PB_THUNK_VARIANTS; v++) {
			ring.pos = 0;
			check_whole_call(pb_thunk_entry_at(&t, v), what);
			bool unseen = t.kind == PB_THUNK_DELAY || t.kind == PB_THUNK_JUMP ||
				      t.kind == PB_THUNK_FENCE;
			CHECK_FOR(unseen || acted(&t, &ring), what);
			if (t.kind == PB_THUNK_TRACE)
				CHECK(ring.events[0].ticks == here && ring.events[1].ticks == here);
		}
		CHECK_FOR(t.data->misses == 0, what);
		pb_thunk_free(&t);
	}
	hook_fake_pmc_end();
	pb_ring_detach(&ring);
}
