/* SPDX-License-Identifier: MIT
 * The seam between counters and the kernel: perf_event system calls, the mapped page, sysfs.
 * Real calls in pmu_linux.c; tests put fakes in their place.
 */
#ifndef PB_SYS_PMU_H
#define PB_SYS_PMU_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "probe/counter.h"

#define PB_PMU_MAX_UNITS 16
#define PB_PMU_ROOT      "/sys/bus/event_source/devices"

/* A fake may keep its state in ctx. Calls that fail return -errno (map: NULL and *sys_errno). */
struct pb_pmu_ops {
	int (*event_open)(void *ctx, struct perf_event_attr *attr, int group_fd);
	void *(*map)(void *ctx, int fd, size_t bytes, int *sys_errno);
	void (*unmap)(void *ctx, void *page, size_t bytes);
	int (*enable_group)(void *ctx, int leader_fd);
	ssize_t (*read)(void *ctx, int fd, void *buf, size_t size);
	void (*close)(void *ctx, int fd);
	uint64_t (*rdpmc)(void *ctx, uint32_t index);
	uint64_t (*ticks)(void *ctx);
	int (*slurp)(void *ctx, const char *path, char *buf, size_t size);
	/* Names of the PMUs that list the CPUs they belong to; returns how many. */
	int (*list_units)(void *ctx, char names[][64], int capacity);
	int (*current_cpu)(void *ctx);
	void *ctx;
};

extern const struct pb_pmu_ops pb_pmu_linux;

/* One opened event and its page; page is NULL where it couldn't be mapped. */
struct pb_pmu_event {
	int fd; /* -1 = not open */
	struct perf_event_mmap_page *page;
	size_t page_bytes;
};

/* Why something is unavailable, and the command that would change it ("" = none). */
struct pb_pmu_reason {
	enum probe_code code;
	int sys_errno;
	char why[224];
	char fix[224];
};

/* Opens cycles, and instructions in its group where the PMU has room for both, enables them and
 * checks that they really run. Both events are closed (fd -1) after a failure.
 * Returns 0, or -code with *reason filled. */
int pb_pmu_open(const struct pb_pmu_ops *ops, struct pb_pmu_event *cycles,
		struct pb_pmu_event *instructions, struct pb_pmu_reason *reason);
void pb_pmu_close(const struct pb_pmu_ops *ops, struct pb_pmu_event *event);

/* One reading through the page under its sequence lock. False when user space can't read just now:
 * the event isn't on the PMU (index 0), the permission is gone, or the page never settled. That is
 * not the same as "no change", so the caller must use read(2) and must not use *out. */
bool pb_pmu_page_read(const struct pb_pmu_ops *ops,
		      const volatile struct perf_event_mmap_page *page, struct probe_reading *out);
/* Whether the page offers user-space reads at all. */
bool pb_pmu_page_readable(const volatile struct perf_event_mmap_page *page);
/* One reading by read(2); as probe_counter_read(). */
int pb_pmu_fd_read(const struct pb_pmu_ops *ops, int fd, struct probe_reading *out);

/* Says why opening failed with that errno, or why a page isn't readable. */
void pb_pmu_explain_open(const struct pb_pmu_ops *ops, int sys_errno, struct pb_pmu_reason *out);
void pb_pmu_explain_page(const struct pb_pmu_ops *ops, const struct pb_pmu_event *event,
			 struct pb_pmu_reason *out);
void pb_pmu_explain_unscheduled(const struct pb_pmu_ops *ops, struct pb_pmu_reason *out);

#endif
