# bash completion for gatepost. What there is comes from the program's own help, so it is never behind.

_gatepost()
{
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} program=${COMP_WORDS[0]}
	local command=${COMP_WORDS[1]} usage names
	COMPREPLY=()
	names=$("$program" --help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p')
	if [[ $COMP_CWORD -eq 1 || ( $command == help && $COMP_CWORD -eq 2 ) ]]; then
		[[ $COMP_CWORD -eq 1 ]] && names+=" help --help --version -t -n"
		mapfile -t COMPREPLY < <(compgen -W "$names" -- "$current")
		return
	fi
	usage=$("$program" help "$command" 2>/dev/null) || return
	case $current in
	-*)
		names=$(grep -oE -e '(^|[][ (|,])-(-[a-z-]+|[a-z])\b' <<<"$usage" | tr -d '][ (|,')
		mapfile -t COMPREPLY < <(compgen -W "$names" -- "$current")
		return
		;;
	esac
	# The first word of commands that do several things: "new|show|check".
	if [[ $previous == "$command" ]]; then
		names=$(head -1 <<<"$usage" | grep -oE '\b[a-z]+(\|[a-z]+)+\b' | tr '|' ' ')
		mapfile -t COMPREPLY < <(compgen -W "$names" -- "$current")
	fi
	if [[ ${#COMPREPLY[@]} -eq 0 ]]; then
		compopt -o default 2>/dev/null
	fi
}
complete -F _gatepost gatepost
