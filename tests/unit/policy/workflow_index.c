/* What is found without asking all workflows is what asking all of them would find. */
#include "fixture.h"

#include "base/buf.h"
#include "base/glob.h"
#include "base/rand.h"
#include "policy/match.h"
#include "policy/text_set.h"
#include "policy/workflow_index.h"
#include "policy/workflow_terms.h"

enum { WORKFLOWS = 30, ROUNDS = 60 };

static const char *const logins[] = { "ann", "bob", "BOB", "eve", "an*", "*", "\", \"zoe", "@crew" };
static const char *const locals[] = { "x", "y", "x*", "*", "*y", "x+*" };
static const char *const domains[] = { "example.org", "a.example.org", "*.example.org", "*ple.org", "*", "example.net",
				       "b.a.example.org", "*.a.example.org", "bücher.example", "*.bücher.example" };

#define ONE_OF(list) (list)[random_below(sizeof(list) / sizeof((list)[0]))]

static size_t random_below(size_t n)
{
	uint64_t r;
	rand_bytes(&r, sizeof(r));
	return (size_t)(r % n);
}

/* Errors of policies, such as identities in common, are what this is about. */
static const struct policy *random_policy(struct fixture *f)
{
	struct buf b;
	buf_init(&b, 0);
	buf_printf(&b, "lists = ( { name = \"crew\"; type = \"string\"; items = [ \"ann\", \"zoe\" ]; },\n"
		       "  { name = \"few\"; type = \"address\"; items = [ \"y@example.net\", \"*@a.example.org\" ]; } );\n"
		       "workflows = (\n");
	for (size_t i = 0; i < WORKFLOWS; i++) {
		buf_printf(&b, "%s{ name = \"w%zu\"; ", i == 0 ? "" : ",\n", i);
		if (random_below(5) == 0)
			buf_printf(&b, "match = { client = { ip = \"192.0.2.%zu\"; }; };", 7 + random_below(2));
		else
			buf_printf(&b, "match = { auth = { login = [ \"%s\" ]; }; };", ONE_OF(logins));
		buf_printf(&b, " identity = { from = [ \"%s@%s\"", ONE_OF(locals), ONE_OF(domains));
		for (size_t k = random_below(3); k > 0; k--)
			buf_printf(&b, ", \"%s@%s\"", ONE_OF(locals), ONE_OF(domains));
		buf_printf(&b, "%s ]; }; unsigned = true; shared = %s; }", random_below(6) == 0 ? ", \"@few\"" : "",
			   random_below(4) == 0 ? "true" : "false");
	}
	buf_printf(&b, " );\n");
	write_file(f, "policy.conf", str_to_c(f->arena, buf_str(&b)));
	buf_fini(&b);
	return load_folder(f);
}

static bool have_author_in_common(struct fixture *f, const struct workflow *a, const struct workflow *b)
{
	return !(a->is_shared && b->is_shared) && a->terms->is_good && b->terms->is_good &&
	       identity_common_author(f->arena, &a->terms->identity, &b->terms->identity).n > 0;
}

static void overlaps_are_all_pairs_that_have_an_author_in_common(void **state)
{
	struct fixture *f = *state;
	size_t found = 0;
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		rand_set_sequence(round);
		const struct policy *p = random_policy(f);
		struct workflow *const *w = p->workflows.items;
		struct workflow_overlaps overlaps = workflow_index_overlaps(p->workflow_index, f->arena);
		size_t next = 0;
		for (uint32_t second = 0; second < WORKFLOWS; second++)
			for (uint32_t first = 0; first < second; first++) {
				if (!have_author_in_common(f, w[first], w[second]))
					continue;
				assert_true(next < overlaps.count);
				assert_int_equal(overlaps.pairs[next].first, first);
				assert_int_equal(overlaps.pairs[next].second, second);
				next++;
			}
		assert_int_equal(next, overlaps.count);
		found += next;
	}
	assert_true(found > ROUNDS);
	rand_set_sequence(0);
}

static const struct workflow *first_that_matches(struct fixture *f, const struct facts *facts)
{
	struct matcher m = { .arena = f->arena, .facts = facts };
	const struct condition *decided;
	for (size_t i = 0; i < WORKFLOWS; i++)
		if (conditions_match(&m, &f->policy->workflows.items[i]->terms->match, &decided) == TRUTH_YES)
			return f->policy->workflows.items[i];
	return NULL;
}

