#define _POSIX_C_SOURCE 200809L
#include "run/checkpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/input.h"
#include "report/atomic_file.h"

enum { VERSION = 1, MAGIC = 8, NAME = 32, DIGEST = QMAC_SHA256_TEXT - 1 };

static const char magic[MAGIC + 1] = "qmacckpt", file_name[] = "checkpoint";

struct head {
	char magic[MAGIC];
	uint32_t version, pieces;
	char digest[DIGEST];
};

struct piece_head {
	char name[NAME];
	uint64_t bytes;
};

struct qmac_checkpoint {
	char path[1200];
	uint8_t *bytes;
	size_t size;
};

/* ---- writing -------------------------------------------------------------------- */

struct writer {
	struct qmac_atomic_file file;
	struct qmac_sha256 hash;
};

static void put(struct writer *writer, const void *data, size_t bytes)
{
	if (bytes == 0)
		return; /* data may be NULL */
	fwrite(data, 1, bytes, writer->file.stream);
	qmac_sha256_add(&writer->hash, data, bytes);
}

enum qmac_status qmac_checkpoint_write(const char *folder, const char *digest, const struct qmac_state *state,
                                       struct qmac_error *err)
{
	struct head head = {.version = VERSION, .pieces = (uint32_t)state->count};
	struct writer writer;
	char sha256[QMAC_SHA256_TEXT];
	enum qmac_status status = qmac_atomic_open(&writer.file, folder, file_name, err);

	if (status)
		return status;
	memcpy(head.magic, magic, MAGIC);
	memcpy(head.digest, digest, DIGEST);
	qmac_sha256_start(&writer.hash);
	put(&writer, &head, sizeof head);
	for (int i = 0; i < state->count; i++) {
		const struct qmac_state_piece *piece = &state->pieces[i];
		struct piece_head piece_head = {.bytes = piece->bytes};

		assert(strlen(piece->name) < NAME);
		memcpy(piece_head.name, piece->name, strlen(piece->name));
		put(&writer, &piece_head, sizeof piece_head);
		put(&writer, piece->data, piece->bytes);
	}
	qmac_sha256_text(&writer.hash, sha256);
	fwrite(sha256, 1, DIGEST, writer.file.stream);
	return qmac_atomic_commit(&writer.file, err);
}

/* ---- reading -------------------------------------------------------------------- */

static enum qmac_status damaged(const struct qmac_checkpoint *checkpoint, const char *why,
                                struct qmac_error *err)
{
	return qmac_fail(err, QMAC_BAD_INPUT, "%s %s: start over without --resume", checkpoint->path, why);
}

/* *missing: there is no such file. */
static enum qmac_status read_file(struct qmac_checkpoint *checkpoint, bool *missing, struct qmac_error *err)
{
	enum qmac_status status;
	long size = -1;
	FILE *in;

	*missing = access(checkpoint->path, F_OK) && errno == ENOENT;
	if (*missing)
		return QMAC_OK;
	status = qmac_input_stream(checkpoint->path, &in, err);
	if (status)
		return status;
	if (fseek(in, 0, SEEK_END) == 0)
		size = ftell(in);
	if (size >= 0 && fseek(in, 0, SEEK_SET) == 0)
		checkpoint->bytes = malloc((size_t)size + 1);
	if (checkpoint->bytes)
		checkpoint->size = fread(checkpoint->bytes, 1, (size_t)size, in);
	fclose(in);
	if (checkpoint->bytes && checkpoint->size == (size_t)size)
		return QMAC_OK;
	return qmac_fail(err, QMAC_BAD_INPUT, "cannot read %s: %s", checkpoint->path, strerror(errno));
}

/* The head of the piece at `at`, which moves behind the piece; false at the end. */
static bool next_piece(const struct qmac_checkpoint *checkpoint, size_t *at, struct piece_head *head)
{
	size_t left = checkpoint->size - DIGEST - *at;

	if (left < sizeof *head)
		return false;
	memcpy(head, checkpoint->bytes + *at, sizeof *head);
	*at += sizeof *head;
	if (head->bytes > left - sizeof *head)
		return false;
	*at += head->bytes;
	return true;
}

