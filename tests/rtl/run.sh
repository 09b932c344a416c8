#!/bin/sh
# run.sh NAME...: runs $BUILD/rtl/NAME/test, prints what each found, and "N passed, N failed, N skipped".
set -u
passed=0 failed=0
for name in "$@"; do
	log=$BUILD/rtl/$name/test.log
	if timeout 300 "$BUILD/rtl/$name/test" > "$log" 2>&1; then
		passed=$((passed + 1))
		echo "rtl $name: $(grep -a -o '[0-9]* passed, [0-9]* failed, [0-9]* skipped$' "$log")"
	else
		failed=$((failed + 1))
		echo "rtl $name: FAILED"
		sed 's/^/    /' "$log"
	fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
