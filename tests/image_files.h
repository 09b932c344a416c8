/* For tests of networks: a small data set of images in the test folder, and run files that use it. */
#ifndef QMAC_TESTS_IMAGE_FILES_H
#define QMAC_TESTS_IMAGE_FILES_H

#include <sys/stat.h>
#include <unistd.h>

#include "config/run_config.h"
#include "config_files.h"

enum { IMAGE_SIDE = 8, IMAGE_CLASSES = 3, IMAGES_TRAIN = 300, IMAGES_TEST = 70 };

/*
 * The four IDX files below the test folder, in `images`: noise, and a bright square of 3 x 3 pixels at a
 * place that tells the class, somewhat shifted; always the same.
 */
static inline void write_images(void)
{
	static const char *const names[] = {"images/train-images-idx3-ubyte", "images/train-labels-idx1-ubyte",
	                                    "images/t10k-images-idx3-ubyte", "images/t10k-labels-idx1-ubyte"};
	static char bytes[16 + IMAGES_TRAIN * IMAGE_SIDE * IMAGE_SIDE];
	static char labels[8 + IMAGES_TRAIN];
	uint64_t state = 7;
	char folder[600];

	snprintf(folder, sizeof folder, "%s/images", test_folder());
	(void)mkdir(folder, 0777);
	for (int part = 0; part < 2; part++) {
		int count = part ? IMAGES_TEST : IMAGES_TRAIN, pixels = IMAGE_SIDE * IMAGE_SIDE;
		const char head[16] = {0, 0, 8, 3, 0, 0, (char)(count >> 8), (char)count, 0, 0, 0, IMAGE_SIDE,
		                       0, 0, 0, IMAGE_SIDE};
		const char label_head[8] = {0, 0, 8, 1, 0, 0, (char)(count >> 8), (char)count};

		memcpy(bytes, head, sizeof head);
		memcpy(labels, label_head, sizeof label_head);
		for (int i = 0; i < count; i++) {
			int class = (int)test_between(&state, 0, IMAGE_CLASSES - 1);
			int y = (int)test_between(&state, 0, 2) + (class == 2 ? 3 : 0);
			int x = (int)test_between(&state, 0, 2) + (class == 1 ? 3 : 0);
			char *image = bytes + 16 + i * pixels;

			labels[8 + i] = (char)class;
			for (int p = 0; p < pixels; p++)
				image[p] = (char)test_between(&state, 0, 120);
			for (int p = 0; p < 9; p++)
				image[(y + p / 3) * IMAGE_SIDE + x + p % 3] = (char)200;
		}
		config_bytes(names[2 * part], bytes, (size_t)(16 + count * pixels));
		config_bytes(names[2 * part + 1], labels, (size_t)(8 + count));
	}
}

/* net.yaml with these layers, and a run file beside it with these further lines; returns its path. */
static inline const char *write_net_run(const char *layers, const char *lines)
{
	char text[2000], folder[512];

	CU_ASSERT_FATAL(getcwd(folder, sizeof folder) != NULL);
	snprintf(text, sizeof text, "name: small\ninput: {channels: 1, height: %d, width: %d}\nlayers:\n%s",
	         IMAGE_SIDE, IMAGE_SIDE, layers);
	config_file("net.yaml", text);
	snprintf(text, sizeof text, "network: net.yaml\ndata: mnist\nfile: images\n"
	         "hw: %s/configs/hw/16x16_w8.yaml\nbatch: 20\nepochs: 4\n%s", folder, lines);
	return config_file("run.yaml", text);
}

#endif
