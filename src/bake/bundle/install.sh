#!/bin/sh
# Installs the unpacked bundle that this file lies in: `nodebake install` for a machine without nodebake. It needs a
# POSIX shell with the usual tools (coreutils or busybox), and does the same in the same order with the same records:
# either one continues or takes back what the other left. src/deliver of nodebake tells the protocol.
set -eu
export LC_ALL=C
umask 022

usage() {
	cat <<'END'
usage: install.sh [--node NAME] [--root DIR] [--dry-run] [--backup | --adopt] [--wait SECS]
       install.sh --rollback [--root DIR] [--backup] [--wait SECS]
  --node NAME   the node, if the bundle has several
  --root DIR    the root folder of an image that is being built
  --dry-run     print what would be done
  --backup      keep a copy of what is in the way, and replace it
  --adopt       leave what is in the way, and take it for nodebake's
  --rollback    go back to what was before the last installation
  --wait SECS   wait for another installation to end
END
}
say() { printf '%s\n' "$*" >&2; }
fail() { say "error: $*"; exit 3; }
wrong() { say "error: $*"; usage >&2; exit 2; }

node='' root='' live=1 dry='' backup='' adopt='' rollback='' wait=0
while [ $# -gt 0 ]; do
	case $1 in
		--node | --root | --wait)
			[ $# -gt 1 ] || wrong "$1 needs a word"
			case $1 in
				--node) node=$2 ;;
				--wait) wait=$2 ;;
				--root) live='' root=$(cd "$2" && pwd -P) || exit 2; [ "$root" != / ] || root='' ;;
			esac
			shift ;;
		--dry-run) dry=1 ;;
		--backup) backup=1 ;;
		--adopt) adopt=1 ;;
		--rollback) rollback=1 ;;
		-h | --help) usage; exit 0 ;;
		*) wrong "there is no $1" ;;
	esac
	shift
