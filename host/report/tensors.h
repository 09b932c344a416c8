/*
 * The values of a trained network in its result folder: weights/NAME.npy for each parameter, in float32 and
 * its true shape, and LAYER.running_mean.npy, LAYER.running_variance.npy for each batch norm beside them;
 * weights/manifest.json says which there are, in their order, with shapes and formats.
 *
 * They come into their places with the other files of a result (results.h): all are on the disk before the
 * first is renamed.
 */
#ifndef QMAC_REPORT_TENSORS_H
#define QMAC_REPORT_TENSORS_H

#include "report/atomic_file.h"
#include "report/json.h"
#include "train/trained_net.h"

enum { QMAC_TENSOR_NAME = 96 };

struct qmac_tensors {
	struct qmac_atomic_file *files;
	int count;
};

/*
 * Writes all but the manifest under temporary names, into a folder `weights` that is there, and the manifest
 * to a stream. weights_sha256: of the parameters, float32 little endian, in the order of the manifest.
 * Abandon also after a failure.
 */
QMAC_MUST_CHECK enum qmac_status qmac_tensors_write(struct qmac_tensors *tensors, const char *folder,
                                                    const struct qmac_trained_net *trained, FILE *manifest,
                                                    char weights_sha256[QMAC_SHA256_TEXT],
                                                    struct qmac_error *err);
/* The same, but the manifest, from another result folder, byte for byte. */
QMAC_MUST_CHECK enum qmac_status qmac_tensors_copy(struct qmac_tensors *tensors, const char *folder,
                                                   const char *from, struct qmac_error *err);
/* Gives the files their names. */
QMAC_MUST_CHECK enum qmac_status qmac_tensors_place(struct qmac_tensors *tensors, const char *folder,
                                                    struct qmac_error *err);
/* Removes temporary files that are left. */
void qmac_tensors_abandon(struct qmac_tensors *tensors);

/* Removes the files that the manifest of an older result names, if there is one. */
QMAC_MUST_CHECK enum qmac_status qmac_tensors_remove(const char *folder, struct qmac_error *err);

/* The file of number i of a manifest, below the folder, and its SHA-256; false behind the last. */
bool qmac_tensors_member(const struct qmac_json *manifest, int i, char name[QMAC_TENSOR_NAME],
                         const char **sha256);

/* The values of trained->net from a result folder; weights and statistics have room for them. */
QMAC_MUST_CHECK enum qmac_status qmac_tensors_read(const char *folder, struct qmac_trained_net *trained,
                                                   struct qmac_error *err);

#endif
