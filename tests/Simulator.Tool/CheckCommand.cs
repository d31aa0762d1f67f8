using System.Globalization;
using SkipSoftmax.Conformance;
using SkipSoftmax.Descriptors;
using SkipSoftmax.Tool.Declarations;
using Xunit.Sdk;

namespace SkipSoftmax.Simulation;

/// <summary>"Does my variant work?": the kernels of a user's declarations on random problems or on given tensors, reported case by case.</summary>
internal static class CheckCommand
{
    /// <summary>Lines of the kernel's text around the one that an error names.</summary>
    private const int Context = 2;

    /// <summary>For given tensors.</summary>
    private const float DefaultLambda = 0.01f;

    /// <summary>Runs every kernel that the file declares. True if all of them gave the reference's answers.</summary>
    /// <exception cref="DeclarationException">The file holds nothing to run.</exception>
    public static bool Run(CheckArguments arguments, TextWriter output)
    {
        bool good = true;
        foreach (EmittedKernel kernel in DeclarationSource.ReadKernels(arguments.Declarations, File.ReadAllText(arguments.Declarations)))
        {
            good &= Run(kernel, Problems(kernel, arguments), output);
        }
        return good;
    }

    /// <summary>Runs one kernel on each problem; a failure does not stop the others.</summary>
    public static bool Run(EmittedKernel kernel, IEnumerable<AttentionCase> problems, TextWriter output)
    {
        output.WriteLine($"{kernel.Specification.Name}: {kernel.Kernel.Name}");
        int right = 0;
        int wrong = 0;
        foreach (AttentionCase problem in problems)
        {
            output.WriteLine($"  {problem.Name}");
            try
            {
                if (Report(KernelCheck.Run(kernel, problem), output))
                {
                    right++;
                    continue;
                }
            }
            catch (SimulatorException exception)
            {
                output.WriteLine($"    ERROR of the machine's rules: {exception.Message}");
                Quote(kernel, exception.Line, output);
            }
            catch (XunitException exception)
            {
                output.WriteLine($"    WRONG ANSWER: {exception.Message}");
            }
            wrong++;
        }
        output.WriteLine($"  {right} right, {wrong} wrong");
        output.WriteLine();
        return wrong == 0;
    }

    private static IEnumerable<AttentionCase> Problems(EmittedKernel kernel, CheckArguments arguments)
    {
        AttentionSpecification specification = kernel.Specification;
        if (arguments.Tensors is not null && specification.Phase == AttentionPhase.Decode)
        {
            throw new DeclarationException($"{specification.Name} is a decode kernel, and --tensors {arguments.Tensors} is a prompt: leave the option out to check on random problems.");
        }
        IEnumerable<AttentionCase> problems = arguments.Tensors is string tensors
            ? [WithThreshold(RealTensorCases.Read(tensors, specification, arguments.Tokens), DefaultLambda)]
            : RandomProblems(kernel, arguments);
        return arguments.Threshold is not float threshold ? problems : problems.Select(problem => problem with
        {
            ThresholdValue = threshold,
            SequenceThresholds = [.. Enumerable.Repeat(threshold, problem.Batch)],
        });
    }

    private static IEnumerable<AttentionCase> RandomProblems(EmittedKernel kernel, CheckArguments arguments)
    {
        RandomCaseOptions options = new() { Specification = kernel.Specification, Lengths = arguments.Lengths };
        if (kernel.Specification.Phase == AttentionPhase.Prefill)
        {
            return Enumerable.Range(arguments.Seed, arguments.Cases).Select(seed => RandomCases.Create(seed, SimulatorBackend.Shapes, options));
        }
        if (arguments.Lengths is (int queries, _) && queries > kernel.Specification.MaxQueryLength)
        {
            throw new DeclarationException(
                $"{kernel.Specification.Name} declares MaxQueryLength = {kernel.Specification.MaxQueryLength}: ask for no more query tokens than that, instead of {queries}.");
        }
        // A decode kernel is one of several by the rows they hold, and a launch takes the smallest that will do.
        return Enumerable.Range(arguments.Seed, int.MaxValue - arguments.Seed)
            .Select(seed => RandomDecodeCases.Create(seed, SimulatorBackend.Shapes, options))
            .Where(problem => problem.GroupSize * problem.Query.Shape.Length <= kernel.Kernel.QueryTile)
            .Take(arguments.Cases);
    }

    /// <summary>The case at a λ, whatever the mode.</summary>
    private static AttentionCase WithThreshold(AttentionCase problem, float lambda) => problem with
    {
        ThresholdValue = problem.Specification.Threshold == ThresholdMode.Fixed ? lambda : lambda * problem.Key.Shape.Length,
        SequenceThresholds = [.. Enumerable.Repeat(lambda, problem.Batch)],
    };

    /// <summary>False where the answer is right, but the kernel did work that its decisions do not call for.</summary>
    private static bool Report(KernelCheckResult result, TextWriter output)
    {
        ReferenceComparison comparison = result.Comparison;
        WorkCounts work = result.Work;
        double share = comparison.Visited == 0 ? 0 : (double)comparison.Skipped / comparison.Visited;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"    decisions: {comparison.Visited} tiles visited, {comparison.Skipped} skipped ({share:p1}), {comparison.TurnedOver} unlike the reference's within rounding"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"    error: {comparison.RelativeError:g3} of the reference's norm, allowed {comparison.AllowedError:g3}"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"    work: Q {work.QueryBytes:n0}, K {work.KeyBytes:n0}, V {work.ValueBytes:n0} bytes read; QKᵀ {work.LogitFlops:n0}, P·V {work.OutputFlops:n0} FLOP; {work.Exponentials:n0} exponentials; {work.Votes:n0} votes"));
        bool called = result.ExpectedWork is not WorkCounts expected || work == expected;
        if (result.ExpectedWork is not null)
        {
            output.WriteLine(called
                ? "    which is exactly what its decisions call for"
                : $"    WRONG WORK: its decisions call for {result.ExpectedWork}");
        }
        output.WriteLine($"    {result.Schedule}");
        return called;
    }

    private static void Quote(EmittedKernel kernel, int line, TextWriter output)
    {
        string[] text = kernel.TextAboveInstructions.Split('\n');
        for (int number = Math.Max(1, line - Context); line > 0 && number <= Math.Min(text.Length, line + Context); number++)
        {
            output.WriteLine($"    {(number == line ? '>' : ' ')} {number,5} {text[number - 1]}");
        }
    }
}