done
[ ! "$backup" ] || [ ! "$adopt" ] || wrong '--backup or --adopt, not both'
case $wait in '' | *[!0-9]*) wrong '--wait needs a number' ;; esac
user=$(id -u)
[ "$user" = 0 ] || [ ! "$live" ] || wrong 'only root may change this machine: sudo'
case $0 in */*) here=${0%/*} ;; *) here=. ;; esac
here=$(cd "$here" && pwd -P)

S=/var/lib/nodebake T=$(printf '\t')
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# --- the disk: paths are of the machine, P is the place here; no link leads out of the root --------------------------
at() { # PATH; follows links above the last name
	at_rest=${1#/} P=$root at_links=0 at_last=''
	while [ ! "$at_last" ]; do
		at_name=${at_rest%%/*}
		case $at_rest in */*) at_rest=${at_rest#*/} ;; *) at_last=1 ;; esac
		case $at_name in
			'' | .) ;;
			..) [ "$P" = "$root" ] || P=${P%/*} ;;
			*)
				if [ ! "$at_last" ] && [ -L "$P/$at_name" ]; then
					at_links=$((at_links + 1))
					[ $at_links -le 40 ] || fail "too many links: $1"
					at_to=$(readlink "$P/$at_name")
					case $at_to in /*) P=$root ;; esac
					at_rest=$at_to/$at_rest
				else
					P=$P/$at_name
				fi ;;
		esac
	done
	[ "$P" ] || P=/
}
through() { # PATH; follows all links
	at "$1"
	th_path=$1 th_links=0
	while [ -L "$P" ] && [ $th_links -lt 40 ]; do
		th_links=$((th_links + 1))
		th_to=$(readlink "$P")
		case $th_to in /*) th_path=$th_to ;; *) th_path=${th_path%/*}/$th_to ;; esac
		at "$th_path"
	done
}
sha() { sha256sum | cut -c-64; }
see() { # PATH; sets SEEN: - | f:SHA:MODE:UID:GID | l:SHA | folder | special; and HAS, its digest
	at "$1"
	if [ -L "$P" ]; then HAS=$(readlink "$P" | sha) SEEN=l:$HAS
	elif [ -f "$P" ]; then
		HAS=$(sha <"$P")
		see_mode=$(stat -c %a "$P")
		SEEN=f:$HAS:$(printf %04d "$see_mode"):$(stat -c %u:%g "$P")
	else
		HAS=''
		if [ -d "$P" ]; then SEEN=folder; elif [ -e "$P" ]; then SEEN=special; else SEEN=-; fi
	fi
}
is() { # AFTER; whether SEEN is this
	case $1 in
		f:*) if [ "$user" = 0 ]; then [ "$SEEN" = "$1:0:0" ]; else case $SEEN in "$1":*) ;; *) return 1 ;; esac; fi ;;
		*) [ "$SEEN" = "$1" ] ;;
	esac
}
is_folder() { at "$1/."; [ -d "$P" ]; }
own() { [ "$user" != 0 ] || chown -h 0:0 "$@"; }
beside() { # PATH N; sets P to where the new file waits
	at "$1"
	P=${P%/*}/.nodebake-new.$2
}
another() { # FROM TO; a further name, or a copy
	if [ -L "$1" ]; then cp -pP "$1" "$2"; else ln "$1" "$2" 2>/dev/null || cp -p "$1" "$2"; fi
}

# --- the journal -----------------------------------------------------------------------------------------------------
at "$S"
D=$P J=$P/journal
progress() { # WORD [FOLDER]
	printf '%s\n' "$1" >"${2:-$J}/state.new"
	sync
	mv -f "${2:-$J}/state.new" "${2:-$J}/state"
	sync
}
retire() {
	rm -rf "$J.gone"
	[ -d "$J" ] || return 0
	mv "$J" "$J.gone"
	sync
	rm -rf "$J.gone"
}
left() { # sets LEFT: nothing | prepared | applying | done | undoing, and TASK
	LEFT=nothing TASK=''
	[ ! -d "$J.new" ] || LEFT=prepared
	[ -e "$J/state" ] || return 0
	read -r LEFT <"$J/state"
	case $LEFT in applying | done | undoing) ;; *) LEFT=nothing; return 0 ;; esac
	read -r le_1 le_2 le_3 le_4 TASK <"$J/plan" || fail "$J/plan is damaged"
	[ "$le_1 $le_2 $le_3 $le_4" = '# nodebake journal v1' ] || fail "$J/plan is damaged"
}
tidy() {
	rm -rf "$J.new" "$J.gone"
	left
	[ "$LEFT" != nothing ] || retire
}
of_journal() { awk -F '\t' -v kind="$1" '$1 == kind' "$J/plan"; }
reverse() { sed '1!G;h;$!d'; }
undo() {
	: >"$W/in-the-way"
	of_journal change >"$W/undo"
	while IFS=$T read -r _ n before after path; do
		case $path in "$S"/*) continue ;; esac
		see "$path"
		case $SEEN in - | "$before") continue ;; esac
		case $after:$SEEN in l:*) [ "$after" != "$SEEN" ] || continue ;; f:*:f:"$HAS":*)
			case $after in f:"$HAS":*) continue ;; esac ;;
		esac
		printf '%s\n' "$path" >>"$W/in-the-way"
	done <"$W/undo"
	if [ -s "$W/in-the-way" ]; then
		if [ ! "$backup" ]; then
			sed 's/^/error: /; s/$/: it was changed here since; move it away, or --backup keeps a copy/' "$W/in-the-way" >&2
			say 'nothing was changed'
			exit 1
		fi
		while read -r path; do
			mkdir -p "$D/backup${path%/*}"
			to=$D/backup$path.changed n=0
			while [ -e "$to" ] || [ -L "$to" ]; do n=$((n + 1)) to=$D/backup$path.changed.~$n~; done
			at "$path"
			another "$P" "$to"
		done <"$W/in-the-way"
	fi
	progress undoing || [ "$LEFT" != 'done' ]
	of_journal drop | reverse >"$W/undo"
	while IFS=$T read -r _ mode uid gid path; do
		! is_folder "$path" || continue
		at "$path"
		mkdir -m "$mode" "$P"
		[ "$user" != 0 ] || chown "$uid:$gid" "$P"
	done <"$W/undo"
	of_journal change | reverse >"$W/undo"
	while IFS=$T read -r _ n before after path; do
		beside "$path" "$n"
		new=$P
		rm -f "$new"
		if [ "$live" ] && [ "$path" = $S/first-boot.done ]; then continue; fi
		see "$path"
		[ "$SEEN" != "$before" ] || continue
		if [ "$before" = - ]; then rm -f "$P"
		elif [ "$(stat -c %d "$J/old")" = "$(stat -c %d "${P%/*}/.")" ]; then mv -fT "$J/old/$n" "$P"
		else
			cp -pP "$J/old/$n" "$new"
			sync
			mv -fT "$new" "$P"
		fi
	done <"$W/undo"
	of_journal make | reverse >"$W/undo"
	while IFS=$T read -r _ path; do
		at "$path"
		rmdir "$P" 2>/dev/null || :
	done <"$W/undo"
	sync
	retire
}
forget() { # after an uninstallation
	units --back
	for f in "$D"/*; do
		case ${f##*/} in backup | journal | lock | '*') ;; *) rm -rf "$f" ;; esac
	done
	[ ! -d "$D/backup" ] || find "$D/backup" -depth -type d -exec rmdir {} + 2>/dev/null || :
	retire
}
recover() {
	left
	case $LEFT-$TASK in
		done-uninstall) forget ;;
		applying-* | undoing-*) say "the last $TASK was interrupted; it is taken back first"; undo ;;
	esac
	tidy
}
units() { # PART of the uninstall script, on a running machine
	[ "$live" ] || return 0
	for un_script in /usr/local/lib/nodebake/uninstall $S/stage/usr/local/lib/nodebake/uninstall "$W/uninstall"; do
		[ ! -e "$un_script" ] || break
	done
	un_env=$S/stage/etc/nodebake/node.env
	[ -e "$un_env" ] || un_env=$W/node.env
	[ -e "$un_script" ] && [ -e "$un_env" ] || return 0
	bash "$un_script" "$1" "$un_env" || say "warning: \`uninstall $1\` did not end well"
}

