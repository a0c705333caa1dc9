# SPDX-License-Identifier: MIT
# bash completion for goro-prof

_goro_prof()
{
	local kinds="cpu wall block wait mutex schedlatency goroutine creation
		threadcreate chan goroutineleak heap allocs trace"
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local i kind=

	# "--flame=FILE" comes as three words.
	[ "$prev" = = ] && prev=${COMP_WORDS[COMP_CWORD - 2]}
	[ "$cur" = = ] && prev=${COMP_WORDS[COMP_CWORD - 1]} cur=
	COMPREPLY=()
	case $prev in
	-d | --hz | --label)
		return
		;;
	-o | --flame | --read)
		COMPREPLY=($(compgen -f -- "$cur"))
		compopt -o filenames 2>/dev/null
		return
		;;
	esac
	case $cur in
	-*)
		COMPREPLY=($(compgen -W "-d -o --hz --label --creator --flame
			--top --diff --chrome --flight --read --help
			--version" -- "$cur"))
		return
		;;
	esac
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--diff)
			COMPREPLY=($(compgen -f -- "$cur"))
			compopt -o filenames 2>/dev/null
			return
			;;
		-d | -o | --hz | --label | --flame | --read)
			[ "${COMP_WORDS[i + 1]}" = = ] && i=$((i + 1))
			i=$((i + 1))
			;;
		-*) ;;
		*) kind=${COMP_WORDS[i]} ;;
		esac
	done
	if [ -z "$kind" ]; then
		COMPREPLY=($(compgen -W "$kinds" -- "$cur"))
	else
		# The processes that have goroutines.
		COMPREPLY=($(compgen -W "$(goro-dump --list 2>/dev/null |
			awk '$1 ~ /^[0-9]+$/ { print $1 }')" -- "$cur"))
	fi
}

complete -F _goro_prof goro-prof
