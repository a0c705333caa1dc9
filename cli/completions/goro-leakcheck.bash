# SPDX-License-Identifier: MIT
# bash completion for goro-leakcheck

_goro_leakcheck()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} i

	# "--format=json" comes as three words.
	[ "$prev" = = ] && prev=${COMP_WORDS[COMP_CWORD - 2]}
	[ "$cur" = = ] && prev=${COMP_WORDS[COMP_CWORD - 1]} cur=
	COMPREPLY=()
	case $prev in
	--format)
		COMPREPLY=($(compgen -W "text json junit sarif tap github" -- "$cur"))
		return
		;;
	--fail-on)
		COMPREPLY=($(compgen -W "leaked deadlock unclosed-channel leftover
			suspect unstopped-timer uncancelled-context
			locked-by-ended none" -- "$cur"))
		return
		;;
	--pid)
		# The processes that have goroutines.
		COMPREPLY=($(compgen -W "$(goro-dump --list 2>/dev/null |
			awk '$1 ~ /^[0-9]+$/ { print $1 }')" -- "$cur"))
		return
		;;
	--min-wait | --every)
		COMPREPLY=($(compgen -W "1s 10s 1m 10m" -- "$cur"))
		return
		;;
	--core | --suppressions | --generate-suppressions | --baseline | \
		--write-baseline)
		COMPREPLY=($(compgen -f -- "$cur"))
		compopt -o filenames 2>/dev/null
		return
		;;
	--timeout | --samples)
		return
		;;
	esac
	# Behind the command's name the words are the command's.
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--)
			i=$((i + 1))
			break
			;;
		--format | --fail-on | --timeout | --pid | --core | --min-wait | \
			--samples | --every | --suppressions | \
			--generate-suppressions | --baseline | --write-baseline)
			[ "${COMP_WORDS[i + 1]}" = = ] && i=$((i + 1))
			i=$((i + 1))
			;;
		-*) ;;
		*) break ;;
		esac
	done
	if [ $i -lt "$COMP_CWORD" ]; then
		if declare -F _command_offset >/dev/null; then
			_command_offset $i
		else
			COMPREPLY=($(compgen -f -- "$cur"))
			compopt -o filenames 2>/dev/null
		fi
		return
	fi
	case $cur in
	-*)
		COMPREPLY=($(compgen -W "--format --fail-on --timeout --pid
			--core --min-wait --samples --every --suppressions
			--generate-suppressions --baseline --write-baseline
			--no-heap --children --no-children --self-test --help
			--version" -- "$cur"))
		;;
	*)
		COMPREPLY=($(compgen -c -- "$cur"))
		;;
	esac
}

complete -F _goro_leakcheck goro-leakcheck