# --- one at a time ---------------------------------------------------------------------------------------------------
locked=''
unlock() {
	[ "$locked" ] || return 0
	rm -f "$D/lock"
	rmdir "$D" 2>/dev/null || :
	exec 9<&-
	locked=''
}
lock() {
	is_folder /var/lib || wrong "$root has no /var/lib: --root wants the root folder of a whole system"
	while :; do
		[ -d "$D" ] || mkdir -m 0755 "$D" || :
		exec 9<"$D"
		if command -v flock >/dev/null; then
			if flock -n 9; then lo_free=1; else lo_free=''; fi
		else
			# The best there is without flock: whoever has left its number and still runs.
			lo_free=1
			if [ -e "$D/lock" ] && read -r lo_pid <"$D/lock" && kill -0 "$lo_pid" 2>/dev/null; then lo_free=''; fi
		fi
		if [ "$lo_free" ]; then
			# Whoever had it may have removed the folder.
			[ "$(stat -Lc %d:%i /proc/self/fd/9)" = "$(stat -c %d:%i "$D" 2>/dev/null)" ] || continue
			locked=1
			printf '%s\n' $$ >"$D/lock"
			trap 'unlock; rm -rf "$W"' EXIT
			return
		fi
		lo_pid='first boot or uninstall'
		[ ! -e "$D/lock" ] || read -r lo_pid <"$D/lock" || :
		[ "$wait" -gt 0 ] || fail "another installation is active: process $lo_pid; --wait SECS waits for it"
		wait=$((wait - 1))
		sleep 1
	done
}
activate() {
	unlock
	[ "$live" ] && [ ! -e $S/first-boot.done ] || return 0
	say 'starting the node'
	bash /usr/local/lib/nodebake/first-boot ||
		fail "the files are installed, but first boot failed: see $S/first-boot.failed; install again, or --rollback"
}

# --- rollback --------------------------------------------------------------------------------------------------------
if [ "$rollback" ]; then
	lock
	left
	case $LEFT-$TASK in
		nothing-*) tidy; say 'there is nothing to go back to; nothing was changed' ;;
		prepared-*) tidy; say 'the last installation had not begun; nothing was changed' ;;
		done-uninstall) forget; say 'everything had been uninstalled already; it was brought to its end' ;;
		*)
			first=''
			if [ "$TASK" = install ] && grep -q "$T-${T}[^$T]*$T$S/ledger\$" "$J/plan"; then first=1; fi
			if [ "$first" ] && [ "$live" ]; then
				for f in $S/stage/usr/local/lib/nodebake/uninstall $S/stage/etc/nodebake/node.env; do
					[ ! -e "$f" ] || cp "$f" "$W/"
				done
				units --off
			fi
			undo
			say 'everything is as it was before'
			if [ "$first" ]; then
				[ ! "$live" ] || forget
			else
				activate
			fi ;;
	esac
	exit 0
