/* Looks packets up with DPDK's rte_acl, for `benches/compare.rs`, which starts it and talks to it over pipes.
 *
 * acl EAL-OPTIONS -- FILE. The file is text, all numbers in hexadecimal:
 *   FAMILY RULES TRACES PACKETS
 *   a line per rule:   source/4 words, length, destination/4 words, length, source ports, destination ports,
 *                      protocol, mask, number (1 and up, the strongest first; a rule of two protocols has two lines)
 *   a line per packet: source/4 words, destination/4 words, source port, destination port, protocol, expected number
 *                      (0 when no rule matches)
 * IPv4 addresses have one word, IPv6 ones four.
 *
 * Builds the context, compares every answer with the expected number (each method, one packet and bursts), and says
 * `ready BUILD-NS BYTES`, then `method NAME` for each, then `end`. Then a line `METHOD BURST TRACE` on standard input
 * is answered by the nanoseconds that one pass over the trace took: the median over its parts, times their number.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <time.h>
#include <unistd.h>

#include <rte_acl.h>
#include <rte_eal.h>
#include <rte_malloc.h>

#define BURST 256
/* Packets that are timed together. */
#define PART 1024
/* Seconds after which building is given up: the program ends without a word. */
#define LIMIT 120

/* The first field of rte_acl has one byte and stands alone, the others come in groups of four bytes. */
struct key {
	uint8_t protocol;
	uint8_t unused[3];
	uint16_t ports[2];
	uint32_t address[8];
};

struct trace {
	struct key *keys;
	const uint8_t **data;
	uint32_t *expected;
};

RTE_ACL_RULE_DEF(wide_rule, 11);

static const struct { const char *name; enum rte_acl_classify_alg alg; } METHODS[] = {
	{ "scalar", RTE_ACL_CLASSIFY_SCALAR },
	{ "sse", RTE_ACL_CLASSIFY_SSE },
	{ "avx2", RTE_ACL_CLASSIFY_AVX2 },
	{ "avx512x16", RTE_ACL_CLASSIFY_AVX512X16 },
	{ "avx512x32", RTE_ACL_CLASSIFY_AVX512X32 },
};
#define METHOD_COUNT (sizeof(METHODS) / sizeof(METHODS[0]))

static void fail(const char *what)
{
	fprintf(stderr, "acl: %s\n", what);
	exit(1);
}

static uint64_t now(void)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	return (uint64_t)at.tv_sec * 1000000000ull + at.tv_nsec;
}

static uint32_t number(FILE *in)
{
	uint32_t value;
	if (fscanf(in, "%x", &value) != 1)
		fail("the file is cut short");
	return value;
}

static size_t allocated(void)
{
	struct rte_malloc_socket_stats stats;
	if (rte_malloc_get_socket_stats(SOCKET_ID_ANY, &stats) != 0 &&
	    rte_malloc_get_socket_stats(0, &stats) != 0)
		fail("no memory statistics");
	return stats.heap_allocsz_bytes;
}

/* The protocol, the words of both addresses, the two ports. */
static uint32_t define(struct rte_acl_field_def *defs, uint32_t words)
{
	uint32_t count = 1 + 2 * words + 2;
	for (uint32_t at = 0; at < count; at++) {
		struct rte_acl_field_def *def = &defs[at];
		def->field_index = at;
		if (at == 0) {
			*def = (struct rte_acl_field_def){ RTE_ACL_FIELD_TYPE_BITMASK, 1, 0, 0, 0 };
		} else if (at <= 2 * words) {
			def->type = RTE_ACL_FIELD_TYPE_MASK;
			def->size = 4;
			def->input_index = at;
			def->offset = offsetof(struct key, address) + 4 * (at - 1);
		} else {
			def->type = RTE_ACL_FIELD_TYPE_RANGE;
			def->size = 2;
			def->input_index = 1 + 2 * words;
			def->offset = offsetof(struct key, ports) + 2 * (at - 1 - 2 * words);
		}
	}
	return count;
}

static void read_rules(FILE *in, struct rte_acl_ctx *ctx, uint32_t words, uint32_t count)
{
	for (uint32_t rule = 0; rule < count; rule++) {
		struct wide_rule wide = { 0 };
		struct rte_acl_field *field = &wide.field[1];
		for (int end = 0; end < 2; end++) {
			for (uint32_t word = 0; word < words; word++)
				field[end * words + word].value.u32 = number(in);
			uint32_t length = number(in);
			for (uint32_t word = 0; word < words; word++) {
				uint32_t rest = length > 32 * word ? length - 32 * word : 0;
				field[end * words + word].mask_range.u32 = rest < 32 ? rest : 32;
			}
		}
		for (int port = 0; port < 2; port++) {
			field[2 * words + port].value.u16 = number(in);
			field[2 * words + port].mask_range.u16 = number(in);
		}
		wide.field[0].value.u8 = number(in);
		wide.field[0].mask_range.u8 = number(in);
		uint32_t place = number(in);
		wide.data.userdata = place;
		wide.data.category_mask = 1;
		wide.data.priority = RTE_ACL_MAX_PRIORITY - place;
		if (rte_acl_add_rules(ctx, (struct rte_acl_rule *)&wide, 1) != 0)
			fail("a rule is refused");
	}
}