static const struct workflow *first_that_owns(struct fixture *f, struct str author)
{
	for (size_t i = 0; i < WORKFLOWS; i++)
		if (identity_has_author(&f->policy->workflows.items[i]->terms->identity, author, f->arena))
			return f->policy->workflows.items[i];
	return NULL;
}

static void the_first_is_found(void **state)
{
	static const char *const senders[] = { "ann", "ANN", "bob", "eve", "zoe", "Zoe", "anne", "nobody", NULL, "?" };
	static const char *const authors[] = {
		"x@example.org", "X@EXAMPLE.org", "y@example.net", "x+y@a.example.org", "yy@b.a.example.org", "z@purple.org",
		"y@bücher.example", "y@xn--bcher-kva.example", "z@c.xn--bcher-kva.example", "x", "x@", "@example.org", "",
		"x@y@example.net", "x@example.org.", "\"y@example.net\"@example.org",
	};
	struct fixture *f = *state;
	size_t chosen = 0, owned = 0;
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		rand_set_sequence(round);
		random_policy(f);
		for (size_t i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
			struct given_facts facts = stranger_facts(f);
			set_fact(facts.message, FACT_AUTH_LOGIN, senders[i]);
			set_fact(facts.connection, FACT_CLIENT_IP, i % 2 == 0 ? "192.0.2.7" : "192.0.2.9");
			const struct workflow *w = first_that_matches(f, facts.message);
			assert_ptr_equal(workflow_match(f->policy, facts.message, f->arena), w);
			chosen += w != NULL;
		}
		for (size_t i = 0; i < sizeof(authors) / sizeof(authors[0]); i++) {
			struct str author = str_of(authors[i]);
			const struct workflow *w = first_that_owns(f, author);
			assert_ptr_equal(workflow_index_owner(f->policy->workflow_index, author, f->arena), w);
			owned += w != NULL;
		}
	}
	assert_true(chosen > ROUNDS && owned > ROUNDS);
	rand_set_sequence(0);
}

/* The shapes of large policies: a domain of its own for each, names and patterns in common domains. */
static size_t compared_in(struct fixture *f, size_t count, const char *author)
{
	struct buf b;
	buf_init(&b, 0);
	buf_printf(&b, "workflows = (\n");
	for (size_t i = 0; i < count; i++) {
		struct str part = STR_EMPTY;
		buf_printf(&b, "%s{ name = \"w%zu\"; match = { auth = { login = \"l%zu\"; }; }; identity = { from = \"",
			   i == 0 ? "" : ",\n", i, i);
		for (struct str rest = str_of(author); str_next(&rest, '#', &part);)
			buf_printf(&b, "%.*s%s", STR_ARG(part), rest.n > 0 ? str_printf(f->arena, "%zu", i).p : "");
		buf_printf(&b, "\"; }; unsigned = true; }");
	}
	buf_printf(&b, " );\n");
	load_text(f, str_to_c(f->arena, buf_str(&b)));
	buf_fini(&b);
	return f->policy->workflows_compared;
}

static void twice_as_many_workflows_are_twice_as_much_work(void **state)
{
	static const char *const authors[] = { "a@w#.example.org", "*@w#.example.org", "*@*.w#.example.org", "a#@example.org",
					       "a+*@w#.example.org" };
	for (size_t i = 0; i < sizeof(authors) / sizeof(authors[0]); i++) {
		size_t few = compared_in(*state, 250, authors[i]), many = compared_in(*state, 500, authors[i]);
		assert_true(few >= 250);
		assert_true(many <= 2 * few);
	}
}

static void what_a_pattern_leaves_no_doubt_about(void **state)
{
	(void)state;
	static const struct {
		const char *author, *domain;
	} rows[] = {
		{ "a@example.org", "example.org" }, { "a*@example.org", "example.org" }, { "*@*.example.org", "example.org" },
		{ "*@*ple.org", "org" },            { "*", "" },                         { "*@*", "" },
		{ "*ple.org", "org" },              { "a@b*.example.org", "example.org" }, { "postmaster", "postmaster" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_str(author_sure_domain(str_of(rows[i].author)), rows[i].domain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(overlaps_are_all_pairs_that_have_an_author_in_common),
		TEST(the_first_is_found),
		TEST(twice_as_many_workflows_are_twice_as_much_work),
		TEST(what_a_pattern_leaves_no_doubt_about),
	};
	return RUN_TESTS(tests);
}