fi

# --- the bundle ------------------------------------------------------------------------------------------------------
refuse() { say "error: $here: $*"; say 'nothing was changed'; exit 1; }
[ -f "$here/SHA256SUMS" ] || refuse 'there is no unpacked bundle'
(cd "$here" && sha256sum -c SHA256SUMS) >"$W/sums" 2>&1 || {
	grep -v ': OK$' "$W/sums" >&2
	refuse 'it was changed'
}
if [ ! "$node" ]; then
	set -- "$here"/nodes/*/
	[ $# = 1 ] || wrong "the bundle has $# nodes, choose one with --node: $(cd "$here/nodes" && echo *)"
	node=${1%/} node=${node##*/}
fi
case $node in */* | . | ..) wrong "$node is no name of a node" ;; esac
list=$here/nodes/$node/install.list
[ -f "$list" ] || wrong "the bundle has no node $node"
# What is believed of the list: its form, that no path leads elsewhere, and that every member was summed.
awk -F '\t' -v state=$S '
	function bad(why) { print "line " FNR " of the install list: " why; failed = 1; exit 1 }
	FILENAME != ARGV[2] { sums[substr($0, 67)] = substr($0, 1, 64); next }
	FNR == 1 { if ($0 != "# nodebake install list v1") bad("unknown"); next }
	NF != 6 || $1 !~ /^(node|image|state)$/ || length($2) != 64 || $2 ~ /[^0-9a-f]/ { bad("damaged") }
	$3 !~ /^[0-7][0-7][0-7][0-7]$/ || $4 !~ /^[0-9]+$/ { bad("damaged") }
	$6 !~ /^\/[!-~]+$/ || ($6 "/") ~ /\/\.?\.?\// { bad("not a clean path") }
	$5 in sums == 0 || sums[$5] != $2 { bad("not what SHA256SUMS tells") }
	seen[$6]++ { bad("twice") }
	($1 == "state") != (index($6, state "/") == 1) { bad("not where it goes") }
	$1 == "state" && $6 != state "/artifacts.done" && index($6, state "/stage/") != 1 { bad("not for a bundle to write") }
	END { if (failed) exit 1 }' "$here/SHA256SUMS" "$list" >&2 || refuse "nodes/$node/install.list is refused"
member() { awk -F '\t' -v path="$1" '$6 == path { print $5 }' "$list"; } # of a path

# --- preflight -------------------------------------------------------------------------------------------------------
: >"$W/conflicts"
conflict() { printf '%s: %s; %s\n' "$@" >>"$W/conflicts"; }
stop_at_conflicts() {
	[ -s "$W/conflicts" ] || return 0
	sort -u "$W/conflicts" | sed 's/^/error: /' >&2
	say "$(sort -u "$W/conflicts" | wc -l | tr -d ' ') in the way; nothing was changed"
	exit 1
}
env=$(member /etc/nodebake/node.env)
if [ "$live" ]; then
	bash "$here/$(member /usr/local/lib/nodebake/first-boot)" --preflight "$here/$env" || exit 1
elif [ "$env" ]; then
	planned() { sed -n "s/^$1=//p" "$here/$env" | tr -d "\"'"; }
	through /etc/os-release
	os=unknown
	# shellcheck source=/dev/null
	[ ! -f "$P" ] || os=$(ID='' VERSION_ID=''; . "$P"; echo "$ID-$VERSION_ID")
	[ "$os" = "$(planned NB_OS)" ] || conflict /etc/os-release "the system is $os, planned: $(planned NB_OS)" \
		'take the image family that node.yaml names'
	through /bin/sh
	arch=unknown
	[ ! -f "$P" ] || case $(od -An -tu1 -N20 "$P" | tr -s ' \n' ' ') in
		' 127 69 76 70 '*' 62 0 ') arch=amd64 ;;
		' 127 69 76 70 '*' 183 0 ') arch=arm64 ;;
	esac
	[ "$arch" = "$(planned NB_ARCH)" ] || conflict /bin/sh "the architecture is $arch, planned: $(planned NB_ARCH)" \
		'take an image of that architecture'
	at /etc/cni/net.d/.
	for f in "$P"/*.conf "$P"/*.conflist "$P"/*.json; do
		path=/etc/cni/net.d/${f##*/}
		if [ -e "$f" ] && [ ! "$(member "$path")" ] && ! grep -qsF " $path" "$D/ledger"; then
			conflict "$path" 'a foreign CNI configuration is there' 'move it away'
		fi
	done
	brings=$(cut -f6 "$list" | grep '/containerd$') || :
	for path in /var/lib/kubelet/pki ${brings:+/var/lib/containerd/io.containerd.metadata.v1.bolt}; do
		at "$path"
		if [ -e "$P" ] && ! grep -qs '/kubelet.service$' "$D/ledger"; then
			conflict "$path" 'state of another node is there' 'build the image from one that has not run as a node'
		fi
	done
