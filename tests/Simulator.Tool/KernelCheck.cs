using SkipSoftmax.Conformance;
using SkipSoftmax.Descriptors;
using Xunit.Sdk;

namespace SkipSoftmax.Simulation;

/// <summary>Runs a declared kernel on one problem and judges everything it did by the contract.</summary>
internal static class KernelCheck
{
    /// <summary>
    /// Runs the kernel and, where it does not return everything, its sister that does: their outputs must be the same bits, and the sister's
    /// decisions, LSE, counters and output are held against the double-precision reference.
    /// </summary>
    /// <param name="declared">The kernel.</param>
    /// <param name="problem">Any problem of the kernel's shape; its specification is replaced by the kernel's.</param>
    /// <exception cref="SimulatorException">The kernel broke a rule of the machine.</exception>
    /// <exception cref="XunitException">Its answer is not the reference's; the message says where.</exception>
    public static KernelCheckResult Run(EmittedKernel declared, AttentionCase problem)
    {
        AttentionSpecification specification = declared.Specification;
        AttentionCase asDeclared = problem with { Specification = specification };
        AttentionCase recording = problem with { Specification = specification with { CountTiles = true, RecordDecisions = true, ReturnLse = true } };
        Schedule schedule = Schedule.Of(problem.Name);
        SimulatedRun run = SimulatorBackend.Run(asDeclared, KernelLibrary.Of(declared), schedule);
        bool recordsAll = recording.Specification == specification;
        BackendResult judged = recordsAll ? run.Result : SimulatorBackend.Run(recording, schedule).Result;
        ReferenceComparison comparison = ReferenceComparison.Check(recording, judged);
        if (!recordsAll)
        {
            RequireSame(problem, judged, run.Result, specification);
        }
        WorkCounts? expected = specification.Phase == AttentionPhase.Decode
            ? null
            : TiledPrefill.Of(declared.Kernel).Count(asDeclared, judged.Decisions);
        return new(schedule, comparison, run.Counters.Work, expected);
    }

    private static void RequireSame(AttentionCase problem, BackendResult recording, BackendResult declared, AttentionSpecification specification)
    {
        BackendResult untouched = BackendResult.Allocate(problem);
        Require(recording.Output.Bytes.SequenceEqual(declared.Output.Bytes), "the output");
        Require((specification.ReturnLse ? recording : untouched).Lse.SequenceEqual(declared.Lse), "the LSE");
        Require((specification.CountTiles ? recording : untouched).Counters.SequenceEqual(declared.Counters), "the counters");
        Require((specification.RecordDecisions ? recording : untouched).Decisions.SequenceEqual(declared.Decisions), "the decisions");

        void Require(bool same, string what)
        {
            if (!same)
            {
                throw new XunitException($"{problem.Name}: {what} of the kernel as declared differ from those of the one that returns everything.");
            }
        }
    }
}

/// <summary>A run whose answer was the reference's.</summary>
/// <param name="Schedule">How it was interleaved.</param>
/// <param name="Comparison">Against the reference.</param>
/// <param name="Work">What the kernel did.</param>
/// <param name="ExpectedWork">What its decisions call for; null of decode, whose seeds are read by as many CTAs as share a head.</param>
internal sealed record KernelCheckResult(Schedule Schedule, ReferenceComparison Comparison, WorkCounts Work, WorkCounts? ExpectedWork);
