/* tests/fuzz/gate.h - a gate with the shipped policies, DNS from a zone file, and narrow limits. */
#pragma once

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/fail.h"
#include "config/resolver.h"
#include "config/snapshot.h"
#include "session/session.h"

static inline void gate_open(struct gate *gate)
{
	const char *source = getenv("srcdir");
	struct diags *diags = diags_new();
	int fd = memfd_create("gatepost.conf", MFD_CLOEXEC);
	char path[64];
	char *folder = realpath(source == NULL ? "." : source, NULL);
	BUG_IF(fd < 0 || folder == NULL || fchmod(fd, 0600) != 0);
	dprintf(fd, "authserv_id = \"mx.test\";\npolicies = \"%s/policies\";\n", folder);
	dprintf(fd, "dns = { zone_file = \"%s/tests/suites/dkim/keys.zone\"; };\nreceived_spf = true;\n", folder);
	dprintf(fd, "limits = { header_fields = 50; header_bytes = \"16KB\"; recipients = 100; message_bytes = \"64KB\"; };\n");
	free(folder);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct snapshot *s = snapshot_load(path, NULL, diags);
	if (s == NULL)
		diags_print(diags, stderr);
	BUG_IF(s == NULL);
	snapshot_publish(s);
	gate->dns = resolver_open(s->options, NULL, diags);
	BUG_IF(gate->dns == NULL);
	gate->snapshot = snapshot_get;
	diags_free(diags);
	close(fd);
}
