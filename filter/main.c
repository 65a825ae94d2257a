/* gatepost - the table of subcommands, and what they share. */
#include "cmd.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/nametab.h"

struct command {
	const char *name;
	cmd_fn *run;
	const char *arguments;
	const char *summary;
	const char *help; /* further lines for `gatepost help NAME` */
};

static const struct command commands[] = {
	{ "run", cmd_run, "[-c FILE]",
	  "Serve the MTA in the foreground",
	  "SIGHUP and SIGUSR1 reload, SIGTERM ends after the messages in flight.\n" },
	{ "status", cmd_status, "[-c FILE] [--json]",
	  "Tell how the running daemon is",
	  "Asks over the UNIX socket in http.listen. Exits with 0, with 1 if there is something to look at, with 69 if the\n"
	  "daemon does not answer.\n"
	  "\n"
	  "  --json   print everything that the status page shows\n" },
	{ "top", cmd_top, "[-c FILE] [--every SECONDS] [--once]",
	  "Show traffic, results, workflows and refusals as they happen",
	  "q ends it.\n"
	  "\n"
	  "  --every SECONDS   between two looks (2)\n"
	  "  --once            print one screen and end\n" },
	{ "reload", cmd_reload, "[-c FILE]",
	  "Have the running daemon read its configuration again, and wait for how that went",
	  "Exits with 0 if it is in force, with 78 after telling all that is wrong, with 69 if the daemon does not answer.\n" },
	{ "check", cmd_check, "[-c FILE] [--dump]",
	  "Read configuration and policies as run does and tell all that is wrong",
	  "Exits with 0 if the daemon would take it, 78 if not. Warnings do not count.\n"
	  "`gatepost -t` and `gatepost -n` mean the same.\n"
	  "\n"
	  "  --dump   print every option with its effective value\n" },
	{ "why", cmd_why, "[-c FILE] [--json] ID",
	  "Tell what was decided about a message, and by which rule",
	  "ID is the decision id from the SMTP reply, the log or Authentication-Results, or the MTA's queue id.\n"
	  "\n"
	  "  --json   print the record as it is stored\n" },
	{ "log", cmd_log, "[-c FILE] [-f] [--since 2h|TIME] [--json] [--FILTER PATTERN ...]",
	  "Show what was decided, one line a message, and follow it",
	  "Lines of the last hour, from the store; all filters given must fit, and '*' in a pattern stands for anything.\n"
	  "\n"
	  "  --workflow PATTERN    of this workflow\n"
	  "  --decision WORD       accept, reject, defer, quarantine, discard or aborted\n"
	  "  --rule PATTERN        decided by this rule, or a recipient was\n"
	  "  --sender PATTERN      with this envelope sender or author\n"
	  "  --recipient PATTERN   with this recipient, and perhaps others\n"
	  "  --domain PATTERN      sender, author or a recipient are of this domain or below it\n"
	  "  --client PATTERN      from this address or verified name\n"
	  "  --id PATTERN          with this decision id or queue id\n"
	  "  --since 2h|TIME       from then on (1h; with -f: now)\n"
	  "  -f, --follow          goes on with what comes\n"
	  "  --json                prints the records as they are stored\n" },
	{ "eval", cmd_eval, "[-c FILE | --policy FILE|FOLDER [--zone FILE]] [--json] --case FILE | [OPTIONS] MESSAGE|-",
	  "Take a message or a .case file through the gate without an MTA",
	  "Shows each step, the rules tried and why they did or did not hold, the facts and the decision.\n"
	  "Exits with 0 whatever becomes of the message.\n"
	  "\n"
	  "  --policy FILE|FOLDER  these policies and default options instead of a configuration\n"
	  "  --zone FILE           DNS answers from a file instead of the system's resolvers\n"
	  "  --client ADDRESS      of the SMTP client (192.0.2.1)\n"
	  "  --name NAME           its host name as the MTA verified it (unknown)\n"
	  "  --helo NAME           what it says in EHLO (client.example)\n"
	  "  --from ADDRESS        envelope sender (<>)\n"
	  "  --rcpt ADDRESS        recipient; may be given several times (postmaster)\n"
	  "  --macro NAME=VALUE    what the MTA tells, such as {auth_authen}=alice\n"
	  "  --case FILE           runs a .case file; exits with 1 if anything is not as it expects\n"
	  "  --json                print the records only, one line each\n" },
	{ "test", cmd_test, "[-v] [-c FILE] [FOLDER | FILE.conf ...]",
	  "Run the tests that stand in policy files",
	  "Without names: those of the policies that the configuration names. Exits with 1 if a test fails, 78 if\n"
	  "the policies are not good.\n"
	  "\n"
	  "  -v   tell every test, the facts that tests start from, and rules that no test names\n" },
	{ "key", cmd_key, "[-c FILE] new|show|check|rotate|list [NAME] [OPTIONS]",
	  "Make signing keys, compare them with DNS, replace them",
	  "  new NAME --domain D --selector S   makes a key, pending, and prints its record\n"
	  "  show NAME                          prints its records as lines of a zone file\n"
	  "  check [NAME...]                    compares with DNS: what is published becomes active\n"
	  "  rotate NAME                        makes the next version, or tells what it waits for\n"
	  "  list [NAME...]                     shows all versions of all keys\n"
	  "\n"
	  "  --type rsa|ed25519   of a new key or version (rsa)\n"
	  "  --bits NUMBER        of an RSA key (2048)\n"
	  "  --selector S         of a new version (sYYYYMMDD)\n"
	  "  --server ADDRESS     asks this resolver, as the world may see something else\n"
	  "  --json               prints a list of objects\n"
	  "\n"
	  "check and rotate exit with 1 if a record is missing or wrong, 75 if DNS does not tell.\n" },
	{ "doctor", cmd_doctor, "[-c FILE] [--config-dir FOLDER | --sendmail FILE] [--json]",
	  "Tell what is wrong between MTA, daemon and host, and what to type",
	  "Reads the configuration of Postfix (postconf) or Sendmail and ours, tries the daemon's socket as the MTA does,\n"
	  "and asks the daemon how it is. Changes nothing. Run it as root: only so can it see with the eyes of other users.\n"
	  "\n"
	  "  --config-dir FOLDER   of Postfix's main.cf and master.cf\n"
	  "  --sendmail FILE       sendmail.cf, or the .mc file that it is made from\n"
	  "  --json                prints an object\n"
	  "\n"
	  "Exits with 78 if there is an error, else 0.\n" },
	{ "preflight", cmd_preflight, "[-c FILE] [--workflow NAME] [--server ADDRESS] [--json]",
	  "Tell what receivers will find of each workflow: SPF, DKIM, DMARC, reverse names",
	  "Compares the envelope domains with the addresses in `egress`, key records with the keys, and both with the DMARC\n"
	  "records of the authors' domains, and says what to publish.\n"
	  "\n"
	  "  --workflow NAME    this one only\n"
	  "  --server ADDRESS   asks this resolver, as the world may see something else\n"
	  "  --json             prints an object\n"
	  "\n"
	  "Exits with 65 if something would fail at the receiver, 75 if DNS does not tell, else 0.\n" },
	{ "docs", cmd_docs, "facts|actions|stranger|options|metrics|record|status|results|stages|checks [--markdown|--json] | schema | status-schema",
	  "Print what policies and configuration may say, from the tables",
	  "stranger: the facts of a policy test that it does not give. record: the members of a record but the facts.\n"
	  "checks: what doctor looks at. status: the members of\n"
	  "/status.json. schema, status-schema: the JSON Schema of a record, of the status.\n"
	  "\n"
	  "  --markdown   as a table for a document\n"
	  "  --json       as a list of objects\n" },
	{ "retry", cmd_retry, "[-c FILE] list [--json] | forget ID ...",
	  "Show what was refused for good, and allow it to be tried again",
	  "What a workflow was refused for good is refused again at once for a time (option retry_memory), with the id of\n"
	  "the first refusal. Works beside the running daemon, which sees changes at once.\n"
	  "\n"
	  "  list [--json]    print what is remembered, and how often it was tried again\n"
	  "  forget ID ...    let what these decisions refused be tried again\n" },
	{ "suppress", cmd_suppress, "[-c FILE] list|add|remove|import|export [OPTIONS] [ADDRESS ... | FILE]",
	  "Keep the list of recipients that get no mail",
	  "Works on the store of the configuration, beside the running daemon, which sees changes at once. Entries are\n"
	  "for the workflows with suppression = \"NAME\", or for all without --scope.\n"
	  "\n"
	  "  list [--scope NAME] [--json]    print the list\n"
	  "  add [--scope NAME] [--reason TEXT] [--source NAME] [--expires 30d|TIME] ADDRESS ...\n"
	  "  remove [--scope NAME] ADDRESS ...\n"
	  "  import [--scope NAME] [--reason TEXT] [--source NAME] FILE|-\n"
	  "                                  take in a CSV file, all of it or nothing\n"
	  "  export [--scope NAME] [FILE]    write one\n"
	  "\n"
	  "Columns are scope, address, reason, source, created, expires, by a first line that names them; times are\n"
	  "such as 2026-11-23T10:12:00Z. --scope \"\" with list and export: only what is for all.\n" },
	{ "backup", cmd_backup, "[-c FILE] FILE",
	  "Copy the store into a file while the daemon runs",
	  "Records, counts of limits, suppressed recipients and refusals, as they are at one moment (SQLite; Redis makes its\n"
	  "own copies). An older copy is replaced as a whole. Keys and configuration are files in /etc/gatepost.\n" },
	{ "version", cmd_version, "",
	  "Print the versions of Gatepost and of its libraries",
	  "" },
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int unknown(const char *name)
{
	const char *names[COMMAND_COUNT];
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		names[i] = commands[i].name;
	const char *closest = nametab_closest(names, COMMAND_COUNT, str_of(name));
	fprintf(stderr, "gatepost: there is no command \"%s\"", name);
	if (closest != NULL)
		fprintf(stderr, "; did you mean \"%s\"?\n", closest);
	else
		fprintf(stderr, "; gatepost --help lists them\n");
	return EX_USAGE;
}

static int print_overview(FILE *out, int code)
{
	fputs("usage: gatepost COMMAND [ARGUMENTS]\n\n", out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\ngatepost help COMMAND tells more; gatepost(8) everything.\n", out);
	return code;
}

static int help(const char *name)
{
	const struct command *c = name == NULL ? NULL : find(name);
	if (name == NULL)
		return print_overview(stdout, EX_OK);
	if (c == NULL)
		return unknown(name);
	printf("usage: gatepost %s %s\n\n%s.\n%s%s", c->name, c->arguments, c->summary, c->help[0] == 0 ? "" : "\n",
	       c->help);
	return EX_OK;
}

int cmd_usage_error(const char *command, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fprintf(stderr, "gatepost %s: ", command);
	vfprintf(stderr, format, args);
	fprintf(stderr, "\nusage: gatepost %s %s\n", command, find(command)->arguments);
	va_end(args);
	return EX_USAGE;
}

int cmd_option_error(char *const *argv)
{
	/* A long option leaves optopt at 0 if it is unknown. */
	if (optopt == 'c')
		return cmd_usage_error(argv[0], "-c needs a file");
	if (optopt != 0)
		return cmd_usage_error(argv[0], "unknown option -%c", optopt);
	return cmd_usage_error(argv[0], "unknown option %s", argv[optind - 1]);
}

bool cmd_options(int argc, char **argv, const char **config_path)
{
	int option;
	opterr = 0;
	*config_path = GATEPOST_CONFIG;
	while ((option = getopt(argc, argv, "c:")) != -1) {
		if (option != 'c') {
			cmd_option_error(argv);
			return false;
		}
		*config_path = optarg;
	}
	if (optind < argc)
		cmd_usage_error(argv[0], "\"%s\" is too much", argv[optind]);
	return optind == argc;
}

int main(int argc, char **argv)
{
	static char check[] = "check";
	const char *first = argc < 2 ? NULL : argv[1];
	if (first == NULL)
		return print_overview(stderr, EX_USAGE);
	if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || strcmp(first, "help") == 0)
		return help(argc > 2 ? argv[2] : NULL);
	if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0)
		return cmd_version(1, argv + 1);
	if (strcmp(first, "-t") == 0 || strcmp(first, "-n") == 0)
		argv[1] = check;
	const struct command *c = find(argv[1]);
	if (c == NULL)
		return unknown(first);
	if (argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0))
		return help(c->name);
	return c->run(argc - 1, argv + 1);
}
