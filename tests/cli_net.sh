# cli_net.sh: `qmac net`; a part of cli.sh, which reads this file.
# shellcheck shell=sh disable=SC2154

# ---- net --------------------------------------------------------------------------
net=$root/configs/net
run 0 net "$net/lenet5.yaml"
says out 'lenet5: input 1x32x32, 12 layers'
says out 'layer  *shape  *macs  *params  *bytes'
says out 'conv1  *6x28x28  *117,600  *156  *4,860'
says out 'linear2  *10x1x1  *840  *850  *860'
says out 'total  *416,520  *61,706  *76,428'
ok 'net: nothing on stderr' test ! -s err
run 0 net "$net/resnet20.yaml" --set net.times=1 --set net.classes=100
says out 'resnet20: input 3x32x32, 31 layers'
says out 'total  *12,507,392  *83,892  *[0-9,]*'
run 0 net --set=net.channels=1 "$net/alexnet_cifar.yaml" --set net_classes=47
says out 'total  *13,975,296  *2,466,287  *[0-9,]*'
run 0 net --help
says out 'usage: qmac net FILE .*'
refuses 'qmac: usage: qmac net FILE .*' net
refuses "qmac: 'b.yaml' is one argument too many; .*" net a.yaml b.yaml
refuses 'qmac: nowhere.yaml: cannot open: .*' net nowhere.yaml
refuses "qmac: --set net.time=2: unknown key 'net.time'; did you mean 'net.times'?" \
	net "$net/resnet20.yaml" --set net.time=2
refuses 'qmac: --set net.times=0: 0 is out of range 1..1000' net "$net/resnet20.yaml" --set net.times=0
refuses 'qmac: --set net_times=2: this key has been set already: leave one out' \
	net "$net/resnet20.yaml" --set net.times=1 --set net_times=2
refuses "qmac: unknown option '--hw'.*" net "$net/resnet20.yaml" --hw x
printf 'name: n\ninput: {channels: 3, height: 8, width: 8}\nlayers:\n- linear: {out: 4}\n' > net.yaml
refuses 'net.yaml:4:3: linear: it reads channels of one pixel, not 3x8x8: put flatten before it' net net.yaml

# ---- shipped run files fit the classes of their data, CIFAR-100 and EMNIST, here black images ----
mkdir -p black/cifar-100-binary black/emnist
for part in train test; do
	head -c $((3074 * 40)) /dev/zero > black/cifar-100-binary/$part.bin
	{
		printf '\0\0\010\003\0\0\0\050\0\0\0\034\0\0\0\034'
		head -c $((784 * 40)) /dev/zero
	} > black/emnist/emnist-balanced-$part-images-idx3-ubyte
	{
		printf '\0\0\010\001\0\0\0\050'
		head -c 20 /dev/zero
		head -c 20 /dev/zero | tr '\0' '\001'
	} > black/emnist/emnist-balanced-$part-labels-idx1-ubyte
done
for file in "$root"/configs/run/*_cifar100_fixed8.yaml "$root"/configs/run/*_emnist_fixed8.yaml; do
	run 0 estimate "$file" --data-dir black --set batch=8 --set epochs=1 --set inner_steps=1 \
		--set speedup=false
done
refuses 'qmac: network: the last layer of lenet5 gives 10x1x1, but the data have 2 classes: .classes: 2. .*' \
	estimate "$root/configs/run/lenet5_emnist_fixed8.yaml" --data-dir black --set classes=0 --set batch=8 \
	--out two
# A key for both: the data's classes are the outputs of the network, of every file that names such data.
for file in "$root"/configs/run/*_cifar100_*.yaml "$root"/configs/run/*_emnist_*.yaml; do
	case $file in
	*cifar100*) classes=100 ;;
	*) classes=47 ;;
	esac
	ok "$(basename "$file") has $classes classes" grep -qx "classes: $classes" "$file"
done

# ---- the demo -----------------------------------------------------------------------
mkdir -p no-data
QMAC_DATA=no-data BUILD=nowhere sh "$root/tests/demo.sh" > out 2> err
ok 'the demo goes on without data' test $? -eq 0
says out 'LeNet-5 with AdaPT is left out: MNIST is not in no-data; make data fetches it'
