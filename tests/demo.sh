#!/bin/sh
# demo.sh: the part of `make demo` that needs data: LeNet-5 with AdaPT on the first 10,000 images of MNIST,
# and a picture of its formats. Where the data are not there it says how to get them.
set -eu
qmac=$BUILD/qmac
out=$BUILD/demo/lenet5_adapt
data=${QMAC_DATA:-${HOME-}/.cache/qmac/data}
if [ ! -d "$data/mnist" ]; then
	echo "LeNet-5 with AdaPT is left out: MNIST is not in $data; make data fetches it"
	exit 0
fi
# shown COMMAND...: says what it runs, as make does.
shown() {
	echo "$*"
	"$@"
}
shown "$qmac" train configs/run/lenet5_adapt.yaml --set limit=10000 --set epochs=3 --set eval_every=0 \
	--set precision.lookback_low=4 --set precision.lookback_high=8 --out "$out"
if command -v gnuplot > /dev/null; then
	shown "$qmac" report "$out" --out "$out.svg"
else
	shown "$qmac" report "$out"
fi
