#include "base/sha256.h"

/* FIPS 180-4, 4.2.2: fractional parts of the cube roots of the first 64 primes. */
static const uint32_t constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t x, int right)
{
	return x >> right | x << (32 - right);
}

/* Absorbs hash->block (6.2.2). */
static void compress(struct qmac_sha256 *hash)
{
	uint32_t *v = hash->state, w[64];
	uint32_t a = v[0], b = v[1], c = v[2], d = v[3], e = v[4], f = v[5], g = v[6], h = v[7];

	for (int t = 0; t < 16; t++) {
		const uint8_t *p = hash->block + 4 * t;

		w[t] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	}
	for (int t = 16; t < 64; t++) {
		uint32_t early = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3;
		uint32_t late = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10;

		w[t] = late + w[t - 7] + early + w[t - 16];
	}
	for (int t = 0; t < 64; t++) {
		uint32_t sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25), choice = (e & f) ^ (~e & g);
		uint32_t sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22), majority = (a & b) ^ (a & c) ^ (b & c);
		uint32_t t1 = h + sum1 + choice + constants[t] + w[t];

		h = g;
		g = f;
		f = e;
		e = d + t1;
		d = c;
		c = b;
		b = a;
		a = t1 + sum0 + majority;
	}
	v[0] += a;
	v[1] += b;
	v[2] += c;
	v[3] += d;
	v[4] += e;
	v[5] += f;
	v[6] += g;
	v[7] += h;
}

void qmac_sha256_start(struct qmac_sha256 *hash)
{
	/* 5.3.3: fractional parts of the square roots of the first 8 primes. */
	*hash = (struct qmac_sha256){
		.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19},
	};
}

void qmac_sha256_add(struct qmac_sha256 *hash, const void *data, size_t bytes)
{
	const uint8_t *from = data;

	for (size_t i = 0; i < bytes; i++) {
		hash->block[hash->bytes++ % 64] = from[i];
		if (hash->bytes % 64 == 0)
			compress(hash);
	}
}

bool qmac_sha256_add_stream(struct qmac_sha256 *hash, FILE *in)
{
	uint8_t block[4096];
	size_t got;

	while ((got = fread(block, 1, sizeof block, in)) > 0)
		qmac_sha256_add(hash, block, got);
	return !ferror(in);
}

void qmac_sha256_text(struct qmac_sha256 *hash, char text[QMAC_SHA256_TEXT])
{
	uint64_t bits = 8 * hash->bytes;
	uint8_t length[8];

	for (int i = 0; i < 8; i++)
		length[i] = (uint8_t)(bits >> (56 - 8 * i));
	qmac_sha256_add(hash, "\x80", 1);
	while (hash->bytes % 64 != 56)
		qmac_sha256_add(hash, "", 1);
	qmac_sha256_add(hash, length, sizeof length);
	for (int i = 0; i < 8; i++)
		snprintf(text + 8 * i, 9, "%08x", (unsigned)hash->state[i]);
}
