#!/usr/bin/env bash
# A Slurm of one node on this machine, to try profiles/slurm before a real cluster does (Debian or Ubuntu, as root):
#
#     tools/slurm_local.sh start    installs Slurm, starts munged, slurmctld and slurmd on 127.0.0.1
#     tools/slurm_local.sh try      runs a small study on it, kills a job half way, and sees it go on where it was
#     tools/slurm_local.sh stop     ends the three that it started
#
# GPUS=2 gives the node so many made-up GPUs, so that what asks for one is scheduled; nothing can compute on them.
set -euo pipefail
cd "$(dirname "$0")/.."
work=${SLURM_LOCAL:-/tmp/zsad-slurm} # its state, logs and configuration, to which links lead from etc while it runs
etc=/etc/slurm                       # a job's own commands look nowhere else
gpus=${GPUS:-0}
conf=$work/slurm.conf

fail() {
    printf 'slurm_local: %s\n' "$*" >&2
    exit 1
}

install() {
    [ -x /usr/sbin/slurmctld ] && [ -x /usr/sbin/slurmd ] && [ -x /usr/sbin/munged ] && return
    [ "$(id -u)" = 0 ] || fail "needs root, or Debian's packages slurm-wlm and munge"
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends slurm-wlm munge
}

configure() {
    for name in slurm.conf gres.conf; do
        [ -L "$etc/$name" ] || [ ! -e "$etc/$name" ] || fail "$etc/$name is there: this machine has a Slurm of its own"
    done
    mkdir -p "$work"/{state,spool,log} "$etc"
    local host cores memory devices=""
    host=$(hostname -s)
    cores=$(nproc)
    memory=$(awk '/MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo)
    : >"$work/gres.conf"
    if [ "$gpus" -gt 0 ]; then
        for index in $(seq 0 $((gpus - 1))); do
            touch "$work/gpu$index"
            echo "NodeName=$host Name=gpu File=$work/gpu$index" >>"$work/gres.conf"
        done
        devices="Gres=gpu:$gpus"
    fi
    cat >"$conf" <<CONF
ClusterName=local
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket
SlurmctldPort=16817
SlurmdPort=16818
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/log/slurmctld.log
SlurmdLogFile=$work/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
MpiDefault=none
ReturnToService=2
MinJobAge=86400
DefMemPerCPU=1000
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cores RealMemory=$memory $devices State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
    ln -sf "$conf" "$work/gres.conf" "$etc/"
}

start() {
    install
    configure
    [ -f "$work/munge.key" ] || (umask 077 && head -c 128 /dev/urandom >"$work/munge.key")
    chmod 0755 "$work"
    # --force: root may run it too; the key and the socket are this script's own.
    munged --force --key-file="$work/munge.key" --socket="$work/munge.socket" --pid-file="$work/munged.pid" \
        --log-file="$work/log/munged.log" --seed-file="$work/munged.seed"
    slurmctld
    slurmd
    for _ in $(seq 30); do
        sinfo --noheader --format=%T 2>/dev/null | grep -qE '^(idle|mixed|allocated)' && break
        sleep 1
    done
    sinfo
    srun --ntasks=1 --mem=100 --time=1 true || fail "the node runs nothing: see $work/log"
    echo "slurm_local: ready"
}

stop() {
    for name in slurmd slurmctld munged; do
        if [ -f "$work/$name.pid" ]; then
            kill "$(cat "$work/$name.pid")" 2>/dev/null || true
        fi
    done
    for name in slurm.conf gres.conf; do
        [ ! -L "$etc/$name" ] || rm "$etc/$name"
    done
}

try() {
    sinfo >/dev/null 2>&1 || fail "no Slurm here: $0 start"
    local folder=build/slurm python=${PYTHON:-.venv/bin/python} job="" kept
    rm -rf "$folder" build/study/slurm-try
    mkdir -p "$folder/records" "$folder/data/parts"
    [ -d build/data/demo-mvtec/washer ] || "$python" -m zsad.cli demo-data build/data
    cp -r build/data/demo-mvtec/washer "$folder/data/parts/"
    # A study of a few minutes: its searches are what a killed job has to take up again.
    cat >"$folder/slurm-try.yaml" <<STUDY
suites: {parts: {reader: mvtec_ad, root: parts, categories: [washer]}}
detectors: [winclip]
backbones: [demo-b]
data_root: $PWD/$folder/data
records_root: $PWD/$folder/records
limit: 8
metric_size: 120
bootstrap: 20
sweeps: {angle: [-90, -45, 0, 45, 90], hue: [-3, -1.5, 0, 1.5, 3]}
worst: {settings: [angle, hue], budget: 20}
STUDY
    "$python" -m snakemake records --nolock --workflow-profile profiles/slurm --config "study=$folder/slurm-try.yaml" parts=2 \
        --default-resources mem_mb=2000 runtime=30 --set-resources part:mem_mb=3000 evaluate:mem_mb=3000 \
        --slurm-status-command squeue --slurm-init-seconds-before-status-checks 5 >"$folder/snakemake.log" 2>&1 &
    local snakemake=$!
    trap "kill $snakemake 2>/dev/null || true" EXIT
    echo "slurm_local: waiting for a part to have finished two cells"
    while kill -0 $snakemake 2>/dev/null; do
        kept=$(find "$folder/records" -name '*.json' | wc -l)
        job=$(squeue --noheader --states=RUNNING --format='%i' | head -1)
        [ "$kept" -ge 2 ] && [ -n "$job" ] && break
        sleep 0.5
    done
    [ -n "$job" ] || fail "no job was running: see $folder/snakemake.log"
    scancel --signal=KILL --full "$job"
    (cd "$folder/records" && find . -name '*.json' -exec sha256sum {} +) | sort >"$folder/kept-at-the-kill"
    echo "slurm_local: killed job $job, $(wc -l <"$folder/kept-at-the-kill") cells were kept"
    wait $snakemake || fail "the study did not finish: see $folder/snakemake.log"
    (cd "$folder/records" && sha256sum --quiet --check ../kept-at-the-kill) || fail "a cell that was kept was computed again"
    echo "slurm_local: all $(find "$folder/records" -name '*.json' | wc -l) cells are there, and none was computed twice"
    "$python" -m zsad.cli run "$folder/slurm-try.yaml" --there
}

case "${1:-}" in
start | stop | try) "$1" ;;
*) fail "start, try or stop?" ;;
esac
