using System.Runtime.Intrinsics;
using SkipSoftmax.Arguments;

namespace SkipSoftmax.Cpu;

/// <summary>Skip Softmax attention in SIMD C#, on the caller's and the thread pool's threads.</summary>
/// <remarks>Results have the same bits whatever the number of threads; between vector widths (AVX-512, AVX2, 128 bits) they may differ
/// in rounding.</remarks>
internal static class CpuBackend
{
    /// <summary>Key tiles of decode that are worked on in one go. Fixed, so that results don't depend on the number of threads.</summary>
    internal const int TilesPerRange = 8;

    /// <summary>Runs one validated call on host memory and returns when its results are written.</summary>
    /// <param name="problem">The call.</param>
    /// <param name="threads">Threads to use; 0: one for each processor.</param>
    /// <param name="tilesPerRange">Key tiles of decode that are worked on in one go: another number gives other rounding.</param>
    internal static void Run(in AttentionProblem problem, int threads, int tilesPerRange = TilesPerRange)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Run<Simd512, Vector512<float>>(in problem, threads, tilesPerRange);
        }
        else if (Vector256.IsHardwareAccelerated)
        {
            Run<Simd256, Vector256<float>>(in problem, threads, tilesPerRange);
        }
        else
        {
            Run<Simd128, Vector128<float>>(in problem, threads, tilesPerRange);
        }
    }

    /// <summary>The same with vectors of one width, whether or not the processor has them.</summary>
    internal static unsafe void Run<TSimd, TVector>(in AttentionProblem problem, int threads, int tilesPerRange = TilesPerRange)
        where TSimd : struct, ISimd<TVector> where TVector : struct
    {
        fixed (byte* query = problem.Query.HostBytes, key = problem.Key.HostBytes, value = problem.Value.HostBytes, output = problem.Output.HostBytes)
        fixed (float* lse = problem.Lse.HostValues)
        fixed (int* blockTable = problem.BlockTable.Pages.HostValues)
        fixed (TileDecision* decisions = problem.Decisions.HostValues)
        {
            var call = new AttentionCall(in problem, query, key, value, output, lse, decisions, blockTable);
            int workers = threads == 0 ? Environment.ProcessorCount : threads;
            if (call.Specification.Phase == AttentionPhase.Decode)
            {
                DecodeAttention<TSimd, TVector>.Run(call, workers, tilesPerRange);
            }
            else
            {
                PrefillAttention<TSimd, TVector>.Run(call, workers);
            }
            problem.Status.HostValues.Clear(); // what it would report was refused before
            if (!problem.Counters.IsEmpty)
            {
                call.WriteCounters(problem.Counters.HostValues);
            }
        }
    }
}
