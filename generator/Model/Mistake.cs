using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace SkipSoftmax.Generator.Model;

/// <summary>A mistake in a declaration, as values: it becomes a <see cref="Diagnostic"/> only when it is reported.</summary>
internal sealed record Mistake(DiagnosticDescriptor Descriptor, SourcePosition? Position, EquatableArray<string> Arguments)
{
    public Diagnostic ToDiagnostic() => Diagnostic.Create(Descriptor, Position?.ToLocation() ?? Location.None, [.. Arguments]);
}

/// <summary>A place in the user's source that holds on to no syntax tree.</summary>
internal sealed record SourcePosition(string Path, TextSpan Span, LinePositionSpan Lines)
{
    public static SourcePosition? Of(Location? location) =>
        location is { SourceTree: SyntaxTree tree } ? new(tree.FilePath, location.SourceSpan, location.GetLineSpan().Span) : null;

    public Location ToLocation() => Location.Create(Path, Span, Lines);
}

/// <summary>What was read from one attribute: a declaration, or the mistakes in it. Neither, where the compiler reports the mistake.</summary>
internal sealed record ParseResult(AttentionDeclaration? Declaration, EquatableArray<Mistake> Mistakes);
