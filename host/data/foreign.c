#include "data/foreign.h"

#include <string.h>

/* In FILE's place stands the name of the file, which the message begins with. */
static const struct {
	const char *start;
	size_t count;
	const char *what;
} formats[] = {
	{"\xFD" "7zX", 4, "compressed by xz: unpack it with `xz -d FILE`"},
	{"BZh", 3, "compressed by bzip2: unpack it with `bzip2 -d FILE`"},
	{"\x28\xB5\x2F\xFD", 4, "compressed by zstd: unpack it with `zstd -d FILE`"},
	{"\x04\x22\x4D\x18", 4, "compressed by lz4: unpack it with `lz4 -d FILE`"},
	{"7z\xBC\xAF", 4, "a 7z archive: unpack it with `7z x FILE`"},
	{"PK\3\4", 4, "a zip archive: unpack it with `unzip FILE`; where it is a spreadsheet (.xlsx, .ods), save"
	              " its sheet as CSV"},
	{"\xD0\xCF\x11\xE0", 4, "a spreadsheet or another office file: save its sheet as CSV"},
	{"PAR1", 4, "Parquet: write it as CSV, for example by pandas,"
	            " read_parquet('FILE').to_csv('FILE.csv', index=False)"},
	{"ARROW1", 6, "Arrow (Feather): write it as CSV, for example by pandas,"
	              " read_feather('FILE').to_csv('FILE.csv', index=False)"},
	{"\x89HDF", 4, "HDF5: write its table as CSV, for example by pandas,"
	               " read_hdf('FILE').to_csv('FILE.csv', index=False)"},
	{"\x93NUMPY", 6, "a NumPy array: write it as CSV, for example by"
	                 " numpy.savetxt('FILE.csv', numpy.load('FILE'), delimiter=',')"},
	{"SQLite format 3", 15, "an SQLite database: write its table as CSV,"
	                        " `sqlite3 -header -csv FILE 'select * from TABLE'`"},
	{"\x80\2", 2, "a pickle of Python: write a table as CSV; of CIFAR fetch the binary version"},
	{"\x80\3", 2, "a pickle of Python: write a table as CSV; of CIFAR fetch the binary version"},
	{"\xFF\xFE", 2, "text in UTF-16: write it as UTF-8, `iconv -f UTF-16 -t UTF-8 FILE > OTHER`"},
	{"\xFE\xFF", 2, "text in UTF-16: write it as UTF-8, `iconv -f UTF-16 -t UTF-8 FILE > OTHER`"},
	{"<!DOCTYPE", 9, "a web page, not data: fetch the file itself"},
	{"<html", 5, "a web page, not data: fetch the file itself"},
	{"version https://git-lfs", 23, "a pointer of Git LFS, not the data: fetch them with `git lfs pull`"},
	{"\0\0\x08\x03", 4, "an IDX file of images: set data to mnist and file to the folder of the four files"},
	{"\0\0\x08\x01", 4, "an IDX file of labels: set data to mnist and file to the folder of the four files"},
};

const char *qmac_foreign_format(const void *start, size_t count)
{
	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
		if (count >= formats[i].count && memcmp(start, formats[i].start, formats[i].count) == 0)
			return formats[i].what;
	return NULL;
}
