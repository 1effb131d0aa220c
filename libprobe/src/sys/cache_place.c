/* SPDX-License-Identifier: MIT
 * Choosing a cache folder that is the caller's alone.
 */
#include "sys/cache_place.h"

#include <endian.h>
#include <errno.h>
#include <grp.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <linux/xattr.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/visible.h"

enum { NSS_BYTES = 16384, NAME_BYTES = 64 };

/* --- users and groups ---------------------------------------------------------------------------
 */

static const char *name_of_user(uid_t uid, char *buf, size_t size)
{
	char strings[NSS_BYTES];
	struct passwd user, *found = NULL;
	if (!getpwuid_r(uid, &user, strings, sizeof strings, &found) && found)
		snprintf(buf, size, "%s", user.pw_name);
	else
		snprintf(buf, size, "user %lu", (unsigned long)uid);
	return buf;
}

/* The home folder that the user database names; NULL when there is none. */
static const char *own_home(char *buf, size_t size)
{
	char strings[NSS_BYTES];
	struct passwd user, *found = NULL;
	if (getpwuid_r(geteuid(), &user, strings, sizeof strings, &found) || !found ||
	    user.pw_dir[0] != '/')
		return NULL;
	return (size_t)snprintf(buf, size, "%s", user.pw_dir) < size ? buf : NULL;
}

/* A group of the caller alone, as many systems give each user one: with it, umask is 002. */
static bool is_own_group(gid_t gid)
{
	char strings[NSS_BYTES], names[NSS_BYTES];
	struct passwd user, *me = NULL;
	struct group group, *found = NULL;
	if (getpwuid_r(geteuid(), &user, strings, sizeof strings, &me) || !me ||
	    user.pw_gid != gid || getgrgid_r(gid, &group, names, sizeof names, &found) || !found ||
	    strcmp(group.gr_name, user.pw_name) != 0)
		return false;
	for (char **member = group.gr_mem; *member; member++)
		if (strcmp(*member, user.pw_name) != 0)
			return false;
	return true;
}

/* Whether the access control list of a folder of that group lets others write: 1, 0, or -1 where it
 * has none. Where there is one, the group's bits of the mode are only the list's mask.
 * fresh: the list that what is made in the folder gets. */
static int acl_admits_others(const char *path, bool fresh, gid_t group)
{
	struct {
		struct posix_acl_xattr_header header;
		struct posix_acl_xattr_entry entries[256];
	} acl;
	const char *which = fresh ? XATTR_NAME_POSIX_ACL_DEFAULT : XATTR_NAME_POSIX_ACL_ACCESS;
	ssize_t size = getxattr(path, which, &acl, sizeof acl);
	bool named = false, masked = false, everyone = false;
	if (size < (ssize_t)sizeof acl.header)
		return size < 0 && errno == ERANGE ? 1 : -1; /* longer than anybody needs */
	size_t n = ((size_t)size - sizeof acl.header) / sizeof acl.entries[0];
	for (size_t i = 0; i < n; i++) {
		unsigned id = le32toh(acl.entries[i].e_id);
		bool writes = le16toh(acl.entries[i].e_perm) & ACL_WRITE;
		switch (le16toh(acl.entries[i].e_tag)) {
		case ACL_USER:
			named |= writes && id != geteuid() && id != 0;
			break;
		case ACL_GROUP:
			named |= writes && !is_own_group(id);
			break;
		case ACL_GROUP_OBJ:
			named |= writes && !is_own_group(group);
			break;
		case ACL_OTHER:
			everyone = writes;
			break;
		case ACL_MASK:
			masked = !writes;
			break;
		default:
			break;
		}
	}
	return everyone || (named && !masked);
}

/* --- judging ------------------------------------------------------------------------------------
 */

/* One folder on the way, or a link; last: the cache folder itself. */
static bool is_safe(const char *path, const struct stat *st, bool last, char *why, size_t size)
{
	char name[NAME_BYTES];
	if (st->st_uid != geteuid() && (st->st_uid != 0 || last)) {
		snprintf(why, size, "%s belongs to %s", path,
			 name_of_user(st->st_uid, name, sizeof name));
		return false;
	}
	/* In a sticky folder nobody can replace what is another's. */
	if (S_ISLNK(st->st_mode) || (st->st_mode & S_ISVTX && !last))
		return true;
	bool others = st->st_mode & S_IWOTH;
	int listed = st->st_mode & S_IWGRP ? acl_admits_others(path, false, st->st_gid) : 0;
	bool group = listed < 0 && !is_own_group(st->st_gid);
	if (others || group || listed > 0)
		snprintf(why, size, "%s can be written by %s (chmod %s)", path,
			 others       ? "everyone"
			 : listed > 0 ? "those whom its access control list names"
				      : "its group",
			 others ? "go-w" : "g-w");
	return !others && !group && listed <= 0;
}

/* The folder where the next one would be made. */
static bool is_safe_above_new(const char *path, char *why, size_t size)
{
	if (acl_admits_others(path, true, getegid()) <= 0)
		return true;
	snprintf(why, size,
		 "what is made in %s can be written by those whom its default access control list "
		 "names (setfacl -k)",
		 path);
	return false;
}

