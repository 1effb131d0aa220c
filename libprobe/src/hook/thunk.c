/* SPDX-License-Identifier: MIT
 * Making thunks from the template, and the per-thread ring they write to.
 */
#include "hook/thunk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fail.h"
#if defined(__x86_64__)
#include "hook/arch/x86_64/thread_pointer.h"
#elif defined(__aarch64__)
#include "hook/arch/aarch64/thread_pointer.h"
#else
#error "no thunks for this processor: add libprobe/src/hook/arch/<cpu>/"
#endif

/* The assembly and the C must agree on the layout. */
#define SAME(type, field, offset)                                                                  \
	_Static_assert(offsetof(struct type, field) == (offset), #type "." #field " moved")
SAME(pb_thunk_data, target, PB_DATA_TARGET);
SAME(pb_thunk_data, ctx, PB_DATA_CTX);
SAME(pb_thunk_data, fn, PB_DATA_FN);
SAME(pb_thunk_data, int0, PB_DATA_REG_INT0);
SAME(pb_thunk_data, int1, PB_DATA_REG_INT1);
SAME(pb_thunk_data, count, PB_DATA_COUNT);
SAME(pb_thunk_data, spin, PB_DATA_SPIN);
SAME(pb_thunk_data, tls_offset, PB_DATA_TLS);
SAME(pb_thunk_data, event_in, PB_DATA_EVENT_IN);
SAME(pb_thunk_data, event_out, PB_DATA_EVENT_OUT);
SAME(pb_thunk_data, pmc, PB_DATA_PMC);
SAME(pb_thunk_data, float_regs, PB_DATA_REG_FLOAT0);
SAME(pb_thunk_data, arg_ints, PB_DATA_ARG_INTS);
SAME(pb_thunk_data, arg_floats, PB_DATA_ARG_FLOATS);
SAME(pb_thunk_data, where, PB_DATA_WHERE);
SAME(pb_thunk_data, thread, PB_DATA_THREAD);
SAME(pb_thunk_data, misses, PB_DATA_MISSES);
SAME(pb_ring, pos, PB_RING_POS);
SAME(pb_ring, mask, PB_RING_MASK);
SAME(pb_ring, events, PB_RING_EVENTS);
SAME(pb_ring, depth, PB_RING_DEPTH);
SAME(pb_ring, lost, PB_RING_LOST);
SAME(pb_ring, save, PB_RING_SAVE0);
SAME(pb_ring, shadow, PB_RING_SHADOW);

extern const unsigned char pb_thunk_template[];
extern const uint64_t pb_thunk_template_size;
extern const uint64_t pb_thunk_offsets[PB_THUNK_KINDS][PB_THUNK_VARIANTS];
extern const uint64_t pb_thunk_offsets_at[PB_THUNK_KINDS][PB_THUNK_VARIANTS];

/* Static TLS, so that assembly reaches it at a fixed distance from the thread pointer. */
static __thread struct pb_ring *current_ring __attribute__((tls_model("initial-exec")));

int pb_thunk_new(struct pb_thunk *t, enum pb_thunk_kind kind, struct probe_error *err)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t data_bytes = page > sizeof(struct pb_thunk_data) ? page : 65536;
	size_t bytes = PB_THUNK_SPAN + data_bytes;

	*t = (struct pb_thunk){.kind = kind};
	unsigned char *map =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return pb_fail(err, PROBE_ESYS, errno, "can't map %zu bytes for a thunk", bytes);
	memcpy(map, pb_thunk_template, pb_thunk_template_size);
	if (mprotect(map, PB_THUNK_SPAN, PROT_READ | PROT_EXEC)) {
		int saved = errno;
		munmap(map, bytes);
		return pb_fail(err, PROBE_ESYS, saved,
			       "can't make a thunk executable (a security policy may forbid it)");
	}
	__builtin___clear_cache((char *)map, (char *)map + pb_thunk_template_size);
	t->code = map;
	t->mapped_bytes = bytes;
	t->data = (struct pb_thunk_data *)(void *)(map + PB_THUNK_SPAN);
	t->data->tls_offset = (uintptr_t)&current_ring - pb_thread_pointer();
	return 0;
}

void pb_thunk_free(struct pb_thunk *t)
{
	if (!t->data)
		return;
	munmap(t->code, t->mapped_bytes);
	*t = (struct pb_thunk){0};
}

void *pb_thunk_entry(const struct pb_thunk *t, unsigned variant)
{
	return t->code + pb_thunk_offsets[t->kind][variant % PB_THUNK_VARIANTS];
}

void *pb_thunk_entry_at(const struct pb_thunk *t, unsigned variant)
{
	return t->code + pb_thunk_offsets_at[t->kind][variant % PB_THUNK_VARIANTS];
}

void *pb_thunk_thread(void)
{
	return (void *)pb_thread_pointer();
}

int pb_ring_attach(struct pb_ring *ring, size_t events, struct probe_error *err)
{
	if (events == 0 || (events & (events - 1)) != 0)
		return pb_fail(err, PROBE_EINVAL, 0,
			       "a ring needs a power of two of events, not %zu", events);
	*ring = (struct pb_ring){.mask = events * sizeof *ring->events - 1};
	ring->events = calloc(events, sizeof *ring->events);
	if (!ring->events)
		return pb_fail(err, PROBE_ENOMEM, 0, "no memory for a ring of %zu events", events);
	current_ring = ring;
	return 0;
}

void pb_ring_detach(struct pb_ring *ring)
{
	if (current_ring == ring)
		current_ring = NULL;
	free(ring->events);
	ring->events = NULL;
}
