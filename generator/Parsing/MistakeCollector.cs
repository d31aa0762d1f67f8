using Microsoft.CodeAnalysis;
using SkipSoftmax.Generator.Model;

namespace SkipSoftmax.Generator.Parsing;

/// <summary>Takes the mistakes found in one declaration.</summary>
internal sealed class MistakeCollector
{
    private readonly List<Mistake> _mistakes = [];

    /// <summary>Whether the declaration has a mistake, reported here or by the compiler.</summary>
    public bool Any { get; private set; }

    public EquatableArray<Mistake> Mistakes => new([.. _mistakes]);

    public void Report(DiagnosticDescriptor descriptor, Location? location, params object[] arguments)
    {
        Any = true;
        _mistakes.Add(new(descriptor, SourcePosition.Of(location), new([.. arguments.Select(argument => FormattableString.Invariant($"{argument}"))])));
    }

    /// <summary>The compiler reports this one: nothing to add, and nothing to generate.</summary>
    public void LeaveToCompiler() => Any = true;
}
