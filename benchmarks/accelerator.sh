#!/bin/sh
# Everything that is measured on an accelerator, in one call from the root of the repository:
#
#   sh benchmarks/accelerator.sh data/beauty gpu             # the folder gpu gets the tables
#   DEVICE=cpu MODELS="sasrec comif" sh benchmarks/accelerator.sh data/demo out    # to try it
#
# Seconds an epoch, ranking and memory of every model in fp32 and bf16 beside COMIF's Table 7; whether
# ranks are the CPU's, whether a seed repeats, and how busy the device is; then several runs at once.
set -eu
data=${1:?folder of a prepared data set} out=${2:?folder for the tables}
device=${DEVICE:-cuda} models=${MODELS:-} jobs=${JOBS:-4} attributes=${ATTRIBUTES:-brand}
python=${PYTHON:-python}
here=$(dirname "$0")
if [ -e "$out/at_once_1" ]; then # its finished runs would not be trained, and so not be timed, again
    echo "$out: holds an earlier measurement; name another folder" >&2
    exit 2
fi
mkdir -p "$out"

times="--every-model"
own=""
if [ -n "$models" ]; then
    times=""
    for model in $models; do
        times="$times --own $model"
        own="$own --own $model"
    done
fi

for precision in fp32 bf16; do
    # shellcheck disable=SC2086  # options are words
    "$python" "$here/training.py" --data "$data" --device "$device" --precision "$precision" $times \
        --attributes "$attributes" --rounds 1 --out "$out/times_$precision.md" \
        --printed "$here/../experiments/published/comif_table7_efficiency.csv"
    # shellcheck disable=SC2086
    "$python" "$here/accelerator.py" --data "$data" --device "$device" --precision "$precision" $own \
        --attributes "$attributes" --out "$out/checks_$precision.md"
done

# How long do several runs take at once, and the same runs one after the other?
cat > "$out/at_once.yaml" <<EOF
title: Several runs at once
datasets: [$(basename "$data")]
seeds: [0, 1, 2, 3]
set: {epochs: 3, threads: 1}
rows:
  SASRec: {model: sasrec}
EOF
for count in 1 "$jobs"; do
    start=$(date +%s)
    "$python" -m sirec study "$out/at_once.yaml" --data-root "$(dirname "$data")" \
        --out "$out/at_once_$count" --device "$device" --jobs "$count" > "$out/at_once_$count.txt"
    echo "4 runs of SASRec, 3 epochs each, $count at a time: $(($(date +%s) - start)) s" | tee -a "$out/at_once.txt"
done
