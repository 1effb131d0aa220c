#compdef probe
# SPDX-License-Identifier: MIT
# Completion of probe's verbs, options, values and names for zsh. It reads `probe help` and `probe
# list`, so that it knows what the installed probe knows.

_probe() {
	local program=$words[1] verb=$words[2] before=$words[CURRENT-1] argument
	local -a lines

	if (( CURRENT == 2 )); then
		lines=(${(f)"$($program help 2>/dev/null | sed -nE 's/^  ([a-z]+) +(.*)/\1:\2/p')"})
		_describe verb lines
		compadd -- --help --version
		return
	fi

	[[ $before == -* ]] && argument=$($program help $verb 2>/dev/null | sed -nE \
		-e "s/^ +(-[a-z], )?$before ([^ ]+).*/\2/p" \
		-e "s/^ +$before, --[a-z-]+ ([^ ]+).*/\1/p" | head -n 1)
	if [[ -n $argument ]]; then
		case $argument in
		*'|'*) compadd -- ${(s:|:)argument} ;;
		WHEN) compadd -- auto always never ;;
		THEME) compadd -- light dark print ;;
		KIND)
			lines=(${(f)"$($program help plot 2>/dev/null | sed -nE \
				'/--kind KIND/,/^ {2,6}-.*--/s/^ {20,}([a-z-]+) .*/\1/p')"})
			compadd -- $lines
			;;
		LIST)
			case $before in
			(-p|--path|--paths) lines=(${(f)"$($program list paths 2>/dev/null | sed -nE '/^$/q;s/^([^ ]+).*/\1/p')"}) ;;
			(-w|--workload) lines=(${(f)"$($program list workloads 2>/dev/null | sed -nE '/^$/q;s/^([^ ]+).*/\1/p')"}) ;;
			(--engine) lines=(ladder timeline) ;;
			(--threads) lines=(1 2 4 8) ;;
			esac
			_values -s , name $lines
			;;
		FILE|FIGURE|REPORT) _files ;;
		esac
		return
	fi

	if [[ $words[CURRENT] == -* ]]; then
		lines=(${(f)"$($program help $verb 2>/dev/null | sed -nE \
			's/^ +(-[a-z], )?(--[a-z-]+)( [^ ]+)? +(.*)/\2:\4/p')"})
		_describe -o option lines
		return
	fi

	case $verb in
	help)
		lines=(${(f)"$($program help 2>/dev/null | sed -nE 's/^  ([a-z]+) +(.*)/\1:\2/p')"})
		_describe verb lines
		;;
	list) compadd -- workloads paths interpreters counters ;;
	cache) compadd -- size clean ;;
	run)
		lines=(${(f)"$($program list workloads 2>/dev/null | sed -nE '/^$/q;s/^([^ ]+).*/\1/p')"})
		compadd -- $lines
		_files -g '*.(so|c)'
		;;
	show|compare|plot|report) _files -g '*.json' ;;
	esac
}

_probe "$@"