fi
stop_at_conflicts

# --- the plan: lines of verb, before, after, kind of source, source, path --------------------------------------------
if [ ! "$dry" ]; then
	lock
	recover
fi
touch "$W/ledger" "$W/dirs" "$W/adopted" "$W/content" "$W/changes" "$W/make" "$W/drop" "$W/new-ledger" "$W/new-adopted"
[ ! -e "$D/ledger" ] || cat "$D/ledger" >"$W/ledger"
[ ! -e "$D/dirs" ] || awk '!seen[$0]++' "$D/dirs" >"$W/dirs"
[ ! -e "$D/adopted" ] || cat "$D/adopted" >"$W/adopted"
change() { (IFS=$T; printf '%s\n' "$*") >>"$W/changes"; }
mark() { # SEEN as what a copy of it will be
	case $1 in f:*) echo "$1" | cut -d: -f1-3 ;; *) echo "$1" ;; esac
}
back_up() { # PATH TO; SEEN is what lies at PATH
	bu_seen=$SEEN bu_has=$HAS
	see "$2"
	bu_older=$SEEN
	SEEN=$bu_seen HAS=$bu_has
	[ "$bu_older" != "$bu_seen" ] || return 0
	if [ "$bu_older" != - ]; then
		bu_n=1
		while at "$2.~$bu_n~"; [ -e "$P" ] || [ -L "$P" ]; do bu_n=$((bu_n + 1)); done
		change 'back up' - "$(mark "$bu_older")" keep "$2" "$2.~$bu_n~"
	fi
	change 'back up' "$bu_older" "$(mark "$bu_seen")" keep "$1" "$2"
}
adopt() { # PATH KIND
	case $SEEN in f:*) ;; *) return 1 ;; esac
	printf '%s %s %s\n' "$HAS" "$2" "$1" >>"$W/new-ledger"
	printf '%s\n' "$1" >>"$W/new-adopted"
	printf '%s %s\n' "$(mark "$SEEN")" "$1" >>"$W/content"
	say "kept $1: adopted"
}
want() { # PATH AFTER KIND SOURCE VERB WAS-SHA WAS-KIND ADOPTED
	wa_sha=${2#?:} wa_sha=${wa_sha%%:*} wa_verb=$5
	see "$1"
	if [ "$SEEN" = folder ] || [ "$SEEN" = special ]; then
		conflict "$1" "a $SEEN is there" 'move it away'
		return
	fi
	if is "$2"; then
		[ "$6" = - ] || printf '%s %s %s\n' "$wa_sha" "$7" "$1" >>"$W/new-ledger"
		return
	fi
	wa_kind=$7
	if [ "$SEEN" = - ]; then
		[ "$wa_kind" != - ] || wa_kind=created
	elif [ "$6" != - ]; then
		if [ "$HAS" = "$6" ] && [ "$8" = yes ]; then
			say "kept $1: adopted; remove it to have the bundle's"
			adopt "$1" "$wa_kind" 2>/dev/null
			return
		fi
		[ "$wa_verb" = enable ] || wa_verb=replace
		wa_has=$HAS wa_seen=$SEEN
		[ "$HAS" = "$6" ] || see "$S/backup$1"
		wa_old=$HAS SEEN=$wa_seen HAS=$wa_has
		if [ "$HAS" != "$6" ] && [ "$wa_old" != "$HAS" ]; then
			if [ "$adopt" ] && adopt "$1" "$wa_kind"; then return; fi
			if [ ! "$backup" ]; then
				conflict "$1" 'it was changed here since nodebake wrote it' \
					'--backup keeps a copy and replaces it, --adopt leaves it'
				return
			fi
			back_up "$1" "$S/backup$1.changed"
		fi
	else
		wa_kind=replaced
		case $adopt$SEEN in
			1f:*)
				back_up "$1" "$S/backup$1"
				adopt "$1" replaced
				return ;;
		esac
		if [ ! "$backup" ]; then
			case $SEEN in f:*) wa_what='a file' ;; *) wa_what='a link' ;; esac
			conflict "$1" "$wa_what is there that nodebake did not write" \
				'--backup keeps a copy and replaces it, --adopt leaves it'
			return
		fi
		[ "$wa_verb" = enable ] || wa_verb=replace
		back_up "$1" "$S/backup$1"
	fi
	printf '%s %s %s\n' "$wa_sha" "$wa_kind" "$1" >>"$W/new-ledger"
	change "$wa_verb" "$SEEN" "$2" "$3" "$4" "$1"
}
forget_file() { # SHA KIND PATH; wanted no more
	see "$3"
	fo_seen=$SEEN fo_has=$HAS SEEN=- HAS=''
	[ "$2" = created ] || see "$S/backup$3"
	if [ "$2" = replaced ] && [ ! "$HAS" ]; then say "kept $3: its backup is gone"; return; fi
	if [ "$fo_seen" = folder ] || [ "$fo_seen" = special ] ||
		{ [ "$fo_has" ] && [ "$fo_has" != "$1" ] && [ "$fo_has" != "$HAS" ]; }; then
		say "kept $3: changed since"
		return
	fi
	if [ "$2" = replaced ]; then
		[ "$fo_seen" = "$SEEN" ] || change restore "$fo_seen" "$(mark "$SEEN")" keep "$S/backup$3" "$3"
		change record "$SEEN" - none - "$S/backup$3"
	elif [ "$fo_has" ]; then
		change remove "$fo_seen" - none - "$3"
	fi
}
record() { # PATH AFTER KIND SOURCE
	see "$1"
	case $SEEN in
		folder | special) conflict "$1" "a $SEEN is there" 'move it away' ;;
		*) is "$2" || change record "$SEEN" "$2" "$3" "$4" "$1" ;;
	esac
}