/* Every folder from the root down to path, as it is written; own: path itself has to be the
 * caller's. */
static bool is_safe_down_to(const char *path, bool own, char *why, size_t size)
{
	char part[PATH_MAX];
	size_t n = strlen(path);
	struct stat st;
	if (n >= sizeof part) {
		snprintf(why, size, "its path is too long");
		return false;
	}
	memcpy(part, path, n + 1);
	for (char *end = part;;) {
		char *next = strchrnul(end + 1, '/'), kept = *next;
		*next = '\0';
		if (lstat(part, &st)) { /* not there yet, or told later that it can't be used */
			*end = '\0';
			return is_safe_above_new(*part ? part : "/", why, size);
		}
		if (!is_safe(part, &st, own && !kept, why, size))
			return false;
		if (!kept)
			return is_safe_above_new(part, why, size);
		*next = kept;
		end = next;
	}
}

bool pb_is_private(const char *path, char *why, size_t size)
{
	char part[PATH_MAX], real[PATH_MAX];
	struct stat root;
	bool whole = true;
	if (stat("/", &root) || !is_safe("/", &root, false, why, size) ||
	    !is_safe_down_to(path, true, why, size))
		return false;
	/* And where links lead; of what isn't there yet, the nearest folder that is. */
	snprintf(part, sizeof part, "%s", path);
	while (!realpath(part, real)) {
		char *slash = strrchr(part, '/');
		if (!slash || slash == part)
			return true;
		*slash = '\0';
		whole = false;
	}
	return is_safe_down_to(real, whole, why, size);
}

/* --- choosing -----------------------------------------------------------------------------------
 */

/* What was asked for; "" = nothing was. Returns whether it fits. */
static bool asked_for(char *buf, size_t size)
{
	const char *base = getenv("XDG_CACHE_HOME"), *sub = "probe";
	char home[PATH_MAX];
	/* A relative XDG_CACHE_HOME is invalid and to be ignored, says its specification. */
	if (!base || *base != '/') {
		base = getenv("HOME");
		sub = ".cache/probe";
	}
	if (!base || *base != '/')
		base = own_home(home, sizeof home);
	*buf = '\0';
	if (!base)
		return true;
	size_t n = strlen(base);
	while (n > 1 && base[n - 1] == '/')
		n--;
	const char *slash = n == 1 ? "" : "/";
	return (size_t)snprintf(buf, size, "%.*s%s%s", (int)n, base, slash, sub) < size;
}

/* A folder that is the caller's whatever the environment says; false when there is none. */
static bool own_place(char *buf, size_t size)
{
	char home[PATH_MAX], why[PATH_MAX];
	struct stat st;
	const char *tmp = getenv("TMPDIR");
	if (own_home(home, sizeof home) && !stat(home, &st) && st.st_uid == geteuid() &&
	    (size_t)snprintf(buf, size, "%s/.cache/probe", home) < size &&
	    pb_is_private(buf, why, sizeof why))
		return true;
	return (size_t)snprintf(buf, size, "%s/probe-cache-%lu", tmp && *tmp == '/' ? tmp : "/tmp",
				(unsigned long)geteuid()) < size &&
	       pb_is_private(buf, why, sizeof why);
}

int pb_cache_place(struct pb_cache_place *out, struct probe_error *err)
{
	char why[PATH_MAX], asked[PATH_MAX];
	out->note[0] = '\0';
	if (!asked_for(out->path, sizeof out->path))
		return pb_fail(err, PROBE_EINVAL, 0,
			       "the path of the cache folder is longer than %d bytes: set "
			       "XDG_CACHE_HOME to a shorter one",
			       PATH_MAX - 1);
	if (!out->path[0])
		return pb_fail(err, PROBE_ENOENT, 0,
			       "no cache folder: neither XDG_CACHE_HOME nor HOME is set");
	int rc = pb_check_utf8("the path of the cache folder", out->path,
			       "set XDG_CACHE_HOME to one that is", err);
	if (rc)
		return rc;
	if (pb_is_private(out->path, why, sizeof why))
		return 0;
	memcpy(asked, out->path, sizeof asked);
	if (!own_place(out->path, sizeof out->path))
		return pb_fail(err, PROBE_ESYS, 0,
			       "the cache folder %s can't be trusted, as %s: set XDG_CACHE_HOME to "
			       "a folder of your own",
			       asked, why);
	snprintf(out->note, sizeof out->note,
		 "the cache folder %.*s can't be trusted, as %.*s: %.*s is used instead", 1200,
		 asked, 1200, why, 1200, out->path);
	return 0;
}

const char *pb_home_instead(char *buf, size_t size)
{
	const char *home = getenv("HOME");
	struct stat st;
	if (!home || stat(home, &st) || st.st_uid == geteuid() || access(home, W_OK))
		return NULL;
	return own_home(buf, size) && !stat(buf, &st) && st.st_uid == geteuid() ? buf : NULL;
}