/* What was written with that hash was written whole; a file of another program is not. */
static enum qmac_status check(const struct qmac_checkpoint *checkpoint, const char *digest,
                              struct qmac_error *err)
{
	size_t size = checkpoint->size, at = sizeof(struct head);
	struct qmac_sha256 hash;
	char sha256[QMAC_SHA256_TEXT];
	struct piece_head piece;
	struct head head;
	uint32_t pieces = 0;

	if (size >= MAGIC && memcmp(checkpoint->bytes, magic, MAGIC) != 0)
		return damaged(checkpoint, "is no checkpoint of qmac", err);
	if (size < sizeof head + DIGEST)
		return damaged(checkpoint, "is cut off", err);
	memcpy(&head, checkpoint->bytes, sizeof head);
	if (head.version != VERSION)
		return damaged(checkpoint, "was written by another version of qmac", err);
	qmac_sha256_start(&hash);
	qmac_sha256_add(&hash, checkpoint->bytes, size - DIGEST);
	qmac_sha256_text(&hash, sha256);
	if (memcmp(sha256, checkpoint->bytes + size - DIGEST, DIGEST) != 0)
		return damaged(checkpoint, "is cut off or damaged (its SHA-256 is another one)", err);
	if (memcmp(head.digest, digest, DIGEST) != 0)
		return damaged(checkpoint, "belongs to another configuration, hardware or version of qmac", err);
	while (next_piece(checkpoint, &at, &piece))
		pieces++;
	if (pieces != head.pieces || at != size - DIGEST)
		return damaged(checkpoint, "is damaged", err);
	return QMAC_OK;
}

enum qmac_status qmac_checkpoint_read(const char *folder, const char *digest,
                                      struct qmac_checkpoint **checkpoint, struct qmac_error *err)
{
	struct qmac_checkpoint *made = calloc(1, sizeof *made);
	enum qmac_status status;
	bool missing;

	*checkpoint = NULL;
	if (!made)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a checkpoint");
	snprintf(made->path, sizeof made->path, "%s/%s", folder, file_name);
	status = read_file(made, &missing, err);
	if (status == QMAC_OK && !missing)
		status = check(made, digest, err);
	if (status == QMAC_OK && !missing)
		*checkpoint = made;
	else
		qmac_checkpoint_free(made);
	return status;
}

void qmac_checkpoint_free(struct qmac_checkpoint *checkpoint)
{
	if (!checkpoint)
		return;
	free(checkpoint->bytes);
	free(checkpoint);
}

const void *qmac_checkpoint_piece(const struct qmac_checkpoint *checkpoint, const char *name, size_t *bytes)
{
	size_t at = sizeof(struct head);
	struct piece_head head;

	while (next_piece(checkpoint, &at, &head))
		if (strncmp(head.name, name, NAME) == 0) {
			*bytes = head.bytes;
			return checkpoint->bytes + at - head.bytes;
		}
	return NULL;
}

enum qmac_status qmac_checkpoint_load(const struct qmac_checkpoint *checkpoint,
                                      const struct qmac_state *state, struct qmac_error *err)
{
	const void *found[QMAC_STATE_PIECES_MAX];

	for (int i = 0; i < state->count; i++) {
		const struct qmac_state_piece *piece = &state->pieces[i];
		size_t bytes = 0;

		found[i] = qmac_checkpoint_piece(checkpoint, piece->name, &bytes);
		if (!found[i] || bytes != piece->bytes)
			return qmac_fail(err, QMAC_BAD_INPUT, "%s has %zu bytes of %s, this run has %zu: start over"
			                 " without --resume", checkpoint->path, bytes, piece->name, piece->bytes);
	}
	for (int i = 0; i < state->count; i++)
		if (state->pieces[i].bytes > 0)
			memcpy(state->pieces[i].data, found[i], state->pieces[i].bytes);
	return QMAC_OK;
}

void qmac_checkpoint_remove(const char *folder)
{
	char path[1200];

	snprintf(path, sizeof path, "%s/%s", folder, file_name);
	(void)unlink(path);
}
