/* SPDX-License-Identifier: MIT
 * Opening the perf events, and reading them through their page or by read(2).
 */
#include "sys/pmu.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/arch.h"
#include "sys/text.h"

/* A writer holds the lock for well under a microsecond; a reader that meets more than this many
 * changes in a row is better off with read(2). */
#define PAGE_TRIES 64

/* The extended type of the PMU that the current CPU belongs to, where there are several kinds of
 * core: without it the kernel picks one kind, and the event stands still on the others. */
static uint64_t hybrid_type(const struct pb_pmu_ops *ops)
{
	char names[PB_PMU_MAX_UNITS][64];
	int n = ops->list_units(ops->ctx, names, PB_PMU_MAX_UNITS);
	int cpu = ops->current_cpu(ops->ctx);

	for (int i = 0; n > 1 && i < n; i++) {
		char path[160], text[256];
		snprintf(path, sizeof path, PB_PMU_ROOT "/%.63s/cpus", names[i]);
		if (ops->slurp(ops->ctx, path, text, sizeof text) <= 0 ||
		    !pb_cpulist_has(text, cpu))
			continue;
		snprintf(path, sizeof path, PB_PMU_ROOT "/%.63s/type", names[i]);
		if (ops->slurp(ops->ctx, path, text, sizeof text) > 0)
			return strtoull(text, NULL, 10);
	}
	return 0;
}

/* Opens and maps one event; a page that can't be mapped is no failure. Returns 0 or -errno. */
static int event_open(const struct pb_pmu_ops *ops, uint64_t config, uint64_t user_access,
		      int group_fd, struct pb_pmu_event *event)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof attr,
		.config = config,
		.config1 = user_access,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
		.disabled = group_fd < 0,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
	int fd = ops->event_open(ops->ctx, &attr, group_fd);
	if (fd < 0 && user_access) {
		/* arm64 refuses the event itself where it refuses user-space reads. */
		attr.config1 = 0;
		fd = ops->event_open(ops->ctx, &attr, group_fd);
	}
	if (fd < 0)
		return fd;
	int ignored = 0;
	event->fd = fd;
	event->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	event->page = ops->map(ops->ctx, fd, event->page_bytes, &ignored);
	return 0;
}

void pb_pmu_close(const struct pb_pmu_ops *ops, struct pb_pmu_event *event)
{
	if (event->page)
		ops->unmap(ops->ctx, event->page, event->page_bytes);
	if (event->fd >= 0)
		ops->close(ops->ctx, event->fd);
	event->page = NULL;
	event->fd = -1;
}

/* Opens the group, enables it and asks whether the kernel put it on the PMU. */
static int group_open(const struct pb_pmu_ops *ops, uint64_t type, bool with_instructions,
		      struct pb_pmu_event *cycles, struct pb_pmu_event *instructions)
{
	struct probe_reading reading;
	int status = event_open(ops, type << 32 | PERF_COUNT_HW_CPU_CYCLES,
				PB_ARCH_USER_ACCESS_CYCLES, -1, cycles);
	if (status)
		return status;
	/* A PMU without an instructions event still counts cycles. */
	if (with_instructions)
		(void)event_open(ops, type << 32 | PERF_COUNT_HW_INSTRUCTIONS,
				 PB_ARCH_USER_ACCESS_INSTRUCTIONS, cycles->fd, instructions);
	status = ops->enable_group(ops->ctx, cycles->fd);
	if (!status && pb_pmu_fd_read(ops, cycles->fd, &reading))
		status = -EAGAIN; /* opened, but not scheduled */
	if (status) {
		pb_pmu_close(ops, instructions);
		pb_pmu_close(ops, cycles);
	}
	return status;
}

int pb_pmu_open(const struct pb_pmu_ops *ops, struct pb_pmu_event *cycles,
		struct pb_pmu_event *instructions, struct pb_pmu_reason *reason)
{
	*cycles = (struct pb_pmu_event){.fd = -1};
	*instructions = (struct pb_pmu_event){.fd = -1};
	uint64_t type = hybrid_type(ops);
	int status = group_open(ops, type, true, cycles, instructions);
	if (type && (status == -ENOENT || status == -EINVAL)) {
		/* Kernels before extended types know only the plain event. */
		type = 0;
		status = group_open(ops, type, true, cycles, instructions);
	}
	if (status == -EAGAIN)
		status = group_open(ops, type, false, cycles, instructions);
	if (!status)
		return 0;
	if (status == -EAGAIN)
		pb_pmu_explain_unscheduled(ops, reason);
	else
		pb_pmu_explain_open(ops, -status, reason);
	return -(int)reason->code;
}

