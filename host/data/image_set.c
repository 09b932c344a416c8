#include "data/image_set.h"

#include <assert.h>

#include "data/cifar.h"
#include "data/emnist.h"

bool qmac_image_set_path(const struct qmac_run *run, int number, char path[QMAC_BYTE_FILE_PATH])
{
	if (run->data == QMAC_DATA_CIFAR10 || run->data == QMAC_DATA_CIFAR100)
		return qmac_cifar_path(run->data, run->file, number, path);
	if (number >= QMAC_IDX_FILES)
		return false;
	if (run->data == QMAC_DATA_EMNIST)
		return qmac_emnist_path(run, (enum qmac_idx_file)number, path);
	return qmac_idx_path(run->file, &qmac_idx_mnist, (enum qmac_idx_file)number, path);
}

enum qmac_status qmac_dataset_read_images(struct qmac_dataset *data, const struct qmac_run *run,
                                          struct qmac_error *err)
{
	assert(qmac_data_is_images(run->data));
	if (run->data == QMAC_DATA_CIFAR10 || run->data == QMAC_DATA_CIFAR100)
		return qmac_dataset_read_cifar(data, run->data, run->file, run->limit, run->test_limit, err);
	if (run->data == QMAC_DATA_EMNIST)
		return qmac_dataset_read_emnist(data, run, err);
	return qmac_dataset_read_idx(data, run->file, &qmac_idx_mnist, run->limit, run->test_limit, err);
}

/* Of the training part of MNIST and Fashion-MNIST, rounded; the others as AdaPT's published code has them. */
void qmac_image_set_normal(enum qmac_data set, int channel, double *mean, double *sd)
{
	static const double cifar[3][2] = {{0.4914, 0.2023}, {0.4822, 0.1994}, {0.4465, 0.2010}};
	static const double mnist[2] = {0.1307, 0.3081}, fashion[2] = {0.2860, 0.3530};
	bool colours = set == QMAC_DATA_CIFAR10 || set == QMAC_DATA_CIFAR100;
	const double *figures = set == QMAC_DATA_FASHION_MNIST ? fashion : mnist;

	assert(channel >= 0 && channel < (colours ? 3 : 1));
	if (colours)
		figures = cifar[channel];
	*mean = figures[0];
	*sd = figures[1];
}
