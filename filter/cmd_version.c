/* gatepost version - ours, and of the libraries that are loaded. */
#include "cmd.h"

#include <sys/types.h>

#include <event2/event.h>
#include <idn2.h>
#include <jansson.h>
#include <libconfig.h>
#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <arpa/nameser.h>
#include <opendkim/dkim.h>
#include <openssl/crypto.h>
#include <spf2/spf.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sysexits.h>
#include <unbound.h>

int cmd_version(int argc, char **argv)
{
	if (argc > 1)
		return cmd_usage_error(argv[0], "\"%s\" is too much", argv[1]);
	unsigned major, minor, patch;
	int spf_major, spf_minor, spf_patch;
	unsigned long dkim = dkim_libversion();
	smfi_version(&major, &minor, &patch);
	SPF_get_lib_version(&spf_major, &spf_minor, &spf_patch);
	printf("gatepost %s\n", GATEPOST_VERSION);
	printf("configuration %s\n\n", GATEPOST_CONFIG);
	printf("libmilter     %u.%u.%u\n", major, minor, patch);
	printf("libopendkim   %lu.%lu.%lu\n", dkim >> 24, dkim >> 16 & 0xff, dkim >> 8 & 0xff);
	printf("libspf2       %d.%d.%d\n", spf_major, spf_minor, spf_patch);
	printf("libunbound    %s\n", ub_version());
	printf("libevent      %s\n", event_get_version());
	printf("libidn2       %s\n", idn2_check_version(NULL));
	printf("libconfig     %d.%d.%d (built with)\n", LIBCONFIG_VER_MAJOR, LIBCONFIG_VER_MINOR,
	       LIBCONFIG_VER_REVISION);
	printf("jansson       %s\n", jansson_version_str());
	printf("SQLite        %s\n", sqlite3_libversion());
	printf("OpenSSL       %s\n", OpenSSL_version(OPENSSL_VERSION));
	return EX_OK;
}
