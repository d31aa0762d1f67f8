using Microsoft.CodeAnalysis;

namespace SkipSoftmax.Generator.Parsing;

/// <summary>Takes the mistakes found in one declaration. The analyzer reports them; the generator only needs to know that there are any.</summary>
internal sealed class MistakeReporter(Action<Diagnostic>? report)
{
    /// <summary>Whether the declaration has a mistake, reported here or by the compiler.</summary>
    public bool Any { get; private set; }

    public void Report(DiagnosticDescriptor descriptor, Location? location, params object[] arguments)
    {
        Any = true;
        report?.Invoke(Diagnostic.Create(descriptor, location ?? Location.None, arguments));
    }

    /// <summary>The compiler reports this one: nothing to add, and nothing to generate.</summary>
    public void LeaveToCompiler() => Any = true;
}
