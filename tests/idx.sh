# idx.sh: small images for tests of networks; read by those that want some.
# shellcheck shell=sh

# idx FILE COUNT: that many images of 8 x 8 pixels, whose patterns tell one of ten classes, and their labels.
idx() {
	printf '%b' "$(awk -v count="$2" 'BEGIN {
		printf "\\00\\00\\010\\03\\00\\00\\00\\0%o\\00\\00\\00\\010\\00\\00\\00\\010", count
		for (i = 0; i < count; i++)
			for (p = 0; p < 64; p++) {
				bright = int(p / 8) % (i % 10 + 2) == int(p % 8 / 2) % (i % 10 + 1)
				printf "\\0%o", (i * 37 + p * p * 11) % 97 + 150 * bright
			}
	}')" > "$1-images-idx3-ubyte"
	printf '%b' "$(awk -v count="$2" 'BEGIN {
		printf "\\00\\00\\010\\01\\00\\00\\00\\0%o", count
		for (i = 0; i < count; i++)
			printf "\\0%o", i % 10
	}')" > "$1-labels-idx1-ubyte"
}