{ # path, after, kind, source, verb: the files of the machine, and the links that enable an image's units
	awk -F '\t' -v OFS='\t' -v live="$live" '
		$1 == "node" || $1 == "image" && !live { print $6, "f:" $2 ":" $3, "member", $5, "create" }' "$list"
	if [ ! "$live" ]; then
		awk -F '\t' '$1 == "image" { print $6 }' "$list" | while read -r path; do
			name=${path##*/}
			case $path in
				/etc/systemd/system/*/*) ;;
				/etc/systemd/system/*.service)
					printf '%s\t' "/etc/systemd/system/multi-user.target.wants/$name" "l:$(printf '%s\n' "$path" | sha)" link "$path"
					printf 'enable\n' ;;
			esac
		done
	fi
} >"$W/wanted"
awk -F '\t' -v OFS='\t' -v ledger="$W/ledger" -v adopted="$W/adopted" '
	BEGIN {
		while ((getline line <ledger) > 0) { split(line, w, " "); sha[w[3]] = w[1]; kind[w[3]] = w[2] }
		while ((getline line <adopted) > 0) own[line] = "yes"
	}
	{ print $0, ($1 in sha ? sha[$1] OFS kind[$1] : "-" OFS "-"), ($1 in own ? "yes" : "no") }' "$W/wanted" >"$W/joined"
while IFS=$T read -r path after kind source verb was was_kind own; do
	want "$path" "$after" "$kind" "$source" "$verb" "$was" "$was_kind" "$own"
done <"$W/joined"
awk -F '\t' 'FILENAME == ARGV[1] { wanted[$1] = 1; next } { split($0, w, " "); if (!(w[3] in wanted)) print }' \
	"$W/wanted" "$W/ledger" >"$W/forget"
while read -r sha kind path; do forget_file "$sha" "$kind" "$path"; done <"$W/forget"

# The record's own files: the stage as the bundle has it and no more.
{
	printf 'f:%s:0644\tnodes/%s/install.list\t%s\n' "$(sha <"$list")" "$node" $S/install.list
	awk -F '\t' -v OFS='\t' '$1 == "state" { print "f:" $2 ":" $3, $5, $6 }' "$list"
} >"$W/state"
while IFS=$T read -r after source path; do
	kept=''
	case $path in
		"$S"/stage/*) kept=$(awk -v path="${path#"$S/stage"}" '$2 == path { print $1 }' "$W/content") ;;
		"$S"/artifacts.done)
			awk 'FILENAME == ARGV[1] { split($1, m, ":"); sha[$2] = m[2]; next }
				NF == 5 && $5 in sha { $4 = sha[$5] } { print }' "$W/content" "$here/$source" >"$W/artifacts.done"
			[ -s "$W/content" ] || cat "$here/$source" >"$W/artifacts.done"
			record "$path" "f:$(sha <"$W/artifacts.done"):${after##*:}" text "$W/artifacts.done"
			continue ;;
	esac
	if [ "$kept" ]; then
		record "$path" "$kept" copy "${path#"$S/stage"}"
	else
		record "$path" "$after" member "$source"
	fi
done <"$W/state"
if [ -d "$D/stage" ]; then
	(cd "$D/stage" && find . ! -type d | sed "s|^\.|$S/stage|") | sort >"$W/staged"
	cut -f3 "$W/state" | sort >"$W/listed"
	comm -23 "$W/staged" "$W/listed" >"$W/stale" 2>/dev/null || grep -vxFf "$W/listed" "$W/staged" >"$W/stale" || :
	while read -r path; do record "$path" - none -; done <"$W/stale"
fi

# Folders.
cp "$W/dirs" "$W/new-dirs"
awk -F '\t' '$3 != "-" { print $6 }' "$W/changes" >"$W/come"
awk -F '\t' '$3 == "-" { print $6 }' "$W/changes" >"$W/gone"
awk -v state=$S '{
	n = split($0, part, "/"); folder = ""
	for (i = 2; i < n; i++) { folder = folder "/" part[i]; if (folder != state && !seen[folder]++) print folder }
}' "$W/come" >"$W/folders"
while read -r folder; do
	! is_folder "$folder" || continue
	see "$folder"
	case $SEEN in
		-)
			case $folder in $S/backup*) mode=0700 ;; *) mode=0755 ;; esac
			printf '%s\t%s\n' $mode "$folder" >>"$W/make"
			case $folder in $S*) ;; *) grep -qxF "$folder" "$W/new-dirs" || printf '%s\n' "$folder" >>"$W/new-dirs" ;; esac ;;
		l:*) conflict "$folder" 'a link is there, and a folder is needed' 'move it away' ;;
		*) conflict "$folder" 'a file is there, and a folder is needed' 'move it away' ;;
	esac
done <"$W/folders"
cut -f2 "$W/make" >>"$W/come"
reverse <"$W/dirs" >"$W/dirs-back"
while read -r folder; do
	at "$folder"
	if [ ! -d "$P" ] || [ -L "$P" ]; then continue; fi
	! awk -v below="$folder/" 'index($0, below) == 1 { found = 1 } END { exit !found }' "$W/come" || continue
	empty=1
	for f in "$P"/* "$P"/.*; do
		case ${f##*/} in . | .. | '*' | '.*') [ -e "$f" ] || continue; case ${f##*/} in . | ..) continue ;; esac ;; esac
		grep -qxF "$folder/${f##*/}" "$W/gone" || empty=''
	done
	[ "$empty" ] || continue
	printf '%s\n' "$folder" >>"$W/gone"
	at "$folder"
	mode=$(stat -c %a "$P")
	printf '%04d\t%s\t%s\n' "$mode" "$(stat -c "%u$T%g" "$P")" "$folder" >>"$W/drop"
	grep -vxF "$folder" "$W/new-dirs" >"$W/fewer" || :
	cp "$W/fewer" "$W/new-dirs"
done <"$W/dirs-back"

sort -o "$W/new-adopted" "$W/new-adopted"
sort -k3 "$W/new-ledger" >"$W/sorted-ledger"
for pair in adopted:new-adopted dirs:new-dirs ledger:sorted-ledger; do
	text=$W/${pair#*:}
	if [ -s "$text" ]; then
		record "$S/${pair%:*}" "f:$(sha <"$text"):0644" text "$text"
	else
		record "$S/${pair%:*}" - none -
	fi
done
if awk -F '\t' '$1 != "record" { found = 1 } END { exit !found }' "$W/changes"; then
	see $S/first-boot.done
	case $SEEN in
		f:*)
			mv "$W/changes" "$W/others"
			change record "$SEEN" - none - $S/first-boot.done
			cat "$W/others" >>"$W/changes" ;;
	esac
fi
stop_at_conflicts

# --- doing it --------------------------------------------------------------------------------------------------------
if [ "$dry" ]; then
	awk -F '\t' '{ printf "%-8s %s/\n", "make", $2 }' "$W/make"
	while IFS=$T read -r verb before after kind source path; do
		case $after in
			-) printf '%-8s %s\n' "$verb" "$path" ;;
			l:*) printf '%-8s %s -> %s\n' "$verb" "$path" "$source" ;;
			*) printf '%-8s %s (%s)\n' "$verb" "$path" "${after##*:}" ;;
		esac
		if [ "$kind$verb" = memberreplace ]; then
			at "$path"
			diff -u "$P" "$here/$source" || :
		fi
	done <"$W/changes"
	awk -F '\t' '{ printf "%-8s %s/\n", "remove", $4 }' "$W/drop"
	[ -s "$W/changes" ] || echo 'nothing would be changed'
	exit 0
