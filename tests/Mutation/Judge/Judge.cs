extern alias generator;
using System.Diagnostics;
using generator::SkipSoftmax.Generator.Specialization;
using SkipSoftmax.Conformance;
using SkipSoftmax.Descriptors;
using SkipSoftmax.Simulation;
using Xunit.Sdk;

namespace SkipSoftmax.Mutation;

/// <summary>Compiles kernels from changed templates and tries them until something is wrong.</summary>
internal sealed class Judge(MutationTarget target)
{
    /// <summary>Of a mutant; or of the templates as they are, for null, which must survive.</summary>
    public Verdict Try(Mutant? mutant)
    {
        Stopwatch clock = Stopwatch.StartNew();
        TemplateLibrary templates = TemplateLibrary.Embedded;
        if (mutant is not null)
        {
            Dictionary<string, string> files = new(templates.Files, StringComparer.Ordinal) { [mutant.File] = mutant.Text };
            templates = new(files);
        }
        foreach (TrialKernel kernel in target.Kernels)
        {
            EmittedKernel emitted;
            try
            {
                emitted = EmittedKernel.Of(kernel.Specification, kernel.Rows, templates);
            }
            catch (TemplateException exception)
            {
                return new(Outcome.Uncompilable, "generator", exception.Message, clock.Elapsed.TotalSeconds);
            }
            (Outcome outcome, string by, string message) = Try(kernel, emitted);
            if (outcome != Outcome.Survived)
            {
                return new(outcome, by, $"{emitted.Kernel.Name}: {message}", clock.Elapsed.TotalSeconds);
            }
        }
        return new(Outcome.Survived, "", "", clock.Elapsed.TotalSeconds);
    }

    private static (Outcome Outcome, string By, string Message) Try(TrialKernel kernel, EmittedKernel emitted)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("skip-softmax-mutant-");
        try
        {
            KernelLibrary library = new(emitted, HostCompiler.BuildIn(folder.FullName, emitted));
            foreach (Trial trial in kernel.Trials)
            {
                Run(trial, library);
            }
            return (Outcome.Survived, "", "");
        }
        catch (CompilationException exception)
        {
            string error = exception.Message.Split('\n').FirstOrDefault(line => line.Contains("error", StringComparison.Ordinal)) ?? exception.Message;
            return (Outcome.Uncompilable, "compiler", error);
        }
        catch (SimulatorException exception)
        {
            return (Outcome.Killed, exception.Message.Contains("deadlock", StringComparison.OrdinalIgnoreCase) ? "deadlock" : "rule of the machine", exception.Message);
        }
        catch (XunitException exception)
        {
            return (Outcome.Killed, "wrong answer", exception.Message);
        }
        catch (WorkException exception)
        {
            return (Outcome.Killed, "work counts", exception.Message);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Run(Trial trial, KernelLibrary library)
    {
        AttentionCase attentionCase = trial.Problem.Case;
        // A persistent prefill kernel takes a CTA a multiprocessor.
        SimulatedRun run = SimulatorBackend.Run(attentionCase, library, trial.Schedule, multiprocessors: trial.Problem.Ctas, ctas: trial.Problem.Ctas);
        ReferenceComparison comparison = ReferenceComparison.Check(attentionCase, run.Result);
        if (trial.Problem.Exact && comparison.TurnedOver > 0)
        {
            throw new XunitException($"{attentionCase.Name}: {comparison.TurnedOver} decisions at the threshold are not the reference's.");
        }
        if (run.Status != DecodeStatus.None)
        {
            throw new XunitException($"{attentionCase.Name}: status {run.Status}, but lengths and tables are good.");
        }
        if (attentionCase.Specification.Phase == AttentionPhase.Decode)
        {
            RequireDecodeWork(trial, library, run);
        }
        else
        {
            if (library.Kernel.Target == GpuTargets.Sm90)
            {
                RequireTurns(attentionCase, run.Counters);
            }
            WorkCounts expected = TiledPrefill.Of(library.Kernel).Count(attentionCase, run.Result.Decisions);
            WorkException.Require(attentionCase, expected with { Exponentials = WithThoseTakenAnew(expected.Exponentials, library.Kernel, attentionCase, run.Counters) }, run.Counters.Work);
        }
    }

    /// <summary>A warp whose weights grow too large makes its logits once more, by products of its own, and takes the exponentials of the blocks that it
    /// keeps a second time: at least one block for each time, at most a product tile. What was counted, if it is among that; the least otherwise.</summary>
    private static ulong WithThoseTakenAnew(ulong expected, GpuKernel kernel, AttentionCase attentionCase, SimulatorCounters counted)
    {
        const ulong rows = 16, columnsOfAProduct = 8, depthOfAProduct = 16;
        ulong times = counted.WarpProducts / ((ulong)kernel.KeyTile / columnsOfAProduct * ((ulong)attentionCase.HeadDim / depthOfAProduct));
        ulong block = rows * (ulong)attentionCase.Specification.KeyBlock;
        ulong least = expected + (times * block);
        ulong most = expected + (times * rows * (ulong)kernel.KeyTile);
        ulong exponentials = counted.Work.Exponentials;
        return exponentials >= least && exponentials <= most && (exponentials - expected) % block == 0 ? exponentials : least;
    }

    /// <summary>Consumer warpgroups issue their products by turns: each those of a step in one piece, and none those of two steps in a row.</summary>
    private static void RequireTurns(AttentionCase attentionCase, SimulatorCounters counted)
    {
        const int depthOfAProduct = 16;
        ulong pieces = counted.SharedSharedProducts / ((ulong)attentionCase.HeadDim / depthOfAProduct);
        WorkException.Require(attentionCase, $"{pieces} turns", $"{counted.ProductTurns} turns");
    }

    private static unsafe void RequireDecodeWork(Trial trial, KernelLibrary library, SimulatedRun run)
    {
        const ulong rowsOfAProduct = 16, depthOfAProduct = 16, columnsOfAProduct = 8;
        AttentionCase attentionCase = trial.Problem.Case;
        SimulatorCounters counted = run.Counters;
        DecodeWork expected = new SplitDecode(trial.Problem.Ctas).Count(attentionCase, run.Result.Decisions);
        ulong productsOfATile = (ulong)library.Kernel.QueryTile / rowsOfAProduct * ((ulong)attentionCase.HeadDim / depthOfAProduct)
            * ((ulong)attentionCase.Specification.KeyBlock / columnsOfAProduct);
        WorkException.Require(attentionCase, (expected.KeyBytes, expected.ValueBytes, (expected.ScoredTiles + expected.KeptTiles) * productsOfATile),
            (counted.TensorBytes[0], counted.TensorBytes[1], counted.WarpProducts));
    }

    /// <summary>The answer was right, but not what was done for it.</summary>
    private sealed class WorkException(string message) : Exception(message)
    {
        public static void Require<T>(AttentionCase attentionCase, T expected, T counted) where T : IEquatable<T>
        {
            if (!expected.Equals(counted))
            {
                throw new WorkException($"{attentionCase.Name}: the kernel did {counted}, but its decisions call for {expected}.");
            }
        }
    }
}
