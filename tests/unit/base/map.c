#include "../test.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/rand.h"

static void a_key_finds_its_value(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct map *m = map_new(a);
	int one = 1, two = 2;
	char key[] = "one";
	assert_null(map_get(m, STR("one")));
	assert_true(map_add(m, str_of(key), &one));
	key[0] = 'x'; /* the map has a copy */
	assert_true(map_add(m, STR("One"), &two));
	assert_false(map_add(m, STR("one"), &two));
	assert_ptr_equal(map_get(m, STR("one")), &one);
	assert_ptr_equal(map_get(m, STR("One")), &two);
	assert_null(map_get(m, STR("on")));
	assert_int_equal(map_count(m), 2);
	arena_free(a);
}

static void keys_are_bytes_and_values_may_be_null(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct map *m = map_new(a);
	assert_true(map_add(m, (struct str){ "a\0b", 3 }, NULL));
	assert_true(map_add(m, (struct str){ "", 0 }, NULL));
	assert_true(map_has(m, (struct str){ "a\0b", 3 }));
	assert_false(map_has(m, (struct str){ "a\0c", 3 }));
	assert_true(map_has(m, STR("")));
	assert_false(map_add(m, STR(""), NULL));
	arena_free(a);
}

static void thousands_are_found(void **state)
{
	(void)state;
	enum { COUNT = 20000 };
	static int values[COUNT];
	struct arena *a = arena_new();
	struct map *m = map_new(a);
	char key[16];
	for (int i = 0; i < COUNT; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		assert_true(map_add(m, str_of(key), &values[i]));
	}
	assert_int_equal(map_count(m), COUNT);
	for (int i = 0; i < COUNT; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		assert_ptr_equal(map_get(m, str_of(key)), &values[i]);
	}
	arena_free(a);
}

/* SipHash as its authors write it, with c = 1 and d = 3, against ours for every length of the last block. */
static uint64_t rotated(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotated(v[1], 13) ^ v[0];
	v[3] = rotated(v[3], 16) ^ v[2];
	v[0] = rotated(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotated(v[1], 17) ^ v[2];
	v[3] = rotated(v[3], 21) ^ v[0];
	v[2] = rotated(v[2], 32);
}

static uint64_t sip_hash(const uint64_t key[2], const unsigned char *p, size_t n)
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
			  key[1] ^ 0x7465646279746573 };
	for (size_t at = 0; at <= n; at += 8) {
		uint64_t word = n - at < 8 ? (uint64_t)n << 56 : 0;
		for (size_t i = 0; i < 8 && at + i < n; i++)
			word |= (uint64_t)p[at + i] << (8 * i);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void the_hash_is_siphash(void **state)
{
	(void)state;
	unsigned char text[64];
	for (size_t n = 0; n < sizeof(text); n++) {
		text[n] = (unsigned char)(n * 37);
		assert_true(map_hash((struct str){ (const char *)text, n }) == sip_hash(rand_hash_key(), text, n));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_finds_its_value),
		cmocka_unit_test(keys_are_bytes_and_values_may_be_null),
		cmocka_unit_test(thousands_are_found),
		cmocka_unit_test(the_hash_is_siphash),
	};
	return RUN_TESTS(tests);
}