static void read_trace(FILE *in, struct trace *trace, uint32_t words, uint32_t count)
{
	trace->keys = calloc(count, sizeof(*trace->keys));
	trace->data = calloc(count, sizeof(*trace->data));
	trace->expected = calloc(count, sizeof(*trace->expected));
	if (!trace->keys || !trace->data || !trace->expected)
		fail("no memory");
	for (uint32_t at = 0; at < count; at++) {
		struct key *key = &trace->keys[at];
		trace->data[at] = (const uint8_t *)key;
		for (uint32_t word = 0; word < 2 * words; word++)
			key->address[word] = htonl(number(in));
		key->ports[0] = htons(number(in));
		key->ports[1] = htons(number(in));
		key->protocol = number(in);
		trace->expected[at] = number(in);
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return (left > right) - (left < right);
}

static void pass(struct rte_acl_ctx *ctx, struct trace *trace, uint32_t count, uint32_t burst,
		 enum rte_acl_classify_alg alg, uint32_t *results)
{
	for (uint32_t at = 0; at < count; at += burst) {
		uint32_t now = count - at < burst ? count - at : burst;
		if (rte_acl_classify_alg(ctx, trace->data + at, results + at, now, 1, alg) != 0)
			fail("classify refuses");
	}
}

/* A part is either interrupted by other programs, for far longer than it takes, or not at all: hence the median. */
static uint64_t timed(struct rte_acl_ctx *ctx, struct trace *trace, uint32_t count, uint32_t burst,
		      enum rte_acl_classify_alg alg, uint32_t *results)
{
	uint32_t parts = count / PART;
	uint64_t times[parts];
	for (uint32_t part = 0; part < parts; part++) {
		struct trace piece = { NULL, trace->data + part * PART, NULL };
		uint64_t start = now();
		pass(ctx, &piece, PART, burst, alg, results);
		times[part] = now() - start;
	}
	qsort(times, parts, sizeof(times[0]), compare);
	return times[parts / 2] * parts;
}

int main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);
	if (used < 0 || argc - used != 2)
		fail("usage: acl EAL-OPTIONS -- FILE");
	FILE *in = fopen(argv[used + 1], "r");
	if (!in)
		fail("the file cannot be opened");
	uint32_t words = number(in) == 4 ? 1 : 4;
	uint32_t rules = number(in), traces = number(in), packets = number(in);

	struct rte_acl_config config = { .num_categories = 1 };
	config.num_fields = define(config.defs, words);
	struct rte_acl_param param = {
		.name = "compare", .socket_id = SOCKET_ID_ANY,
		.rule_size = RTE_ACL_RULE_SZ(config.num_fields), .max_rule_num = rules,
	};
	struct rte_acl_ctx *ctx = rte_acl_create(&param);
	if (!ctx)
		fail("no context");
	read_rules(in, ctx, words, rules);
	size_t before = allocated();
	uint64_t start = now();
	alarm(LIMIT);
	if (rte_acl_build(ctx, &config) != 0)
		fail("build refuses");
	alarm(0);
	uint64_t built = now() - start;
	size_t bytes = allocated() - before;

	struct trace *all = calloc(traces, sizeof(*all));
	uint32_t *results = calloc(packets, sizeof(*results));
	if (!all || !results)
		fail("no memory");
	for (uint32_t at = 0; at < traces; at++)
		read_trace(in, &all[at], words, packets);

	printf("ready %llu %zu\n", (unsigned long long)built, bytes);
	for (size_t method = 0; method < METHOD_COUNT; method++) {
		if (rte_acl_set_ctx_classify(ctx, METHODS[method].alg) != 0)
			continue;
		for (uint32_t at = 0; at < 2 * traces; at++) {
			memset(results, 0xff, packets * sizeof(*results));
			pass(ctx, &all[at / 2], packets, at % 2 ? BURST : 1, METHODS[method].alg, results);
			if (memcmp(results, all[at / 2].expected, packets * sizeof(*results)) != 0)
				fail("an answer differs from the expected one");
		}
		printf("method %s\n", METHODS[method].name);
	}
	printf("end\n");
	fflush(stdout);

	char name[32];
	uint32_t burst, trace;
	while (scanf("%31s %u %u", name, &burst, &trace) == 3) {
		size_t method = 0;
		while (method < METHOD_COUNT && strcmp(METHODS[method].name, name) != 0)
			method++;
		if (method == METHOD_COUNT || trace >= traces || burst == 0 || packets < PART)
			fail("no such measurement");
		uint64_t time = timed(ctx, &all[trace], packets, burst, METHODS[method].alg, results);
		printf("%llu\n", (unsigned long long)time);
		fflush(stdout);
	}
	return 0;
}