static enum probe_state state_of(uint64_t enabled_ns, uint64_t running_ns)
{
	if (!running_ns)
		return PROBE_ABSENT;
	return enabled_ns == running_ns ? PROBE_EXACT : PROBE_SCALED;
}

int pb_pmu_fd_read(const struct pb_pmu_ops *ops, int fd, struct probe_reading *out)
{
	uint64_t words[3] = {0};
	ssize_t n;

	*out = (struct probe_reading){.state = PROBE_ABSENT, .by_syscall = true};
	do {
		n = ops->read(ops->ctx, fd, words, sizeof words);
	} while (n == -EINTR);
	/* 0 bytes is how the kernel reports an event in its error state. */
	if (n != (ssize_t)sizeof words)
		return -PROBE_ESYS;
	out->enabled_ns = words[1];
	out->running_ns = words[2];
	out->state = state_of(words[1], words[2]);
	if (out->state == PROBE_ABSENT)
		return -PROBE_EMULTIPLEX;
	out->value = words[0];
	return 0;
}

bool pb_pmu_page_readable(const volatile struct perf_event_mmap_page *page)
{
	/* cap_bit0_is_deprecated tells the bits' meaning; before it, cap_user_rdpmc was set where
	 * only cap_user_time held. */
	return page && page->cap_bit0_is_deprecated && page->cap_user_rdpmc && page->pmc_width &&
	       page->pmc_width <= 64;
}

/* Time since the page was written, as the kernel's own formula gives it. */
static uint64_t since_page_ns(const volatile struct perf_event_mmap_page *page, uint64_t ticks)
{
	if (page->cap_user_time_short)
		ticks = page->time_cycles + ((ticks - page->time_cycles) & page->time_mask);
	uint64_t whole = ticks >> page->time_shift;
	uint64_t rest = ticks & ((UINT64_C(1) << page->time_shift) - 1);
	return page->time_offset + whole * page->time_mult +
	       ((rest * page->time_mult) >> page->time_shift);
}

bool pb_pmu_page_read(const struct pb_pmu_ops *ops,
		      const volatile struct perf_event_mmap_page *page, struct probe_reading *out)
{
	/* Compiler barriers suffice: the page of a thread's own event is written by the kernel on
	 * the CPU that the thread runs on. */
	for (int i = 0; i < PAGE_TRIES; i++) {
		uint32_t seq = page->lock;
		atomic_signal_fence(memory_order_seq_cst);
		if (seq & 1u) /* being written */
			continue;
		uint32_t index = page->index;
		bool readable = pb_pmu_page_readable(page) && index;
		uint64_t enabled_ns = page->time_enabled, running_ns = page->time_running;
		uint64_t count = 0;

		if (readable) {
			/* Shift the counter's top bit up to the sign, and back: the kernel starts
			 * counters below zero. */
			unsigned shift = 64u - page->pmc_width;
			uint64_t pmc = ops->rdpmc(ops->ctx, index - 1) << shift;
			count = (uint64_t)page->offset + (uint64_t)((int64_t)pmc >> shift);
			if (page->cap_user_time && page->time_shift < 64) {
				uint64_t delta_ns = since_page_ns(page, ops->ticks(ops->ctx));
				enabled_ns += delta_ns;
				running_ns += delta_ns;
			}
		}
		atomic_signal_fence(memory_order_seq_cst);
		if (page->lock != seq)
			continue;
		if (!readable)
			return false;
		*out = (struct probe_reading){
			.value = count,
			.enabled_ns = enabled_ns,
			.running_ns = running_ns,
			/* Being on the PMU now, it's not absent, whatever the times say. */
			.state = enabled_ns == running_ns ? PROBE_EXACT : PROBE_SCALED,
		};
		return true;
	}
	return false;
}