fi
if [ ! -s "$W/changes" ] && [ ! -s "$W/make" ] && [ ! -s "$W/drop" ]; then
	say "$node is installed already; nothing was changed"
	activate
	exit 0
fi

begin() {
	retire
	rm -rf "$J.new"
	mkdir -m 0700 "$J.new" "$J.new/old"
	own "$J.new" "$J.new/old"
	n=0
	while IFS=$T read -r verb before after kind source path; do
		at "$path"
		case $before in f:* | l:*) another "$P" "$J.new/old/$n" ;; esac
		n=$((n + 1))
	done <"$W/changes"
	{
		echo '# nodebake journal v1 install'
		awk -F '\t' '{ print "make\t" $2 }' "$W/make"
		sed "s/^/drop$T/" "$W/drop"
		awk -F '\t' '{ print "change\t" NR - 1 "\t" $2 "\t" $3 "\t" $6 }' "$W/changes"
	} >"$J.new/plan"
	progress applying "$J.new"
	mv "$J.new" "$J"
	sync
}
stage() {
	while IFS=$T read -r mode folder; do
		at "$folder"
		mkdir -m "$mode" "$P"
		own "$P"
	done <"$W/make"
	n=0
	while IFS=$T read -r verb before after kind source path; do
		beside "$path" $n
		new=$P
		n=$((n + 1))
		case $kind in
			none) continue ;;
			link) ln -s "$source" "$new"; continue ;;
			keep) at "$source"; another "$P" "$new"; continue ;;
			copy) at "$source"; from=$P ;;
			member) from=$here/$source ;;
			text) from=$source ;;
		esac
		(umask 077; cp "$from" "$new")
		own "$new"
		chmod "${after##*:}" "$new"
		case $after in
			f:"$(sha <"$new")":*) ;;
			*) say "error: $from is being changed"; return 1 ;;
		esac
	done <"$W/changes"
	sync
}
apply() {
	n=0
	while IFS=$T read -r verb before after kind source path; do
		beside "$path" $n
		new=$P
		n=$((n + 1))
		at "$path"
		if [ "$after" = - ]; then rm "$P"; else mv -fT "$new" "$P"; fi
	done <"$W/changes"
	while IFS=$T read -r mode uid gid folder; do
		at "$folder"
		rmdir "$P" 2>/dev/null || :
	done <"$W/drop"
	sync
}
# `set -e` does not hold in what a condition runs, so each part is a shell of its own.
part() { set +e; (set -e; "$@"); rc=$?; set -e; }
for step in begin stage apply 'progress done'; do
	# shellcheck disable=SC2086
	part $step
	[ "$rc" = 0 ] || break
done
if [ "$rc" != 0 ]; then
	left
	case $LEFT in
		applying | undoing) undo; say 'everything is as it was' ;;
		*) rm -rf "$J.new" ;;
	esac
	exit 3
fi
say "installed $node: $(wc -l <"$W/changes" | tr -d ' ') files"
activate
