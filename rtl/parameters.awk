# The parameters of the RTL from a hardware file: KEY=VALUE lines, all keys but those of clock and memory.
# Words have numbers. docs/configuration.md has the keys.
BEGIN { FS = "[: #]+" }
/^[a-z]/ && $1 !~ /^(clock_mhz|dram)$/ {
	value = $2
	if (value ~ /^(saturate|true)$/)
		value = 1
	if (value ~ /^(wrap|false|parallel)$/)
		value = 0
	print toupper($1) "=" value
}
