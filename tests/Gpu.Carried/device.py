#!/usr/bin/env python3
"""Everything that is shown on a GPU, in one call: python3 device.py all OUT (or one of: conform, sanitize, overhead, speed).

Needs the folder that carry.sh makes beside this file, NVRTC, and for `speed` a python3 with PyTorch. Prints as it goes, writes OUT/*.txt and
OUT/*.csv, and exits with 1 if anything was wrong. Times: burst is 0.3 s idle, a warm call, then about 25 ms of calls, the median over rounds;
sustained is about 1 s back to back, the median of its second half. cuDNN's attention runs between ours in the same process on the same tensors.
"""
import argparse
import csv
import ctypes
import lzma
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CARRIED = os.path.join(HERE, "carried")
SANITIZER_TOOLS = ("memcheck", "racecheck", "synccheck", "initcheck")


class Library:
    def __init__(self):
        unpacked = os.path.join(CARRIED, "Gpu.Carried.so")
        if not os.path.exists(unpacked):
            with lzma.open(unpacked + ".xz") as packed, open(unpacked + ".part", "wb") as plain:
                plain.write(packed.read())
            os.replace(unpacked + ".part", unpacked)
        self.calls = ctypes.CDLL(unpacked)
        self.calls.gpu_start(os.path.join(HERE, "../../samples/Quickstart").encode())  # the real tensors lie in data there
        self.methods = {}

    def conform(self, name=""):
        return self.calls.gpu_conform(name.encode())

    def prepare(self, method):
        if method not in self.methods:
            self.methods[method] = self.calls.gpu_prepare(method.encode())
            if self.methods[method] < 0:
                raise SystemExit(f"{method} can't be run")
        return self.methods[method]


class TimedCall(ctypes.Structure):
    """As TimedCall.cs."""

    _fields_ = [(name, ctypes.c_void_p) for name in ("query", "key", "value", "output", "counters", "table", "stream")]
    _fields_ += [(name, ctypes.c_int) for name in ("batch", "query_length", "key_length", "query_heads", "key_value_heads", "head_dim", "pages", "table_width")]
    _fields_ += [("lambda_", ctypes.c_float)]


class Attention:
    """One call of ours on PyTorch tensors [batch, length, heads, head_dim]."""

    def __init__(self, library, method, query, key, value, lambda_=0.0, table=None):
        import torch

        self.library, self.method = library, library.prepare(method)
        self.output = torch.full_like(query, float("nan"))
        decode = method.startswith("decode")
        self.counters = torch.zeros(query.shape[0], key.shape[2] if decode else query.shape[2], 2, dtype=torch.int64, device="cuda")
        self.kept = (query, key, value, table)
        self.call = TimedCall(
            query.data_ptr(), key.data_ptr(), value.data_ptr(), self.output.data_ptr(), self.counters.data_ptr(), 0 if table is None else table.data_ptr(), 0,
            query.shape[0], query.shape[1], 0 if table is not None else key.shape[1], query.shape[2], key.shape[2], query.shape[3],
            0 if table is None else key.shape[0], 0 if table is None else table.shape[1], lambda_)

    def __call__(self):
        import torch

        self.call.stream = torch.cuda.current_stream().cuda_stream
        if self.library.calls.gpu_run(self.method, ctypes.byref(self.call)):
            raise SystemExit("a call failed")


def burst(calls, rounds=9):
    """Milliseconds of a call; `calls` are gone through in turn, so that no data stays in L2."""
    import torch

    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))

    def measure(count):
        first.record()
        for i in range(count):
            calls[i % len(calls)]()
        last.record()
        torch.cuda.synchronize()
        return first.elapsed_time(last) / count

    for call in calls:
        call()
    torch.cuda.synchronize()
    count = max(len(calls), int(25 / measure(len(calls))))
    times = []
    for _ in range(rounds):
        time.sleep(0.3)
        calls[0]()
        times.append(measure(count))
    return statistics.median(times)


