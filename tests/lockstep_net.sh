# lockstep_net.sh: networks in lockstep; a part of lockstep.sh, which reads this file. A small network with
# every layer that the device has, whole, and LeNet-5 by its first minibatches, while their formats change.
# shellcheck shell=sh disable=SC2154

. "$root/tests/idx.sh"
mkdir images
idx images/train 200
idx images/t10k 20
# Windows that overlap, means of 9, strides that leave parity classes and pixels, sums of two branches, batch
# norms by themselves and merged as either input of a sum.
cat > every_layer.yaml <<END
name: every_layer
input: {channels: 1, height: 8, width: 8}
layers:
  - conv: {out: 4, kernel: 3, pad: 1, bias: false}
  - bias
  - tanh
  - max_pool: {size: 2, stride: 1}
  - conv: {out: 6, kernel: 3, stride: 2, pad: 1, bias: false}
  - batch_norm
  - relu
  - residual:
      main: [conv: {out: 6, kernel: 3, pad: 1}, sigmoid]
  - residual:
      main: [conv: {out: 6, kernel: 3, pad: 1, bias: false}, batch_norm]
  - residual:
      main: [conv: {out: 6, kernel: 1, bias: false}, tanh]
      shortcut: [batch_norm]
  - residual:
      main: [avg_pool: {size: 3, stride: 1}, flatten, linear: {out: 8}]
      shortcut: [global_pool, flatten, linear: {out: 8}]
  - relu
  - linear: {out: 10}
END
cat > every_layer_run.yaml <<END
network: every_layer.yaml
data: mnist
file: images
precision: {policy: adapt, bw_max: 14, buffer_bits: 6, lookback_low: 2, lookback_high: 4}
batch: 4
epochs: 1
inner_steps: 8
eval_every: -1
alpha: 0.05
END

# switches LAYERS: in the last cosimulation the format of so many layers changed.
switches() {
	ok "formats of $1 layers change" \
		test "$(cut -d, -f3 cosim/switches.csv | sed 1d | sort -u | wc -l)" -eq "$1"
}

# net_cosim LAYERS ARGUMENTS...: commands and cycles agree in a training in which so many formats change, and
# its weights are those of the one before.
net_cosim() {
	layers=$1
	shift
	check 'retire cycles *equal for every command' cosim "$@" --timed --out cosim
	[ "$verilator" ] || return 0
	says out 'lockstep *[0-9]\{4,\} commands compared, .*, zero mismatches'
	switches "$layers"
	weights=$(value cosim weights_sha256)
	[ -z "$weights_before" ] || ok 'weights do not depend on the hardware' same "$weights" "$weights_before"
	weights_before=$weights
}

weights_before=
for hw in "$small" "$ragged"; do
	net_cosim 9 every_layer_run.yaml --hw "$hw"
done
check 'lockstep *[0-9]\{4,\} commands compared, .*, zero mismatches' \
	cosim every_layer_run.yaml --hw "$small" --stalls 5 --out cosim
# Each error made twice, the first time for its range; an evaluation.
check 'retire cycles *equal for every command' cosim every_layer_run.yaml --hw "$small" --timed --out cosim \
	--set precision.policy=fixed --set precision.err_scale=cur --set inner_steps=3 --set eval_every=0
if [ "$verilator" ]; then
	for backend in cmodel rtl; do
		run 0 train every_layer_run.yaml --hw "$small" --backend $backend --out net-$backend
	done
	ok 'layers.csv of a network on the C model and the RTL' records_agree net-cmodel net-rtl
	for file in metrics.csv switches.csv weights/manifest.json; do
		ok "$file of a network on the C model and the RTL" cmp net-cmodel/$file net-rtl/$file
	done
fi

# lenet5 HW BATCH STEPS
lenet5() {
	net_cosim 5 "$root/configs/run/lenet5_adapt.yaml" --hw "$1" --set file=images --set classes=10 \
		--set accumulate=1 --set "batch=$2" --set epochs=1 --set "inner_steps=$3" --set eval_every=-1 \
		--set precision.lookback_low=2 --set precision.lookback_high=3 --set precision.bw_max=13 \
		--set precision.buffer_bits=6
}
weights_before=
lenet5 "$small" 4 6
weights_before=
lenet5 "$ragged" 2 4
