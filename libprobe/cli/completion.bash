# SPDX-License-Identifier: MIT
# Completion of probe's verbs, options, values and names for bash. It reads `probe help` and `probe
# list`, so that it knows what the installed probe knows.

# What the help says an option of a verb takes: "FILE", "3|8"; nothing for one without a value.
_probe_argument() { # program verb option
	"$1" help "$2" 2>/dev/null | sed -nE \
		-e "s/^ +(-[a-z], )?$3 ([^ ]+).*/\2/p" -e "s/^ +$3, --[a-z-]+ ([^ ]+).*/\1/p" | head -n 1
}

# The names in the first column of a list.
_probe_names() { # program topic
	"$1" list "$2" 2>/dev/null | sed -nE '/^$/q;s/^([^ ]+).*/\1/p'
}

_probe_verbs() { # program
	"$1" help 2>/dev/null | sed -nE 's/^  ([a-z]+) .*/\1/p'
}

_probe_options() { # program verb
	"$1" help "$2" 2>/dev/null | sed -nE 's/^ +(-[a-z], )?(--[a-z-]+).*/\2/p'
}

_probe_kinds() { # program
	"$1" help plot 2>/dev/null | sed -nE '/--kind KIND/,/^ {2,6}-.*--/s/^ {20,}([a-z-]+) .*/\1/p'
}

_probe() {
	local program=${COMP_WORDS[0]} verb=${COMP_WORDS[1]-} line=${COMP_LINE:0:COMP_POINT}
	local word=${line##*[ =]} before=${COMP_WORDS[COMP_CWORD - 1]} argument='' words='' list='' done=''
	COMPREPLY=()
	# readline cuts words at "=" and ":"; the option of "--unit=n" is two words back.
	if [[ ${COMP_WORDS[COMP_CWORD]} == '=' ]]; then
		argument=$before
	elif [[ $before == '=' ]]; then
		argument=${COMP_WORDS[COMP_CWORD - 2]}
	elif [[ $before == -* ]]; then
		argument=$before
	fi
	[[ $argument ]] && argument=$(_probe_argument "$program" "$verb" "$argument")
	[[ $before == '=' ]] && before=${COMP_WORDS[COMP_CWORD - 2]}

	if ((COMP_CWORD == 1)); then
		words="$(_probe_verbs "$program") --help --version"
	elif [[ $argument ]]; then
		case $argument in
		*'|'*) words=${argument//|/ } ;;
		WHEN) words='auto always never' ;;
		THEME) words='light dark print' ;;
		KIND) words=$(_probe_kinds "$program") ;;
		LIST)
			list=yes
			case $before in
			-p | --path | --paths) words=$(_probe_names "$program" paths) ;;
			-w | --workload) words=$(_probe_names "$program" workloads) ;;
			--engine) words='ladder timeline' ;;
			--threads) words='1 2 4 8' ;;
			esac
			;;
		FILE | FIGURE | REPORT) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
		esac
	elif [[ $word == -* ]]; then
		words=$(_probe_options "$program" "$verb")
	else
		case $verb in
		help) words=$(_probe_verbs "$program") ;;
		list) words='workloads paths interpreters counters' ;;
		cache) words='size clean' ;;
		run)
			words=$(_probe_names "$program" workloads)
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
			;;
		show | compare | plot | report)
			mapfile -t COMPREPLY < <(
				compgen -f -X '!*.json' -- "$word"
				compgen -d -- "$word"
			)
			;;
		esac
	fi
	# Of a list, what stands before the last comma is done.
	[[ $list && $word == *,* ]] && done=${word%,*},
	[[ $words ]] && mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(
		compgen -P "$done" -W "$words" -- "${word#"$done"}"
	)
	# readline keeps what is before a colon.
	if [[ $word == *:* && $COMP_WORDBREAKS == *:* ]]; then
		COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*:}"}"}")
	fi
}

complete -o filenames -F _probe probe