def sustained(calls):
    import torch

    events = [torch.cuda.Event(enable_timing=True)]
    torch.cuda.synchronize()
    events[0].record()
    started = time.time()
    i = 0
    while time.time() - started < 1:
        for _ in range(len(calls)):
            calls[i % len(calls)]()
            i += 1
        events.append(torch.cuda.Event(enable_timing=True))
        events[-1].record()
        if len(events) % 4 == 0:
            events[-3].synchronize()  # a short queue: the clock ends with the work
    torch.cuda.synchronize()
    times = [a.elapsed_time(b) / len(calls) for a, b in zip(events, events[1:])]
    return statistics.median(times[len(times) // 2:])


class Graph:
    """Calls captured once and replayed: decode is shorter than what PyTorch takes to enqueue it."""

    def __init__(self, calls, count):
        import torch

        for call in calls:
            call()
        torch.cuda.synchronize()
        self.stream = torch.cuda.Stream()
        with torch.cuda.stream(self.stream):
            for call in calls:
                call()  # allocates the stream's workspace
        torch.cuda.synchronize()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, stream=self.stream):
            for i in range(count):
                calls[i % len(calls)]()
        self.count = count

    def __call__(self):
        self.graph.replay()


def cold_keys(keys, share, block=64, factor=0.05, seed=2):
    """Keys of which this share of blocks is scaled down, so that its logits are near 0 where others reach 9; the first and the last block stay.
    With the same seed, a greater share has all that a smaller one has."""
    import torch

    batch, length, heads, _ = keys.shape
    generator = torch.Generator("cuda").manual_seed(seed)
    cold = torch.rand(batch, length // block, heads, device="cuda", generator=generator) < share
    cold[:, 0] = cold[:, -1] = False
    return torch.where(cold.repeat_interleave(block, 1)[..., None], keys * factor, keys).to(torch.bfloat16)


def keys_that_skip(keys, target, block, count):
    """Keys of which `count(keys)` says that this share of tiles is skipped, as nearly as cold blocks can make it, and that share."""
    low, high, tries = 0.0, 1.0, []
    for _ in range(8):
        share = (low + high) / 2
        cold = cold_keys(keys, share, block)
        skipped = count(cold)
        tries.append((abs(skipped - target), skipped, cold))
        low, high = (share, high) if skipped < target else (low, share)
    _, skipped, cold = min(tries, key=lambda one: one[0])
    return cold, skipped


def tensors(batch, query_length, key_length, query_heads, key_value_heads, head_dim):
    import torch

    mean = 0.75 * (128 / head_dim) ** 0.25
    query = (torch.randn(batch, query_length, query_heads, head_dim, device="cuda") + mean).to(torch.bfloat16)
    key = torch.randn(batch, key_length, key_value_heads, head_dim, device="cuda", dtype=torch.bfloat16) + mean
    value = torch.randn(batch, key_length, key_value_heads, head_dim, device="cuda", dtype=torch.bfloat16)
    return query, key, value


def sdpa(query, key, value, causal, backend):
    import torch.nn.functional as functional
    from torch.nn.attention import sdpa_kernel

    q, k, v = (t.transpose(1, 2) for t in (query, key, value))

    def call():
        with sdpa_kernel(backend):
            return functional.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=True)

    return call


def speed_prefill(library, rows, quick):
    import torch
    from torch.nn.attention import SDPBackend

    shapes = [(64, 4, 128, 16384, "causal"), (32, 32, 64, 16384, "causal"), (32, 32, 256, 16384, "causal"), (64, 4, 128, 16384, "full")]
    if not quick:
        shapes.insert(1, (32, 8, 128, 65536, "causal"))
    for query_heads, key_value_heads, head_dim, length, mask in shapes:
        torch.manual_seed(1)
        query, key, value = tensors(1, length, length, query_heads, key_value_heads, head_dim)
        flop = 4 * length * length * head_dim * query_heads * (0.5 if mask == "causal" else 1)
        shape = f"{query_heads}/{key_value_heads} d{head_dim} {length // 1024}K {mask}"
        prefix = f"prefill_d{head_dim}_{mask}_"
        calls = {
            "cuDNN": (sdpa(query, key, value, mask == "causal", SDPBackend.CUDNN_ATTENTION), 0.0),
            "Off": (Attention(library, prefix + "off", query, key, value), 0.0),
            "λ=0": (Attention(library, prefix + "fixed", query, key, value, 0.0), 0.0),
        }
        if head_dim == 128 and mask == "causal":
            # Decisions of 64 × 64 on cold blocks of 64 keys; of 64 × 128 on those of 128, which is what fmha_v2 was timed on.
            for blocks, block in (("", 64), ("wide_", 128)):
                def count(keys):
                    counted = Attention(library, prefix + blocks + "counted", query, keys, value, 0.01)
                    counted()
                    visited, skipped = counted.counters.sum((0, 1)).tolist()
                    return skipped / visited

                for target in (0.5, 0.74):
                    keys, sparsity = keys_that_skip(key, target, block, count)
                    calls[f"64x{block} skips {sparsity:.3f}"] = (Attention(library, prefix + blocks + "fixed", query, keys, value, 0.01), sparsity)
        base = None
        for name, (call, sparsity) in calls.items():
            times = burst([call], 5 if quick else 9), sustained([call])
            base = base or times
            rows.append(["prefill", shape, name, *times, *(flop / t / 1e9 for t in times), *(b / t for b, t in zip(base, times)), sparsity])
            show(rows[-1])


def speed_decode(library, rows, quick):
    import torch
    from torch.nn.attention import SDPBackend

    shapes = [(64, 16384, 128), (8, 65536, 128), (1, 131072, 128), (64, 16384, 64), (64, 16384, 256)]
    for batch, length, head_dim in shapes if not quick else shapes[:3]:
        torch.manual_seed(1)
        sets = 3 if batch == 1 else 2 if head_dim < 256 else 1
        data = [tensors(batch, 1, length, 64, 4, head_dim) for _ in range(sets)]
        size = 2 * batch * length * 4 * head_dim * 2
        shape = f"b{batch} S{length // 1024}K 64/4 d{head_dim}"
        calls = {
            "cuDNN": ([sdpa(*one, False, SDPBackend.CUDNN_ATTENTION) for one in data], 0.0),
            "Off": ([Attention(library, f"decode_d{head_dim}_off", *one) for one in data], 0.0),
        }
        if head_dim == 256:
            del calls["cuDNN"]  # PyTorch's takes at most 128
        if head_dim == 128:
            calls["λ=0"] = ([Attention(library, "decode_d128_fixed", *one) for one in data], 0.0)
            for share in (0.5, 0.8):
                cold = [(query, cold_keys(key, share), value) for query, key, value in data]
                counted = Attention(library, "decode_d128_counted", *cold[0], 0.01)
                counted()
                visited, skipped = counted.counters.sum((0, 1)).tolist()
                calls[f"skipping {skipped / visited:.3f}"] = ([Attention(library, "decode_d128_fixed", *one, 0.01) for one in cold], skipped / visited)
            pages = batch * length // 64
            table = torch.randperm(pages, device="cuda").view(batch, -1).to(torch.int32)
            paged = [(query, key.view(pages, 64, 4, head_dim), value.view(pages, 64, 4, head_dim)) for query, key, value in data]
            calls["λ=0, pages of 64"] = ([Attention(library, "decode_d128_page64_fixed", *one, 0.0, table) for one in paged], 0.0)
        base = None
        for name, (versions, sparsity) in calls.items():
            single = burst(versions, 3)
            graph = Graph(versions, max(len(versions), int(25 / single)))
            times = burst([graph], 5 if quick else 9) / graph.count, sustained([graph]) / graph.count
            base = base or times
            rows.append(["decode", shape, name, *times, *(size / t / 1e9 for t in times), *(b / t for b, t in zip(base, times)), sparsity])
            show(rows[-1])
        del calls, data


def show(row):
    kind, shape, name, burst_ms, sustained_ms, burst_rate, sustained_rate, burst_ratio, sustained_ratio, sparsity = row
    unit = "TFLOP/s" if kind == "prefill" else "TB/s"
    print(f"{shape:26} {name:18} {burst_ms:9.4f} {sustained_ms:9.4f} ms {burst_rate:9.3f} {sustained_rate:9.3f} {unit:8} {burst_ratio:6.3f} {sustained_ratio:6.3f}", flush=True)


def speed(library, out, quick):
    import torch

    rows = []
    source = torch.randint(0, 100, (2**31,), dtype=torch.int8, device="cuda").view(torch.int64)
    single = burst([lambda: torch.max(source)], 5), sustained([lambda: torch.max(source)])
    rows.append(["read", "2 GiB", "torch.max", *single, *(2**31 / t / 1e9 for t in single), 1.0, 1.0, 0.0])
    show(rows[-1])
    del source
    speed_decode(library, rows, quick)
    speed_prefill(library, rows, quick)
    with open(os.path.join(out, "speed.csv"), "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["kind", "shape", "call", "burst_ms", "sustained_ms", "burst_rate", "sustained_rate", "burst_over_first", "sustained_over_first", "sparsity"])
        writer.writerows(rows)
    return 0


def run(out, name, command):
    """Runs a command, shows what it prints, keeps it in OUT/name.txt, and says whether it failed."""
    started = time.time()
    with open(os.path.join(out, name + ".txt"), "w") as file:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        lines = []
        for line in process.stdout:
            file.write(line)
            lines.append(line.rstrip())
    code = process.wait()
    wrong = [line for line in lines if "FAILED" in line or "=========" in line and "ERROR SUMMARY" not in line]
    print(f"== {name}: exit {code}, {time.time() - started:.0f} s")
    print("\n".join((wrong[:12] + lines[-3:]) if code else lines[-3:]), flush=True)
    return code != 0


def sanitize(out, first, count):
    me = [sys.executable, os.path.abspath(__file__)]
    failures = 0
    for tool in SANITIZER_TOOLS:
        extra = ["--leak-check", "no"] if tool == "memcheck" else []
        failures += run(out, f"sanitizer-{tool}", ["compute-sanitizer", "--tool", tool, *extra, "--error-exitcode", "9", *me, "one-of-each", out,
                                                   "--first", str(first), "--count", str(count)])
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["all", "conform", "sanitize", "one-of-each", "overhead", "speed"])
    parser.add_argument("out")
    parser.add_argument("--filter", default="")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    os.makedirs(arguments.out, exist_ok=True)
    me = [sys.executable, os.path.abspath(__file__)]
    if arguments.what == "conform":
        return Library().conform(arguments.filter)
    if arguments.what == "one-of-each":
        return Library().calls.gpu_one_of_each(arguments.first, arguments.count)
    if arguments.what == "overhead":
        return Library().calls.gpu_overhead()
    if arguments.what == "speed":
        return speed(Library(), arguments.out, arguments.quick)
    if arguments.what == "sanitize":
        return sanitize(arguments.out, arguments.first, arguments.count)
    quick = ["--quick"] if arguments.quick else []
    failures = [run(arguments.out, what, [*me, what, arguments.out, *quick]) for what in ("conform", "overhead", "speed")]
    failures.append(sanitize(arguments.out, arguments.first, arguments.count))
    return 1 if any(failures) else 0


if __name__ == "__main__":
    sys.exit(main())
