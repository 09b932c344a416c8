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

# ---- the demo -----------------------------------------------------------------------
mkdir -p no-data
QMAC_DATA=no-data BUILD=nowhere sh "$root/tests/demo.sh" > out 2> err
ok 'the demo goes on without data' test $? -eq 0
says out 'LeNet-5 with AdaPT is left out: MNIST is not in no-data; make data fetches it'
