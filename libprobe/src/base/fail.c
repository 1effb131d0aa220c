/* SPDX-License-Identifier: MIT */
#include "base/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/visible.h"

static const char *const names[] = {
	[PROBE_OK] = "OK",
	[PROBE_EINVAL] = "EINVAL",
	[PROBE_ENOMEM] = "ENOMEM",
	[PROBE_ESYS] = "ESYS",
	[PROBE_ENOPMU] = "ENOPMU",
	[PROBE_EPERM_PARANOID] = "EPERM_PARANOID",
	[PROBE_ENOEVENT] = "ENOEVENT",
	[PROBE_EMULTIPLEX] = "EMULTIPLEX",
	[PROBE_EABI] = "EABI",
	[PROBE_ENOENT] = "ENOENT",
	[PROBE_EFORMAT] = "EFORMAT",
	[PROBE_ETIMEOUT] = "ETIMEOUT",
	[PROBE_ECRASH] = "ECRASH",
	[PROBE_ECHILD] = "ECHILD",
	[PROBE_EINTR] = "EINTR",
	[PROBE_EUNHOOKABLE] = "EUNHOOKABLE",
};

const char *probe_code_name(int code)
{
	int positive = abs(code);
	if (positive >= (int)(sizeof names / sizeof names[0]) || !names[positive])
		return "?";
	return names[positive];
}

int pb_fail(struct probe_error *err, enum probe_code code, int sys_errno, const char *fmt, ...)
{
	if (!err)
		return -(int)code;
	err->code = (int)code;
	err->sys_errno = sys_errno;
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(err->msg, sizeof err->msg, fmt, ap);
	va_end(ap);
	if (sys_errno && n >= 0 && (size_t)n < sizeof err->msg)
		snprintf(err->msg + n, sizeof err->msg - (size_t)n, ": %s", strerror(sys_errno));
	pb_visible_in(err->msg, sizeof err->msg); /* it may quote a file */
	return -(int)code;
}
