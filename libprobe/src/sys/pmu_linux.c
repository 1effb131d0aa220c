/* SPDX-License-Identifier: MIT
 * The real system calls behind struct pb_pmu_ops.
 */
#include "sys/pmu.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/arch.h"
#include "sys/text.h"

static int linux_event_open(void *ctx, struct perf_event_attr *attr, int group_fd)
{
	(void)ctx;
	long fd = syscall(SYS_perf_event_open, attr, 0, -1, group_fd, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

static void *linux_map(void *ctx, int fd, size_t bytes, int *sys_errno)
{
	(void)ctx;
	void *page = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		*sys_errno = errno;
		return NULL;
	}
	return page;
}

static void linux_unmap(void *ctx, void *page, size_t bytes)
{
	(void)ctx;
	munmap(page, bytes);
}

static int linux_enable_group(void *ctx, int leader_fd)
{
	(void)ctx;
	return ioctl(leader_fd, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP) ? -errno : 0;
}

static ssize_t linux_read(void *ctx, int fd, void *buf, size_t size)
{
	(void)ctx;
	ssize_t n = read(fd, buf, size);
	return n < 0 ? -errno : n;
}

static void linux_close(void *ctx, int fd)
{
	(void)ctx;
	close(fd);
}

static uint64_t linux_rdpmc(void *ctx, uint32_t index)
{
	(void)ctx;
	return pb_arch_rdpmc(index);
}

static uint64_t linux_ticks(void *ctx)
{
	(void)ctx;
	return pb_arch_ticks_ordered();
}

static int linux_slurp(void *ctx, const char *path, char *buf, size_t size)
{
	(void)ctx;
	return pb_slurp(path, buf, size);
}

static int linux_list_units(void *ctx, char names[][64], int capacity)
{
	(void)ctx;
	DIR *dir = opendir(PB_PMU_ROOT);
	int n = 0;

	if (!dir)
		return 0;
	for (struct dirent *e; n < capacity && (e = readdir(dir));) {
		char path[512];
		if (e->d_name[0] == '.' || snprintf(names[n], 64, "%s", e->d_name) >= 64)
			continue;
		/* Core PMUs have "cpus", the others "cpumask" or nothing. */
		snprintf(path, sizeof path, PB_PMU_ROOT "/%s/cpus", e->d_name);
		if (access(path, R_OK) == 0)
			n++;
	}
	closedir(dir);
	return n;
}

static int linux_current_cpu(void *ctx)
{
	(void)ctx;
	return sched_getcpu();
}

const struct pb_pmu_ops pb_pmu_linux = {
	.event_open = linux_event_open,
	.map = linux_map,
	.unmap = linux_unmap,
	.enable_group = linux_enable_group,
	.read = linux_read,
	.close = linux_close,
	.rdpmc = linux_rdpmc,
	.ticks = linux_ticks,
	.slurp = linux_slurp,
	.list_units = linux_list_units,
	.current_cpu = linux_current_cpu,
};
