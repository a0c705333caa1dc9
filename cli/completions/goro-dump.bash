# SPDX-License-Identifier: MIT
# bash completion for goro-dump

_goro_dump()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}

	# "--format=json" comes as three words.
	[ "$prev" = = ] && prev=${COMP_WORDS[COMP_CWORD - 2]}
	[ "$cur" = = ] && prev=${COMP_WORDS[COMP_CWORD - 1]} cur=
	COMPREPLY=()
	case $prev in
	--format)
		COMPREPLY=($(compgen -W "text go json html pprof dot" -- "$cur"))
		return
		;;
	--state)
		COMPREPLY=($(compgen -W "running runnable waiting syscall" -- "$cur"))
		return
		;;
	--sort)
		COMPREPLY=($(compgen -W "id wait count" -- "$cur"))
		return
		;;
	--unwinder)
		COMPREPLY=($(compgen -W "table libunwind dwfl" -- "$cur"))
		return
		;;
	--watch | --min-wait)
		COMPREPLY=($(compgen -W "500ms 1s 10s 1m" -- "$cur"))
		return
		;;
	--debug-dir)
		COMPREPLY=($(compgen -d -- "$cur"))
		compopt -o filenames 2>/dev/null
		return
		;;
	--core)
		COMPREPLY=($(compgen -f -- "$cur"))
		compopt -o filenames 2>/dev/null
		return
		;;
	--reason | --func | --created-by | --label | --id | --limit)
		return
		;;
	esac
	case $cur in
	-*)
		COMPREPLY=($(compgen -W "--format --group --no-group --waits --dot
			--channels --threads --state --reason --min-wait --func
			--created-by --label --id --sort --limit --watch --diff
			--list --all --core --consistent --signal --debug-dir
			--debuginfod
			--unwinder --help --version" -- "$cur"))
		return
		;;
	esac
	case " ${COMP_WORDS[*]} " in
	*" --diff "* | *" --core "*)
		COMPREPLY=($(compgen -f -- "$cur"))
		compopt -o filenames 2>/dev/null
		;;
	*)
		# The processes that have goroutines.
		COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" --list 2>/dev/null |
			awk '$1 ~ /^[0-9]+$/ { print $1 }')" -- "$cur"))
		;;
	esac
}

complete -F _goro_dump goro-dump
